// Commands of this member's clients, from their call to their answer. On the leader they go into the log here; elsewhere they
// are forwarded; without a leader they wait for one. The answer is always this member's own: what its store said when the
// entry was applied here. So replies between members carry no results, and a client reads its own write where it wrote it.
//
// A command is given to a log at most once unless that log has certainly lost it:
//   held       nowhere yet, or refused by whom it was sent to: may be given again
//   sent       on its way to the leader: whether it is in a log is unknown until the reply
//   accepted   in a log at (term, index). An entry of a later term applied at or past that index without this command having
//              been seen means that it was overwritten (§5.3, Log Matching): it may be given again
//   unknown    the link broke: it may be applied yet, and if it is, that answers; nobody gives it again

import type { Result } from '@kontiki/kv';
import {
  type LogId,
  type NodeId,
  OutcomeUnknownError,
  OverloadedError,
  type Started,
  type Transport,
} from '@kontiki/raft';
import { MemberError } from './api.ts';
import type { Origin } from './envelope.ts';
import { decodeForwardReply, type ForwardReply } from './forward.ts';
import type { MemberRules } from './rules.ts';

export type Answered =
  | { readonly kind: 'done'; readonly value: Result }
  | { readonly kind: 'failed'; readonly error: Error };

interface Waiting {
  readonly sequence: number;
  readonly envelope: Uint8Array;
  readonly deadline: number;
  readonly answer: (answered: Answered) => void;
  stage: 'held' | 'sent' | 'unknown' | { readonly accepted: LogId };
}

/** How a forwarded command came back. `lost`: it may have arrived. */
export type ForwardOutcome = ForwardReply | { readonly kind: 'lost' } | { readonly kind: 'undelivered' };

export interface CommandsOptions {
  readonly rules: MemberRules;
  readonly origin: Omit<Origin, 'sequence'>;
  readonly timeoutTicks: number;
  /** More are `OverloadedError`: etcd's bound on what is committed and not applied. */
  readonly pendingMax: number;
  /** Puts it into the log here, if this member leads. */
  readonly start: (envelope: Uint8Array) => ForwardReply;
  readonly forward: (
    to: NodeId,
    envelope: Uint8Array,
    timeoutTicks: number,
    back: (outcome: ForwardOutcome) => void,
  ) => void;
}

