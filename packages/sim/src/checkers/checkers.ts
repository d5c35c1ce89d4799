// All checkers that watch the taps of a cluster, behind one observer. Each fact goes to whoever asked for it, and then into
// the record of its node.

import type { CommittedCommand, Index, LogId, Message, NodeId, Persist, RecoveredLog, Status } from '@kontiki/raft';
import { acknowledgedDurable } from './acknowledged-durable.ts';
import { appliedWithinDurable } from './applied-within-durable.ts';
import { boundedMemory } from './bounded-memory.ts';
import type { Checker, CreateChecker, Watched } from './checker.ts';
import { compactedWithinFlushed } from './compacted-within-flushed.ts';
import { configurationOverlap } from './configuration-overlap.ts';
import { durableKept } from './durable-kept.ts';
import { electedByMajority } from './elected-by-majority.ts';
import { electionSafety } from './election-safety.ts';
import { leaderAppendOnly } from './leader-append-only.ts';
import { leaderCompleteness } from './leader-completeness.ts';
import { ClusterLogMatching } from './log-matching.ts';
import { majorityDurable } from './majority-durable.ts';
import { matchDurable } from './match-durable.ts';
import { monotoneApplied, monotoneCommit, monotoneRevision, monotoneTerm } from './monotone.ts';
import type { ReportViolation } from './names.ts';
import { NodeRecord } from './node-record.ts';
import type { End, Held, Observer } from './observer.ts';
import { readConfirmed } from './read-confirmed.ts';
import { snapshotConfiguration } from './snapshot-configuration.ts';
import { stateMachineSafety } from './state-machine-safety.ts';
import { voteOncePerTerm } from './vote-once-per-term.ts';

const creators: readonly CreateChecker[] = [
  electionSafety,
  electedByMajority,
  voteOncePerTerm,
  leaderAppendOnly,
  leaderCompleteness,
  stateMachineSafety,
  monotoneTerm,
  monotoneCommit,
  monotoneApplied,
  monotoneRevision,
  majorityDurable,
  acknowledgedDurable,
  matchDurable,
  durableKept,
  appliedWithinDurable,
  compactedWithinFlushed,
  configurationOverlap,
  snapshotConfiguration,
  readConfirmed,
];

/** `report` is called for every violation, while the tap that showed it runs. `limits` are those of every member. */
export function createCheckers(report: ReportViolation, limits: Held = {}): Observer {
  return new Checkers(report, limits);
}

type Hook = keyof Checker;

class Checkers implements Observer {
  readonly #records = new Map<NodeId, NodeRecord>();
  readonly #hooks: { readonly [H in Hook]: readonly NonNullable<Checker[H]>[] };

  constructor(report: ReportViolation, limits: Held) {
    const logs = new ClusterLogMatching(report);
    const watched: Watched = { report, record: (node) => this.#record(node), find: (id) => logs.find(id) };
    const checkers: readonly Checker[] = [
      { started: logs.started.bind(logs), handedToLog: logs.handedToLog.bind(logs) },
      ...creators.map((create) => create(watched)),
      boundedMemory(watched, limits),
    ];
    const of = <H extends Hook>(hook: H): readonly NonNullable<Checker[H]>[] =>
      checkers.flatMap((checker) => checker[hook] ?? []);
    this.#hooks = {
      started: of('started'),
      opened: of('opened'),
      ended: of('ended'),
      handedToLog: of('handedToLog'),
      durable: of('durable'),
      sent: of('sent'),
      applied: of('applied'),
      restored: of('restored'),
      turnEnded: of('turnEnded'),
      held: of('held'),
      acknowledged: of('acknowledged'),
    };
  }

  started(id: NodeId, boot: number, recovered: RecoveredLog): void {
    const node = this.#record(id);
    for (const hear of this.#hooks.started) hear(node, recovered);
    node.started(boot, recovered);
  }

  opened(id: NodeId, applied: Index): void {
    const node = this.#record(id);
    for (const hear of this.#hooks.opened) hear(node, applied);
    node.flushed = applied;
    node.applied = { index: applied, term: node.durable.termAt(applied) ?? node.durable.base.term };
  }

  ended(id: NodeId, end: End): void {
    const node = this.#record(id);
    for (const hear of this.#hooks.ended) hear(node, end);
    node.ended();
    if (end === 'wiped') node.wiped();
  }

  handedToLog(id: NodeId, write: Persist): void {
    const node = this.#record(id);
    for (const hear of this.#hooks.handedToLog) hear(node, write);
    node.handed(write);
  }

  durable(id: NodeId, write: Persist): void {
    const node = this.#record(id);
    for (const hear of this.#hooks.durable) hear(node, write);
    node.answered(write);
  }

  snapshotStored(id: NodeId, last: LogId): void {
    const node = this.#record(id);
    node.snapshot = Math.max(node.snapshot, last.index);
  }

  sent(message: Message): void {
    const node = this.#record(message.from);
    for (const hear of this.#hooks.sent) hear(node, message);
  }

  applied(id: NodeId, commands: readonly CommittedCommand[], last: LogId, revision: number): void {
    const node = this.#record(id);
    for (const hear of this.#hooks.applied) hear(node, commands, last, revision);
    node.applied = last;
    node.revision = revision;
  }

  restored(id: NodeId, last: LogId, revision: number): void {
    const node = this.#record(id);
    for (const hear of this.#hooks.restored) hear(node, last, revision);
    node.applied = last;
    node.revision = revision;
    node.flushed = Math.max(node.flushed, last.index);
  }

  flushed(id: NodeId, index: Index): void {
    const node = this.#record(id);
    node.flushed = Math.max(node.flushed, index);
  }

  turnEnded(id: NodeId, status: Status): void {
    const node = this.#record(id);
    node.turnEnds();
    for (const hear of this.#hooks.turnEnded) hear(node, status);
    node.status = status;
  }

  held(id: NodeId, held: Held): void {
    const node = this.#record(id);
    for (const hear of this.#hooks.held) hear(node, held);
  }

  acknowledged(id: NodeId, revision: number): void {
    const node = this.#record(id);
    for (const hear of this.#hooks.acknowledged) hear(node, revision);
  }

  #record(id: NodeId): NodeRecord {
    const known = this.#records.get(id);
    if (known !== undefined) return known;
    const record = new NodeRecord(id);
    this.#records.set(id, record);
    return record;
  }
}
