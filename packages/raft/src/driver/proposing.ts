// Commands on their way into the log: taken or refused and why, and with a caller who waits for the state machine's answer
// or without. Who waits, and what becomes of the command, is in `Proposals`.

import type { Input, Verdict } from '../core/api.ts';
import type { Applied, Started } from './driver-api.ts';
import { NotLeaderError, OverloadedError, StoppedError } from './errors.ts';
import type { Completion, Ticker } from './ports.ts';
import type { Proposals } from './proposals.ts';
import type { DriverSettings } from './settings.ts';

export interface ProposingParts<Result> {
  readonly settings: DriverSettings;
  readonly ticker: Ticker;
  readonly proposals: Proposals<Result>;
  /** `undefined` once the node has stopped. */
  readonly step: (input: Input) => Verdict | undefined;
  readonly now: () => number;
  /** What is answered once the node has stopped. */
  readonly stopped: () => StoppedError | undefined;
}

export class Proposing<Result> {
  readonly #parts: ProposingParts<Result>;
  #refused = 0;

  constructor(parts: ProposingParts<Result>) {
    this.#parts = parts;
  }

  get refused(): number {
    return this.#refused;
  }

  start(command: Uint8Array): Started {
    const { settings, step, stopped } = this.#parts;
    const { commandBytesMax } = settings;
    if (command.length > commandBytesMax) {
      throw new RangeError(`a command of ${command.length} bytes; at most ${commandBytesMax} are allowed`);
    }
    const verdict = step({ kind: 'propose', data: command });
    if (verdict === undefined) return { kind: 'refused', error: stopped() ?? new StoppedError(undefined) };
    if (verdict.kind === 'accepted' && verdict.at !== undefined) return { kind: 'started', at: verdict.at };
    this.#refused += 1;
    return { kind: 'refused', error: refusalError(verdict) };
  }

  propose(command: Uint8Array, timeoutTicks: number | undefined, done: Completion<Applied<Result>>): void {
    const { settings, ticker, proposals, now } = this.#parts;
    const later = (error: Error): void => ticker.defer(() => done({ kind: 'failed', error }));
    if (proposals.pending >= settings.pendingProposals) {
      this.#refused += 1;
      later(new OverloadedError(`${proposals.pending} proposals wait for their answer already`));
      return;
    }
    const started = this.start(command);
    if (started.kind === 'refused') {
      later(started.error);
      return;
    }
    const { at } = started;
    proposals.add(at, now() + (timeoutTicks ?? settings.timeoutTicks), (outcome) => {
      done(outcome.kind === 'failed' ? outcome : { kind: 'done', value: { result: outcome.value, at } });
    });
  }
}

function refusalError(verdict: Verdict): NotLeaderError | OverloadedError {
  if (verdict.kind === 'accepted') return new NotLeaderError(undefined);
  if (verdict.reason === 'overloaded')
    return new OverloadedError('the log has no room for more before some is committed');
  if (verdict.reason === 'transferring') return new NotLeaderError(undefined, 'leadership is being handed over');
  return new NotLeaderError(verdict.leader);
}
