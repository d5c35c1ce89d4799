// A session as an application holds it: the calls with promises.

import type { Completion } from '../driver/ports.ts';
import { ReadSession } from '../driver/read-session.ts';
import { SessionCalls, type SessionCallsOptions, type SessionReply } from './session-calls.ts';
import type { ClientId } from './session-format.ts';

export interface SessionClientOptions<Reply> extends SessionCallsOptions {
  /** Reads what `SessionMachineOptions.encodeReply` wrote. */
  readonly decodeReply: (reply: Uint8Array) => Reply;
}

export interface SessionCallOptions {
  /** How long to try, in ticks; without end when absent. */
  readonly timeoutTicks?: number;
}

const registerTicks = 3000;
const closeTicks = 300;

export class SessionClient<Reply> {
  readonly #calls: SessionCalls;
  readonly #decodeReply: (reply: Uint8Array) => Reply;
  /** Has seen all that this session's commands did: for reads with consistency `session`, on any member. */
  readonly reads: ReadSession = new ReadSession();

  private constructor(options: SessionClientOptions<Reply>) {
    const { decodeReply, ...rest } = options;
    this.#calls = new SessionCalls(rest);
    this.#decodeReply = decodeReply;
  }

  /** Registers a session and resolves with it. Rejects with `UnavailableError` when no leader takes it in time. */
  static async open<Reply>(
    options: SessionClientOptions<Reply>,
    call: SessionCallOptions = {},
  ): Promise<SessionClient<Reply>> {
    const client = new SessionClient(options);
    await client.register(call);
    return client;
  }

  /** Names the session in the cluster; `undefined` when it has ended. */
  get id(): ClientId | undefined {
    return this.#calls.client;
  }

  /**
   * Has the command executed exactly once, through every change of leader, lost answer and restart, and resolves with its
   * reply. `SessionCalls.propose` says how it can fail.
   */
  async propose(command: Uint8Array, options: SessionCallOptions = {}): Promise<Reply> {
    const { at, reply } = await promised<SessionReply>((done) =>
      this.#calls.propose(command, options.timeoutTicks, done),
    );
    this.reads.saw(at);
    return this.#decodeReply(reply);
  }

  /**
   * Begins another session after one has expired. Never done by itself: a command that failed with `SessionExpiredError`
   * may have been executed, and in a new session it would be a new command.
   */
  async register(options: SessionCallOptions = {}): Promise<void> {
    await promised<ClientId>((done) => this.#calls.register(options.timeoutTicks ?? registerTicks, done));
  }

  /** Tells the members, if one can be reached, that the session is over. Never rejects. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#calls.close(closeTicks, resolve));
  }
}

function promised<T>(begin: (done: Completion<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((outcome) => {
      if (outcome.kind === 'done') resolve(outcome.value);
      else reject(outcome.error);
    });
  });
}
