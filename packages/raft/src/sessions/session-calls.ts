// The client's side of a session: commands get a sequence number once and keep it through every retry, so that it does not
// matter how often one arrives. Finds the leader, follows hints, waits a little longer after each failure.
//
// Everything here completes by callback, and chance is a function of a seed; `SessionClient` is the same with promises.
// Commands that are under way together have no order among themselves: who needs one waits for the answer.

import type { Index, NodeId } from '../core/api.ts';
import { keyedHash } from '../core/keyed-hash.ts';
import { OutcomeUnknownError, OverloadedError, StoppedError, UnavailableError } from '../driver/errors.ts';
import type { Cancel, Completion, RequestOutcome, Ticker } from '../driver/ports.ts';
import { MalformedError, ReplyDroppedError, SessionExpiredError } from './errors.ts';
import type { SessionEndpoint } from './session-endpoint.ts';
import {
  type ClientId,
  decodeAnswer,
  encodeRequest,
  type SessionAnswer,
  type SessionRequest,
  type SessionResult,
} from './session-format.ts';

export interface SessionCallsOptions {
  /** The members that can be asked, by the names that they call each other. */
  readonly endpoints: ReadonlyMap<NodeId, SessionEndpoint>;
  readonly ticker: Ticker;
  /** Spreads the retries of clients that fail together; each client has its own. */
  readonly seed: string;
  /** How long one attempt waits for its answer. */
  readonly attemptTicks?: number;
  /** How long to wait before the next attempt: at first, and at most. */
  readonly backOffTicks?: number;
  readonly backOffTicksMax?: number;
  /** Commands that wait or are under way. More are `OverloadedError`. */
  readonly pendingMax?: number;
}

export interface SessionReply {
  readonly at: Index;
  readonly reply: Uint8Array;
}

interface Call {
  readonly request: () => SessionRequest;
  /** Ends the call with what a member answered. */
  readonly settle: (result: SessionResult) => void;
  readonly fail: (error: Error) => void;
  /** Called when time runs out; the call is over then. */
  readonly late: (call: Call) => Error;
  cancelTimer: Cancel;
  attempts: number;
  /** Redirections followed since the last wait. */
  hops: number;
  isInFlight: boolean;
  /** An earlier attempt may have reached the log without our knowing. */
  isDoubtful: boolean;
  isOver: boolean;
}

type CallParts = Pick<Call, 'request' | 'settle' | 'fail' | 'late'> & { readonly timeoutTicks: number | undefined };

interface Open {
  readonly client: ClientId;
  readonly window: number;
  nextSequence: number;
  /** Everything before it was sent at least once. */
  nextToSend: number;
  /** Commands without an answer, by sequence. */
  readonly commands: Map<number, Call>;
  /** Nothing was heard since the last look. */
  isQuiet: boolean;
  isKeptAlive: boolean;
  cancelLook: Cancel;
}

const noEffect = 'the command had no effect';

export class SessionCalls {
  readonly #options: Required<SessionCallsOptions>;
  readonly #members: readonly NodeId[];
  #target: NodeId;
  #open: Open | undefined;
  #hasExpired = false;
  #isClosed = false;
  #draws = 0;
  readonly #calls = new Set<Call>();

  constructor(options: SessionCallsOptions) {
    this.#options = { attemptTicks: 300, backOffTicks: 5, backOffTicksMax: 100, pendingMax: 4096, ...options };
    this.#members = [...options.endpoints.keys()];
    const first = this.#members[this.#draw('first', this.#members.length)];
    if (first === undefined) throw new RangeError('a session needs at least one endpoint');
    this.#target = first;
  }

  /** The session that is open, if one is. */
  get client(): ClientId | undefined {
    return this.#open?.client;
  }

  get pending(): number {
    return this.#open?.commands.size ?? 0;
  }

