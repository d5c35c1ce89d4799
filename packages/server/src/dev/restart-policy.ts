// Whether a member that ended is started again. Pure: the caller says when.

import { failStopCode } from '../exit-codes.ts';

const restartsMax = 5;
const windowMs = 60_000;

export type RestartDecision = { readonly kind: 'restart' } | { readonly kind: 'leave'; readonly reason: string };

export class RestartPolicy {
  #restartsMs: readonly number[] = [];

  /** `code` is null for a member that was killed; `nowMs` is monotonic. */
  ended(code: number | null, nowMs: number): RestartDecision {
    if (code === failStopCode) {
      // Started again, it would vote and answer from a disk that it has just found to be wrong.
      return { kind: 'leave', reason: 'it stopped itself for a reason that a restart does not mend, see its log' };
    }
    const recent = this.#restartsMs.filter((at) => nowMs - at < windowMs);
    if (recent.length >= restartsMax) {
      return { kind: 'leave', reason: `it was restarted ${restartsMax} times within a minute, see its log` };
    }
    this.#restartsMs = [...recent, nowMs];
    return { kind: 'restart' };
  }
}