export class Commands {
  readonly #options: CommandsOptions;
  /** In the order of their deadlines, which is the order of their sequences. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #held = new Set<Waiting>();
  #leader: { readonly id: NodeId; readonly isSelf: boolean } | undefined;
  #lastTerm = 0;
  /** A snapshot covers what stands up to here: whether a command of ours was among it, nobody told. */
  #jumpedThrough = 0;
  /** Some accepted command is of an older term than the last applied entry: look for lost ones. */
  #hasOlder = false;
  #now = 0;
  #sequence = 0;

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#waiting.size;
  }

  /** `encode` gets the command's origin. Never answers before it has returned. */
  submit(
    encode: (origin: Origin) => Uint8Array,
    answer: (answered: Answered) => void,
    defer: (task: () => void) => void,
  ): void {
    if (this.#waiting.size >= this.#options.pendingMax) {
      defer(() =>
        answer({ kind: 'failed', error: new OverloadedError(`${this.#waiting.size} commands wait already`) }),
      );
      return;
    }
    this.#sequence++;
    const envelope = encode({ sequence: this.#sequence, ...this.#options.origin });
    const deadline = this.#now + this.#options.timeoutTicks;
    const waiting: Waiting = { sequence: this.#sequence, envelope, deadline, answer, stage: 'held' };
    this.#waiting.set(waiting.sequence, waiting);
    this.#attempt(waiting);
  }

  leaderIs(leader: NodeId | undefined, isSelf: boolean): void {
    this.#leader = leader === undefined ? undefined : { id: leader, isSelf };
    if (this.#options.rules.isLostWithLeader()) this.#holdAccepted();
    this.#attemptHeld();
  }

  advance(ticks: number): void {
    this.#now += ticks;
    for (const waiting of this.#waiting.values()) {
      if (waiting.deadline > this.#now) break;
      const { stage } = waiting;
      const error =
        stage === 'held'
          ? new MemberError(this.#leader === undefined ? 'noLeader' : 'timedOut', 'no leader took the command in time')
          : new OutcomeUnknownError('the command was not applied here in time; it may have been, or may be later');
      this.#finish(waiting, { kind: 'failed', error });
    }
    this.#attemptHeld();
  }

  /** The command of this origin was applied here; the origin may be another member's, or of a former life of this one. */
  applied(origin: Origin, result: Result): void {
    if (!this.#options.rules.isOurs(origin, this.#options.origin)) return;
    const waiting = this.#waiting.get(origin.sequence);
    if (waiting !== undefined) this.#finish(waiting, { kind: 'done', value: result });
  }

  /** Everything up to `last` was applied, and `applied` told of all of it. */
  passed(last: LogId): void {
    if (last.term > this.#lastTerm) {
      this.#lastTerm = last.term;
      this.#hasOlder = true;
    }
    if (!this.#hasOlder) return;
    this.#hasOlder = false;
    for (const waiting of [...this.#waiting.values()]) {
      if (typeof waiting.stage === 'string') continue;
      const { accepted } = waiting.stage;
      if (accepted.term >= last.term) continue;
      if (accepted.index <= last.index) this.#attempt(waiting);
      else this.#hasOlder = true;
    }
  }

  /** A snapshot brought the state to `last`: commands it covers may or may not be in it. */
  jumped(last: LogId): void {
    this.#lastTerm = Math.max(this.#lastTerm, last.term);
    this.#jumpedThrough = Math.max(this.#jumpedThrough, last.index);
    for (const waiting of [...this.#waiting.values()]) {
      if (typeof waiting.stage === 'string') continue;
      if (this.#options.rules.isHidden(waiting.stage.accepted.index, last.index)) this.#lose(waiting);
    }
    this.#hasOlder = true;
  }

  failAll(error: Error): void {
    for (const waiting of [...this.#waiting.values()]) {
      const unknown = waiting.stage !== 'held';
      const failure = unknown
        ? new OutcomeUnknownError('the member stopped before the command was applied', { cause: error })
        : error;
      this.#finish(waiting, { kind: 'failed', error: failure });
    }
  }

  #attemptHeld(): void {
    if (this.#leader === undefined || this.#held.size === 0) return;
    for (const waiting of [...this.#held]) this.#attempt(waiting);
  }

  #attempt(waiting: Waiting): void {
    const leader = this.#leader;
    if (leader === undefined) {
      this.#hold(waiting);
      return;
    }
    this.#held.delete(waiting);
    if (leader.isSelf) {
      this.#settle(waiting, this.#options.start(waiting.envelope));
      return;
    }
    waiting.stage = 'sent';
    this.#options.forward(leader.id, waiting.envelope, waiting.deadline - this.#now, (outcome) => {
      // It may have been applied, or have run out of time, before the reply came.
      if (this.#waiting.get(waiting.sequence) === waiting && waiting.stage === 'sent') this.#settle(waiting, outcome);
    });
  }

  #settle(waiting: Waiting, outcome: ForwardOutcome): void {
    switch (outcome.kind) {
      case 'accepted':
        // 1. sent to the leader; 2. committed there; 3. a snapshot with its effect arrives here; 4. the reply arrives. Taken for
        // overwritten, it would be given to a log again and be applied twice.
        if (this.#options.rules.isHidden(outcome.index, this.#jumpedThrough)) {
          this.#lose(waiting);
          return;
        }
        waiting.stage = { accepted: { term: outcome.term as LogId['term'], index: outcome.index as LogId['index'] } };
        if (outcome.term < this.#lastTerm) this.#hasOlder = true;
        return;
      case 'refused':
        if (outcome.reason === 'notLeader') this.#hold(waiting);
        else this.#finish(waiting, { kind: 'failed', error: refusalError(outcome.reason) });
        return;
      case 'undelivered':
        this.#hold(waiting);
        return;
      case 'lost':
        if (this.#options.rules.afterLost() === 'held') this.#hold(waiting);
        else waiting.stage = 'unknown';
        return;
      default:
        // A reply to another question.
        waiting.stage = 'unknown';
    }
  }

  #lose(waiting: Waiting): void {
    const error = new OutcomeUnknownError('a snapshot replaced the entry before its result was known');
    this.#finish(waiting, { kind: 'failed', error });
  }

  #hold(waiting: Waiting): void {
    waiting.stage = 'held';
    this.#held.add(waiting);
  }

  #holdAccepted(): void {
    for (const waiting of this.#waiting.values()) if (typeof waiting.stage !== 'string') this.#hold(waiting);
  }

  #finish(waiting: Waiting, answered: Answered): void {
    this.#waiting.delete(waiting.sequence);
    this.#held.delete(waiting);
    waiting.answer(answered);
  }
}

function refusalError(reason: 'overloaded' | 'tooLarge'): Error {
  if (reason === 'overloaded') return new OverloadedError('the leader takes no more for now');
  return new MemberError('requestTooLarge', 'the command is larger than the leader takes into its log');
}

/** What the log here said, in the words of a forwarding reply: the two ways of a command meet again. */
export function startedReply(started: Started): ForwardReply {
  if (started.kind === 'started') return { kind: 'accepted', ...started.at };
  return { kind: 'refused', reason: started.error instanceof OverloadedError ? 'overloaded' : 'notLeader' };
}

/** What has become of a command that was sent to its leader. */
export function forwardOutcome(outcome: Parameters<Parameters<Transport['request']>[3]>[0]): ForwardOutcome {
  if (outcome.kind === 'refused') return { kind: 'undelivered' };
  if (outcome.kind === 'lost') return { kind: 'lost' };
  return decodeForwardReply(outcome.body) ?? { kind: 'lost' };
}