  /**
   * Begins a session, another one when one has ended. Fails with `UnavailableError` when that takes too long; a session that
   * was registered all the same ends by itself.
   */
  register(timeoutTicks: number, done: Completion<ClientId>): void {
    if (this.#isClosed || this.#open !== undefined) {
      const error = this.#isClosed ? new StoppedError(undefined) : new RangeError('a session is open already');
      this.#options.ticker.defer(() => done({ kind: 'failed', error }));
      return;
    }
    this.#start({
      request: () => ({ kind: 'register' }),
      settle: (result) => {
        if (result.kind !== 'registered') {
          done({ kind: 'failed', error: unexpected(result) });
          return;
        }
        if (this.#open === undefined) this.#begin(result.client, result.limits.window, result.limits.idleTicks);
        done({ kind: 'done', value: this.#open?.client ?? result.client });
      },
      fail: (error) => done({ kind: 'failed', error }),
      late: () => new UnavailableError('no leader registered the session in time'),
      timeoutTicks,
    });
  }

  /**
   * Has the command executed exactly once. Retries until there is an answer, without end unless `timeoutTicks` is given.
   * Fails with `OutcomeUnknownError` when time runs out and it may have been executed, with `UnavailableError` when it was
   * not, with `SessionExpiredError` and `ReplyDroppedError`; with `OverloadedError`, `RangeError` and `StoppedError` always
   * without effect.
   */
  propose(body: Uint8Array, timeoutTicks: number | undefined, done: Completion<SessionReply>): void {
    const open = this.#open;
    const refusal = this.#refusal(open);
    if (open === undefined || refusal !== undefined) {
      this.#options.ticker.defer(() => done({ kind: 'failed', error: refusal ?? new SessionExpiredError('none') }));
      return;
    }
    const { client } = open;
    const sequence = open.nextSequence;
    open.nextSequence += 1;
    const over = (): void => {
      open.commands.delete(sequence);
      this.#pump(open);
    };
    const call = this.#call({
      request: () => ({ kind: 'command', client, sequence, firstOpen: firstOpenOf(open), body }),
      settle: (result) => {
        over();
        if (result.kind === 'done') done({ kind: 'done', value: { at: result.at, reply: result.reply } });
        else done({ kind: 'failed', error: errorOf(result) });
      },
      fail: (error) => {
        over();
        done({ kind: 'failed', error });
      },
      late: lateError,
      timeoutTicks,
    });
    open.commands.set(sequence, call);
    this.#pump(open);
  }

  /** Ends the session, so that the members need not keep it until it expires. What is under way fails. */
  close(timeoutTicks: number, done: () => void): void {
    const open = this.#open;
    this.#isClosed = true;
    this.#open = undefined;
    for (const call of [...this.#calls]) this.#end(call, () => call.fail(closedError(call)));
    if (open === undefined) {
      this.#options.ticker.defer(done);
      return;
    }
    open.cancelLook();
    const { client } = open;
    this.#start({
      request: () => ({ kind: 'close', client }),
      settle: done,
      fail: done,
      late: () => new UnavailableError('no leader closed the session in time'),
      timeoutTicks,
    });
  }

  #refusal(open: Open | undefined): Error | undefined {
    if (this.#isClosed) return new StoppedError(undefined);
    if (open === undefined) {
      return this.#hasExpired ? new SessionExpiredError('none') : new RangeError('no session is registered yet');
    }
    if (open.commands.size < this.#options.pendingMax) return undefined;
    return new OverloadedError(`${open.commands.size} commands of this session wait already`);
  }

  #start(what: CallParts): void {
    this.#send(this.#call(what));
  }

  #call({ timeoutTicks, ...parts }: CallParts): Call {
    const call: Call = {
      ...parts,
      cancelTimer: () => {},
      attempts: 0,
      hops: 0,
      isInFlight: false,
      isDoubtful: false,
      isOver: false,
    };
    this.#calls.add(call);
    if (timeoutTicks !== undefined) {
      call.cancelTimer = this.#options.ticker.after(timeoutTicks, () =>
        this.#end(call, () => call.fail(call.late(call))),
      );
    }
    return call;
  }

  #begin(client: ClientId, window: number, idleTicks: number): void {
    const open: Open = {
      client,
      window,
      nextSequence: 1,
      nextToSend: 1,
      commands: new Map(),
      isQuiet: false,
      isKeptAlive: false,
      cancelLook: () => {},
    };
    this.#open = open;
    this.#hasExpired = false;
    this.#lookAfter(open, Math.max(1, Math.floor(idleTicks / 4)));
  }

  /** Keeps an idle session alive. Two looks without a word, and one attempt, fit well into the time that it may be idle. */
  #lookAfter(open: Open, ticks: number): void {
    open.cancelLook = this.#options.ticker.after(ticks, () => {
      if (this.#open !== open) return;
      this.#lookAfter(open, ticks);
      if (!open.isQuiet) open.isQuiet = true;
      else if (!open.isKeptAlive) this.#keepAlive(open);
    });
  }

  #keepAlive(open: Open): void {
    const { client } = open;
    open.isKeptAlive = true;
    this.#start({
      request: () => ({ kind: 'keepAlive', client, firstOpen: firstOpenOf(open) }),
      settle: (result) => {
        open.isKeptAlive = false;
        if (result.kind === 'refused' && result.reason === 'unknownSession') this.#expire(open);
      },
      fail: () => {
        open.isKeptAlive = false;
      },
      late: lateError,
      timeoutTicks: undefined,
    });
  }

  /** Sends what has not left yet and fits into the window. */
  #pump(open: Open): void {
    if (this.#open !== open) return;
    const end = Math.min(open.nextSequence, firstOpenOf(open) + open.window);
    while (open.nextToSend < end) {
      const call = open.commands.get(open.nextToSend);
      open.nextToSend += 1;
      if (call !== undefined) this.#send(call);
    }
  }

  #send(call: Call): void {
    if (call.isOver) return;
    const target = this.#target;
    const endpoint = this.#options.endpoints.get(target);
    if (endpoint === undefined) throw new RangeError(`there is no endpoint ${target}`);
    call.isInFlight = true;
    call.attempts += 1;
    endpoint.request(encodeRequest(call.request()), this.#options.attemptTicks, (outcome) => {
      if (call.isOver) return;
      call.isInFlight = false;
      this.#hear(call, target, outcome);
    });
  }

  #hear(call: Call, target: NodeId, outcome: RequestOutcome): void {
    if (outcome.kind !== 'answered') {
      if (outcome.kind === 'lost') call.isDoubtful = true;
      this.#turnFrom(target);
      this.#sendLater(call);
      return;
    }
    let answer: SessionAnswer;
    try {
      answer = decodeAnswer(outcome.body);
    } catch (error: unknown) {
      if (!(error instanceof MalformedError)) throw error;
      this.#end(call, () => call.fail(error));
      return;
    }
    this.#obey(call, target, answer);
  }

  #obey(call: Call, target: NodeId, answer: SessionAnswer): void {
    switch (answer.kind) {
      case 'notLeader':
        if (!this.#follow(call, target, answer.leader)) this.#sendLater(call);
        return;
      case 'unknown':
        call.isDoubtful = true;
        this.#sendLater(call);
        return;
      case 'stopped':
        this.#turnFrom(target);
        this.#sendLater(call);
        return;
      case 'overloaded':
        this.#sendLater(call);
        return;
      case 'tooLarge':
        this.#end(call, () => call.fail(new RangeError(`the command is too large for ${target}; ${noEffect}`)));
        return;
      default:
        if (this.#open !== undefined) this.#open.isQuiet = false;
        if (answer.kind === 'refused' && answer.reason === 'unknownSession' && this.#ends(call)) return;
        this.#end(call, () => call.settle(answer));
    }
  }

  /** Answers whether the call was sent again at once: to a leader that was named, and not round in circles. */
  #follow(call: Call, target: NodeId, leader: NodeId | undefined): boolean {
    if (leader === undefined || leader === target || !this.#options.endpoints.has(leader)) {
      this.#turnFrom(target);
      return false;
    }
    if (this.#target === target) this.#target = leader;
    call.hops += 1;
    if (call.hops > this.#members.length) return false;
    this.#send(call);
    return true;
  }

  /** Asks another member next, unless another call has found one meanwhile. */
  #turnFrom(target: NodeId): void {
    if (this.#target !== target) return;
    const at = this.#members.indexOf(target) + 1;
    this.#target = this.#members[at % this.#members.length] ?? target;
  }

  #sendLater(call: Call): void {
    const { backOffTicks, backOffTicksMax, ticker } = this.#options;
    const longest = Math.min(backOffTicksMax, backOffTicks * 2 ** Math.min(call.attempts - 1, 20));
    call.hops = 0;
    ticker.after(1 + this.#draw('backOff', longest), () => this.#send(call));
  }

  /** Whether this refusal is of the session that is open, which it ends, with all that is under way in it. */
  #ends(call: Call): boolean {
    const open = this.#open;
    if (open === undefined || ![...open.commands.values()].includes(call)) return false;
    this.#expire(open);
    return true;
  }

  #expire(open: Open): void {
    if (this.#open !== open) return;
    this.#open = undefined;
    this.#hasExpired = true;
    open.cancelLook();
    for (const call of [...open.commands.values()]) {
      this.#end(call, () => call.fail(new SessionExpiredError(mayHaveHappened(call) ? 'unknown' : 'none')));
    }
  }

  #end(call: Call, how: () => void): void {
    if (call.isOver) return;
    call.isOver = true;
    call.cancelTimer();
    this.#calls.delete(call);
    how();
  }

  #draw(purpose: string, below: number): number {
    this.#draws += 1;
    return keyedHash(`${this.#options.seed} ${purpose} ${this.#draws}`) % below;
  }
}

