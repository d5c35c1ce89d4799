// The member's side of a session: requests of clients come in as bytes, go into the log with a stamp, and the state
// machine's answer goes back. It looks for no duplicates: whether a command was executed, only the log can tell, where it
// is applied (session-table.ts).

import type { Driver } from '../driver/driver.ts';
import type { Applied } from '../driver/driver-api.ts';
import { NotLeaderError, OutcomeUnknownError, OverloadedError } from '../driver/errors.ts';
import type { Cancel, Outcome, Ticker } from '../driver/ports.ts';
import type { RaftNode } from '../driver/raft-node.ts';
import { MalformedError } from './errors.ts';
import {
  decodeRequest,
  encodeAnswer,
  encodeCommand,
  type SessionAnswer,
  type SessionCommand,
  type SessionLimits,
  type SessionRequest,
  type SessionResult,
} from './session-format.ts';
import { defaultSessionLimits, type SessionTable } from './session-table.ts';

export interface SessionHostOptions<Query, Answer> {
  readonly node: RaftNode<SessionResult, Query, Answer> | Driver<SessionResult, Query, Answer>;
  /** The one of this node's state machine. */
  readonly table: SessionTable;
  /** The node's. */
  readonly ticker: Ticker;
  /** They hold on all members from the next registration on that this member takes as leader. */
  readonly limits?: Partial<SessionLimits>;
  /** How long a request waits to be committed; the node's `timeoutTicks` unless given. */
  readonly timeoutTicks?: number;
}

export class SessionHost<Query = unknown, Answer = unknown> {
  readonly #driver: Driver<SessionResult, Query, Answer>;
  readonly #table: SessionTable;
  readonly #limits: SessionLimits;
  readonly #timeoutTicks: number | undefined;
  readonly #cancels: readonly Cancel[];

  constructor({ node, table, ticker, limits, timeoutTicks }: SessionHostOptions<Query, Answer>) {
    this.#driver = 'driver' in node ? node.driver : node;
    this.#table = table;
    this.#limits = checkedLimits({ ...defaultSessionLimits, ...limits });
    this.#timeoutTicks = timeoutTicks;
    this.#cancels = [
      ticker.start((elapsed) => table.clock.advance(elapsed)),
      this.#driver.onLeadership(({ role }) => {
        if (role !== 'leader') table.clock.yield();
      }),
    ];
  }

  /** What an embedder's RPC does with the bytes that a `SessionClient` sends. Always answers; never rejects. */
  call(request: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve) => this.handle(request, resolve));
  }

  /** `call`, by callback. */
  handle(request: Uint8Array, reply: (answer: Uint8Array) => void): void {
    const answer = (given: SessionAnswer): void => reply(encodeAnswer(given));
    let decoded: SessionRequest;
    try {
      decoded = decodeRequest(request);
    } catch (error: unknown) {
      if (!(error instanceof MalformedError)) throw error;
      answer({ kind: 'refused', reason: 'malformed' });
      return;
    }
    const stamp = this.#table.clock.stamp(this.#table.now);
    this.#propose(
      decoded.kind === 'register' ? { ...decoded, stamp, limits: this.#limits } : { ...decoded, stamp },
      answer,
    );
  }

  /**
   * A command outside any session: executed as often as it is proposed. Fails as `Driver.propose` does, and with
   * `OutcomeUnknownError` must not be repeated unless twice does no harm.
   */
  propose(body: Uint8Array, done: (outcome: Outcome<Applied<SessionResult>>) => void): void {
    const stamp = this.#table.clock.stamp(this.#table.now);
    this.#driver.propose(encodeCommand({ kind: 'plain', stamp, body }), this.#timeoutTicks, done);
  }

  /** The node goes on without sessions. */
  close(): void {
    for (const cancel of this.#cancels) cancel();
  }

  #propose(command: SessionCommand, answer: (answer: SessionAnswer) => void): void {
    const bytes = encodeCommand(command);
    if (bytes.length > this.#driver.settings.commandBytesMax) {
      answer({ kind: 'tooLarge' });
      return;
    }
    this.#driver.propose(bytes, this.#timeoutTicks, (outcome) => {
      answer(outcome.kind === 'done' ? outcome.value.result : answerOf(outcome.error));
    });
  }
}

function answerOf(error: Error): SessionAnswer {
  if (error instanceof NotLeaderError) return { kind: 'notLeader', leader: error.leader };
  if (error instanceof OverloadedError) return { kind: 'overloaded' };
  if (error instanceof OutcomeUnknownError) return { kind: 'unknown' };
  return { kind: 'stopped' };
}

function checkedLimits(limits: SessionLimits): SessionLimits {
  for (const [name, value] of Object.entries(limits)) {
    const isFit = Number.isSafeInteger(value) && value >= 1;
    if (!isFit || ((name === 'sessions' || name === 'window') && value > 0xffff_ffff)) {
      throw new RangeError(`the limit ${name} is ${value}, not a whole number from 1`);
    }
  }
  return limits;
}
