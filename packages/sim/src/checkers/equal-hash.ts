// Members at one revision, with one compaction, have one checksum of their whole store.

import type { ReportViolation } from './names.ts';

export class EqualHash {
  readonly #report: ReportViolation;
  readonly #known = new Map<string, { readonly hash: number; readonly by: string }>();

  constructor(report: ReportViolation) {
    this.#report = report;
  }

  told(by: string, at: { readonly hashRevision: number; readonly compactRevision: number }, hash: number): void {
    const where = `${at.hashRevision} compacted at ${at.compactRevision}`;
    const known = this.#known.get(where);
    if (known === undefined) this.#known.set(where, { hash, by });
    else if (known.hash !== hash) {
      this.#report('EqualHash', `${by} has hash ${hash} at ${where}, ${known.by} has ${known.hash}`);
    }
  }
}
