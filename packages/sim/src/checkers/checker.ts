// What a checker of the running cluster is: it hears of each fact before the record of the node takes it in, so that what is
// new can be held against what was.

import type {
  CommittedCommand,
  Entry,
  Index,
  LogId,
  Message,
  NodeId,
  Persist,
  RecoveredLog,
  Status,
} from '@kontiki/raft';
import type { ReportViolation } from './names.ts';
import type { NodeRecord } from './node-record.ts';
import type { End, Held } from './observer.ts';

export interface Checker {
  started?(node: NodeRecord, recovered: RecoveredLog): void;
  opened?(node: NodeRecord, applied: Index): void;
  ended?(node: NodeRecord, end: End): void;
  handedToLog?(node: NodeRecord, write: Persist): void;
  durable?(node: NodeRecord, write: Persist): void;
  sent?(node: NodeRecord, message: Message): void;
  applied?(node: NodeRecord, commands: readonly CommittedCommand[], last: LogId, revision: number): void;
  restored?(node: NodeRecord, last: LogId, revision: number): void;
  /** `node.status` is still that of the turn before; `node.isExact` is of this one. */
  turnEnded?(node: NodeRecord, status: Status): void;
  held?(node: NodeRecord, held: Held): void;
  acknowledged?(node: NodeRecord, revision: number): void;
}

/** What all checkers of one run share. */
export interface Watched {
  readonly report: ReportViolation;
  record(node: NodeId): NodeRecord;
  /** The entry with this id, wherever it was seen first. */
  find(id: LogId): Entry | undefined;
}

/** Each is made anew for every run. */
export type CreateChecker = (watched: Watched) => Checker;
