// The order of durability (figure 2, persistent state; thesis §10.2.1). One write is out at a time; what comes meanwhile
// is merged into the next. Messages that promise something wait for the write that makes the promise true.

import type { HardState, Index, LogId, Message, Persist, PersistId, Ready } from './api.ts';
import { assert } from './assert.ts';
import type { Node } from './node.ts';
import { higher, lower, plus } from './numbers.ts';

function hardIsDirty(node: Node): boolean {
  const { hardHanded } = node.durability;
  return node.term !== hardHanded.term || node.votedFor !== hardHanded.votedFor;
}

/** The write to hand out now, if there is something to write and no other write is out. */
export function nextPersist(node: Node): Persist | undefined {
  const { durability, log } = node;
  if (durability.flight !== undefined) return undefined;
  const from = plus(higher(durability.handed, log.base.last.index), 1);
  const hasEntries = from <= log.lastIndex;
  const hardDirty = hardIsDirty(node);
  const sync = hardDirty || hasEntries || durability.baseDirty;
  const commitMoved = node.commit > durability.hardHanded.commit;
  if (!sync && !(commitMoved && durability.commitDue)) return undefined;

  // The write takes the log as far as it goes, so the commit index it carries is never beyond what it makes durable.
  const hard: HardState = { term: node.term, votedFor: node.votedFor, commit: node.commit };
  const why = node.settings.why;
  if (node.term !== durability.hardHanded.term) why?.('persist.term', { term: node.term });
  if (hardDirty && node.votedFor !== undefined) why?.('persist.vote', { term: node.term, votedFor: node.votedFor });
  if (hasEntries) why?.('persist.log', { from, through: log.lastIndex });
  if (durability.baseDirty) why?.('persist.snap', { last: log.base.last });

  const id = plus(durability.lastId as number as Index, 1) as number as PersistId;
  const write: Persist = {
    id,
    sync,
    hardState: hardDirty || commitMoved ? hard : undefined,
    base: durability.baseDirty && node.rules.writesBase() ? log.base : undefined,
    entries: hasEntries ? log.between(from, log.lastIndex) : [],
  };
  durability.lastId = id;
  if (sync) durability.lastSyncId = id;
  durability.flight = { id, hard, last: log.last, since: node.now };
  durability.handed = log.lastIndex;
  durability.hardHanded = hard;
  durability.baseDirty = false;
  durability.commitDue = false;
  return write;
}

/** Messages whose promises are covered by the writes handed out so far; called after `nextPersist`. */
export function releasedMessages(node: Node): Ready['afterPersist'] {
  const { durability, out, pendingAck } = node;
  if (out.held.length === 0 && pendingAck === undefined) return undefined;
  if (hardIsDirty(node)) return undefined;
  const messages: Message[] = out.held;
  out.held = [];
  if (pendingAck !== undefined && pendingAck.match <= durability.handed) {
    node.pendingAck = undefined;
    const outcome = { kind: 'matched', match: pendingAck.match } as const;
    const from = node.settings.id;
    const { to, round } = pendingAck;
    messages.push({ kind: 'appendEntriesReply', from, to, term: node.term, round, outcome });
  }
  if (messages.length === 0) return undefined;
  const waits = durability.flight?.id === durability.lastSyncId;
  if (waits) node.settings.why?.('persist.gate', { after: durability.lastSyncId, messages: messages.length });
  return { after: durability.lastSyncId, messages };
}

/** Takes note that everything through a write is durable. Answers whether that was news. */
export function notePersisted(node: Node, through: PersistId): boolean {
  const { durability, log } = node;
  assert(
    through <= durability.lastId,
    () => `write ${through} was never handed out; the newest is ${durability.lastId}`,
  );
  const { flight } = durability;
  if (flight === undefined || through < flight.id) return false;
  const { last } = flight;
  const found = log.termAt(last.index);
  assert(
    last.index < log.base.last.index || found === last.term,
    () => `durable entry ${last.index} has term ${last.term} on disk and ${found} in memory`,
  );
  durability.flight = undefined;
  durability.hardDurable = flight.hard;
  durability.durable = higher(durability.durable, last.index);
  return true;
}

/** Whether the term is on disk: an answer to a leader may leave without waiting. */
export function termIsDurable(node: Node): boolean {
  return node.durability.hardDurable.term === node.term;
}

/** A write that has been out for an election timeout: this disk cannot serve a leader (docs: a disk that stalls). */
export function isStalled(node: Node): boolean {
  const { flight } = node.durability;
  return flight !== undefined && node.now - flight.since >= node.settings.electionTicks;
}

/** Nothing after `last` is on disk any more, nor on its way, as it is in memory. */
export function lowerDurability(node: Node, last: LogId): void {
  const { durability, rules } = node;
  durability.durable = rules.durableAfterCut(durability.durable, last.index);
  durability.handed = lower(durability.handed, last.index);
  const { flight } = durability;
  if (flight !== undefined) flight.last = rules.flightAfterCut(flight.last, last);
}
