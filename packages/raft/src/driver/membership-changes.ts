// Changes of the members as their callers see them: begun or refused and why, ended or lost, and whether a new member keeps
// up with the log. Which changes are safe is the core's affair.

import type { Configuration, Entry, Input, NodeId, SnapshotMeta, Status, Verdict } from '../core/api.ts';
import { assert, unreachable } from '../core/assert.ts';
import { flawOf } from '../core/configuration.ts';
import { CatchUp } from './catch-up.ts';
import type { ChangeRefusal, ChangeStarted } from './driver-api.ts';
import { CatchUpError, ChangeRefusedError, NotLeaderError, OutcomeUnknownError, StoppedError } from './errors.ts';
import { MembershipWaiters } from './membership-waiters.ts';
import type { Completion, Done, Ticker } from './ports.ts';
import type { DriverSettings } from './settings.ts';

export interface MembershipChangesParts {
  readonly settings: DriverSettings;
  readonly ticker: Ticker;
  /** `undefined` once the node has stopped. */
  readonly step: (input: Input) => Verdict | undefined;
  readonly status: () => Status;
  readonly now: () => number;
  /** What is answered once the node has stopped. */
  readonly stopped: () => StoppedError | undefined;
}

export class MembershipChanges {
  readonly #parts: MembershipChangesParts;
  readonly #waiters = new MembershipWaiters();
  readonly #catchUps = new Set<(status: Status) => void>();

  constructor(parts: MembershipChangesParts) {
    this.#parts = parts;
  }

  begin(to: Configuration): ChangeStarted {
    const verdict = this.#parts.step({ kind: 'changeConfiguration', to });
    if (verdict === undefined) return { kind: 'refused', reason: 'stopped', leader: undefined };
    if (verdict.kind === 'refused')
      return { kind: 'refused', reason: verdict.reason as ChangeRefusal, leader: verdict.leader };
    const { at } = verdict;
    assert(at !== undefined, () => 'a change that is accepted stands in the log');
    return { kind: 'started', at };
  }

  /** `begin`, and the answer once `to` is committed and in force alone. */
  change(to: Configuration, timeoutTicks: number | undefined, done: Completion<Configuration>): void {
    const { ticker, settings, status, now } = this.#parts;
    const before = status();
    const started = this.begin(to);
    if (started.kind === 'refused') {
      const error = this.#refusalError(started, to, before.configuration);
      ticker.defer(() => done({ kind: 'failed', error }));
    } else if (started.at.index <= before.commit) {
      ticker.defer(() => done({ kind: 'done', value: before.configuration }));
    } else {
      this.#waiters.add(started.at, to, now() + (timeoutTicks ?? settings.timeoutTicks), done);
    }
  }

  /** Answers when the log of a member is so close to this leader's that it may become a voter. */
  caughtUp(id: NodeId, timeoutTicks: number | undefined, done: Done): void {
    const { ticker, settings, status, now } = this.#parts;
    const catchUp = new CatchUp(id, status(), now(), settings.electionTicks);
    const deadline = now() + (timeoutTicks ?? settings.snapshotTransferTicks);
    const look = (status: Status): void => {
      const state = catchUp.look(status, now());
      const isLate = state === 'goesOn' && now() >= deadline;
      const stopped = this.#parts.stopped();
      if (state === 'goesOn' && !isLate && stopped === undefined) return;
      this.#catchUps.delete(look);
      let error: Error | undefined;
      if (stopped !== undefined) error = stopped;
      else if (state === 'lost')
        error = new NotLeaderError(status.leader, `${id} is not followed by this leader any more`);
      else if (state !== 'caughtUp') error = new CatchUpError(`${id} does not keep up with the log`);
      ticker.defer(() => done(error));
    };
    this.#catchUps.add(look);
    look(status());
  }

  /** The next entry is committed, and applied here. */
  applied(entry: Entry): void {
    this.#waiters.applied(entry);
  }

  /** A snapshot replaced everything up to its end. */
  restored(snapshot: SnapshotMeta): void {
    this.#waiters.restored(snapshot);
  }

  tick(): void {
    this.#waiters.expire(this.#parts.now());
    if (this.#catchUps.size > 0) this.#lookAtCatchUps();
  }

  /** The node has stopped, and says so by now. */
  stop(error: StoppedError): void {
    // What was accepted may already be at the others.
    const unknown = new OutcomeUnknownError('the node stopped before the change was committed', { cause: error });
    this.#waiters.failAll(unknown);
    this.#lookAtCatchUps();
  }

  #lookAtCatchUps(): void {
    const status = this.#parts.status();
    for (const look of [...this.#catchUps]) look(status);
  }

  #refusalError(
    { reason, leader }: Extract<ChangeStarted, { readonly kind: 'refused' }>,
    to: Configuration,
    from: Configuration,
  ): Error {
    switch (reason) {
      case 'stopped':
        return this.#parts.stopped() ?? new StoppedError(undefined);
      case 'notLeader':
        return new NotLeaderError(leader);
      case 'transferring':
        return new NotLeaderError(undefined, 'leadership is being handed over');
      case 'changePending':
        return new ChangeRefusedError(reason, 'the last change of the members has not ended yet');
      case 'noCommitInTerm':
        return new ChangeRefusedError(reason, 'this leader has not committed anything yet');
      case 'invalid':
        return new ChangeRefusedError(reason, flawOf(to, from) ?? 'no such configuration is possible');
      default:
        return unreachable(reason);
    }
  }
}
