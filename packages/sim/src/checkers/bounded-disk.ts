// What a member leaves on its disk is bounded by what must be kept.

import type { ReportViolation } from './names.ts';

export interface LeftOnDisk {
  readonly snapshots: readonly string[];
  readonly segments: number;
  /** So many segments are enough for what must be kept. */
  readonly segmentsMax: number;
}

export function checkBoundedDisk(report: ReportViolation, name: string, left: LeftOnDisk): void {
  const { snapshots, segments, segmentsMax } = left;
  if (snapshots.length > 1) {
    report('BoundedDisk', `${name} keeps snapshots that nobody needs: ${snapshots.join(' ')}`);
  }
  if (segments > segmentsMax) {
    report('BoundedDisk', `${name} keeps ${segments} segments of the log, ${segmentsMax} are enough`);
  }
}
