// What a log is opened with, and what it tells while it runs.

import type { Cancel } from '@kontiki/raft';
import type { Checksum } from './checksum.ts';
import type { WalRules } from './rules.ts';
import type { Vfs } from './vfs.ts';

export const segmentBytesDefault: number = 64 * 2 ** 20;
export const segmentBytesMin: number = 4096;

export interface WalOptions {
  readonly vfs: Vfs;
  /** Made if it is missing. Nobody else may keep files in it. */
  readonly directory: string;
  readonly checksum: Checksum;
  readonly segmentBytes?: number;
  /** Runs a task some moments later, for the durable index; without it, that is written less often (docs/wal-format.md). */
  readonly later?: (task: () => void) => Cancel;
  readonly onEvent?: (event: WalEvent) => void;
  /** Other decisions than the right ones: for proving that checkers can go red. No server sets them. */
  readonly rules?: WalRules;
}

/** For logs and metrics. */
export type WalEvent =
  /** `row`: of the recovery table. */
  | {
      readonly kind: 'opened';
      readonly row: string;
      readonly segments: number;
      readonly entries: number;
      readonly lastIndex: number;
    }
  | { readonly kind: 'leftoverRemoved'; readonly file: string }
  /** A batch that was never acknowledged was cut off and kept in another file. */
  | {
      readonly kind: 'tailTorn';
      readonly file: string;
      readonly offset: number;
      readonly bytes: number;
      readonly keptIn: string;
    }
  | { readonly kind: 'segmentBegun'; readonly file: string; readonly firstIndex: number }
  | { readonly kind: 'segmentDropped'; readonly file: string };