/** Nothing before it will be asked for again. */
function firstOpenOf(open: Open): number {
  for (const sequence of open.commands.keys()) return sequence;
  return open.nextSequence;
}

function errorOf(result: SessionResult): Error {
  if (result.kind !== 'refused') return unexpected(result);
  switch (result.reason) {
    case 'replyDropped':
    case 'answered':
      return new ReplyDroppedError();
    case 'unknownSession':
      return new SessionExpiredError('unknown');
    case 'outOfWindow':
      return new OverloadedError(`too many commands of this session are under way; ${noEffect}`);
    case 'malformed':
      return new MalformedError('the member could not read the request');
  }
}

function mayHaveHappened(call: Call): boolean {
  return call.isDoubtful || call.isInFlight;
}

function lateError(call: Call): Error {
  return mayHaveHappened(call)
    ? new OutcomeUnknownError('no answer came in time; the command may have been executed, or may still be')
    : new UnavailableError(`no leader took the command in time; ${noEffect}`);
}

function closedError(call: Call): Error {
  return mayHaveHappened(call)
    ? new OutcomeUnknownError('the session was closed before an answer came')
    : new StoppedError(undefined);
}

function unexpected(result: SessionResult): Error {
  return new MalformedError(`an answer of kind ${result.kind} fits no question`);
}
