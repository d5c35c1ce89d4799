// One node of Raft as a value: inputs go in by `step`, everything it wants done comes out of `ready`. No clock, no chance,
// no I/O. This file sorts inputs and messages to the handlers; each handler is in the file of its concern.

import type {
  Entry,
  Index,
  Input,
  Message,
  NodeId,
  Options,
  PersistId,
  Raft,
  Ready,
  SnapshotMeta,
  Status,
  Verdict,
} from './api.ts';
import { assert, unreachable } from './assert.ts';
import { advanceCommit, appendOwn, nextApply, noteApplied } from './commit.ts';
import { sameConfiguration } from './configuration.ts';
import { copyPlain } from './dump.ts';
import { isStalled, nextPersist, notePersisted, releasedMessages } from './durability.ts';
import { campaign, countOwnVote, onRequestVote, onRequestVoteReply, passesOver } from './elections.ts';
import { onAppendEntries, onInstallSnapshot } from './following.ts';
import { isKnown } from './incoming.ts';
import { commandBytes, Log, type LogDump } from './log.ts';
import { continueChange, leaveOffice, onChangeConfiguration } from './membership.ts';
import { configurationOf, isElectable, type Node, ownPayload, peerOf, type Settings } from './node.ts';
import { isCount, plus } from './numbers.ts';
import { becomeProbe, progressOf } from './progress.ts';
import { onRead, onReadIndex, onReadIndexReply } from './reads.ts';
import { onAppendEntriesReply, sendAppends } from './replication.ts';
import { becomeFollower, drawTimeout } from './roles.ts';
import { paperRules, type Rules } from './rules.ts';
import { compactLog, onCompacted, onSnapshotFailed, onSnapshotSent } from './snapshots.ts';
import { onTick } from './time.ts';
import { abortTransfer, continueTransfer, onTimeoutNow, onTransferLeadership } from './transfer.ts';

const accepted: Verdict = { kind: 'accepted', at: undefined };

/** A node that obeys the paper. */
export function createRaft(options: Options): RaftCore {
  return new RaftCore(newNode(options, paperRules));
}

/** A node with other leaf decisions: for lessons and for proving that checkers can go red. Not in the main entry. */
export function createRaftWith(options: Options, rules: Rules): RaftCore {
  return new RaftCore(newNode(options, rules));
}

/** Continues the very same run from a dump. `options` are those of the dumped node; `options.restore` is not looked at. */
export function load(dump: unknown, options: Options, rules: Rules = paperRules): RaftCore {
  const { log, ...state } = copyPlain(dump) as NodeDump;
  return new RaftCore({ settings: settingsOf(options), rules, log: new Log(log), ...state });
}

type NodeState = Omit<Node, 'settings' | 'rules' | 'log'>;
type NodeDump = NodeState & { readonly log: LogDump };

export class RaftCore implements Raft {
  readonly #node: Node;
  /** The view of now, once somebody has asked. */
  #status: Status | undefined;

  /** Use `createRaft` or `load`. */
  constructor(node: Node) {
    this.#node = node;
  }

  /** The live state, for invariants and screens. Not a copy: never keep it, never write to it. */
  get node(): Readonly<Node> {
    return this.#node;
  }

  step(input: Input): Verdict {
    this.#status = undefined;
    const node = this.#node;
    switch (input.kind) {
      case 'tick':
        if (!isCount(input.elapsed)) return refused(node, 'invalid');
        onTick(node, input.elapsed);
        return accepted;
      case 'receive':
        return receive(node, input.message);
      case 'propose':
        return propose(node, input.data);
      case 'read':
        return onRead(node, input);
      case 'changeConfiguration':
        return onChangeConfiguration(node, input);
      case 'transferLeadership':
        return onTransferLeadership(node, input);
      case 'abortTransfer':
        if (node.role.kind === 'leader') abortTransfer(node, node.role);
        return accepted;
      case 'campaign':
        if (!isElectable(node)) return refused(node, 'notVoter');
        if (isStalled(node)) return refused(node, 'overloaded');
        campaign(node, false);
        return accepted;
      case 'persisted':
        persisted(node, input.through);
        return accepted;
      case 'applied':
        noteApplied(node, input.through);
        return accepted;
      case 'snapshotSent':
        return onSnapshotSent(node, input);
      case 'snapshotFailed':
        return onSnapshotFailed(node, input);
      case 'unreachable':
        unreachablePeer(node, input.peer);
        return accepted;
      case 'compacted':
        return onCompacted(node, input);
      default:
        return unreachable(input);
    }
  }

  ready(): Ready | undefined {
    const node = this.#node;
    this.#status = undefined;
    const { out } = node;
    compactLog(node);
    if (node.role.kind === 'leader') {
      continueChange(node, node.role);
      sendAppends(node, node.role);
      continueTransfer(node, node.role);
      leaveOffice(node, node.role);
    }
    const persist = nextPersist(node);
    const afterPersist = releasedMessages(node);
    const apply = nextApply(node);
    const inForce = configurationOf(node);
    const configuration = sameConfiguration(inForce, out.configuration) ? undefined : inForce;
    const { send, reads, snapshotsWanted } = out;
    const wants =
      send.length > 0 ||
      persist !== undefined ||
      afterPersist !== undefined ||
      apply.length > 0 ||
      reads.length > 0 ||
      snapshotsWanted.length > 0 ||
      configuration !== undefined;
    out.configuration = inForce;
    if (!wants) return undefined;
    out.send = [];
    out.reads = [];
    out.snapshotsWanted = [];
    return { send, persist, afterPersist, apply, reads, snapshotsWanted, configuration };
  }

  status(): Status {
    this.#status ??= this.#view();
    return this.#status;
  }

  #view(): Status {
    const { settings, term, votedFor, leader, log, durability, commit, applied, electionElapsed, role } = this.#node;
    const common = {
      id: settings.id,
      term,
      votedFor,
      leader,
      first: log.first,
      last: log.last,
      durable: durability.durable,
      commit,
      applied,
      configuration: configurationOf(this.#node),
      electionElapsed,
    };
    // What is common stands last: V8 gives a copy that is added to a shape of its own, and all that read it are slow.
    switch (role.kind) {
      case 'follower':
        return Object.freeze({ role: isElectable(this.#node) ? 'follower' : 'learner', ...common });
      case 'preCandidate':
      case 'candidate': {
        const votes = role.votes.map(({ voter, granted }) => [voter, granted] as const);
        return Object.freeze({ role: role.kind, votes, ...common });
      }
      case 'leader': {
        const progress = role.peers.map((peer) => [peer.id, progressOf(peer)] as const);
        return Object.freeze({ role: role.kind, progress, transfer: role.transfer?.to, ...common });
      }
      default:
        return unreachable(role);
    }
  }

  metaAt(index: Index): SnapshotMeta {
    const { log, applying, rules } = this.#node;
    assert(index <= applying, () => `a snapshot at ${index} is beyond what was applied (${applying})`);
    const { last, configuration } = log.metaAt(index);
    return { last, configuration: rules.configurationOfSnapshot(configuration, log.configuration) };
  }

  dump(): unknown {
    const { settings: _settings, rules: _rules, log, ...state } = this.#node;
    const dump: NodeDump = { ...copyPlain(state), log: log.dump() };
    return dump;
  }
}

function refused(node: Node, reason: Extract<Verdict, { readonly kind: 'refused' }>['reason']): Verdict {
  return { kind: 'refused', reason, leader: node.leader };
}

function propose(node: Node, data: Uint8Array): Verdict {
  const { role, log, settings } = node;
  if (role.kind !== 'leader') return refused(node, 'notLeader');
  if (role.transfer !== undefined) return refused(node, 'transferring');
  // Bounded memory: what is neither committed nor flushed cannot be dropped. One entry always fits.
  const { uncommittedBytes, logBytes } = settings.limits;
  const bytes = commandBytes(data);
  const tooMuch = role.uncommittedBytes > 0 && role.uncommittedBytes + bytes > uncommittedBytes;
  if (tooMuch || (log.bytes > 0 && log.bytes + bytes > logBytes)) return refused(node, 'overloaded');
  const index = plus(log.lastIndex, 1);
  const entry: Entry = { kind: 'command', term: node.term, index, data: ownPayload(data) };
  return { kind: 'accepted', at: appendOwn(node, role, entry) };
}

function persisted(node: Node, through: PersistId): void {
  if (!notePersisted(node, through)) return;
  countOwnVote(node);
  if (node.role.kind === 'leader') advanceCommit(node, node.role);
}

/** The transport could not send: what was sent optimistically may be lost, so ask before sending more (§5.3). */
function unreachablePeer(node: Node, id: NodeId): void {
  const peer = node.role.kind === 'leader' ? peerOf(node.role, id) : undefined;
  if (peer?.flow.kind === 'replicate') becomeProbe(peer, plus(peer.match, 1));
}

function receive(node: Node, message: Message): Verdict {
  if (!isKnown(message) || message.to !== node.settings.id || message.from === node.settings.id) {
    return refused(node, 'invalid');
  }
  if (message.term > node.term && node.rules.heedsTerm(message.kind) && !heedTerm(node, message)) return accepted;
  switch (message.kind) {
    case 'requestVote':
      onRequestVote(node, message);
      return accepted;
    case 'requestVoteReply':
      onRequestVoteReply(node, message);
      return accepted;
    case 'appendEntries':
      onAppendEntries(node, message);
      return accepted;
    case 'appendEntriesReply':
      onAppendEntriesReply(node, message);
      return accepted;
    case 'installSnapshot':
      onInstallSnapshot(node, message);
      return accepted;
    case 'readIndex':
      onReadIndex(node, message);
      return accepted;
    case 'readIndexReply':
      onReadIndexReply(node, message);
      return accepted;
    case 'timeoutNow':
      if (message.term === node.term) onTimeoutNow(node, message);
      else node.settings.why?.('drop.stale-term', { from: message.from, term: message.term, current: node.term });
      return accepted;
    default:
      return unreachable(message);
  }
}

/** §5.1: a higher term is adopted before the message is looked at; but see the cases. Answers whether to go on. */
function heedTerm(node: Node, message: Message): boolean {
  if (message.kind === 'requestVote') {
    if (passesOver(node, message)) {
      node.settings.why?.('rv.lease', { from: message.from, term: message.term, leader: node.leader });
      return false;
    }
    // thesis §9.6: a term that is only asked about
    if (message.phase === 'preVote' && !node.rules.preVoteRaisesTerm()) return true;
  }
  if (message.kind === 'requestVoteReply' && message.phase === 'preVote' && message.granted) return true;
  const fromLeader = message.kind === 'appendEntries' || message.kind === 'installSnapshot';
  becomeFollower(node, message.term, fromLeader ? message.from : node.rules.leaderInNewTerm(node.leader));
  return true;
}

function settingsOf(options: Options): Settings {
  const { restore: _restore, ...settings } = options;
  const { electionTicks, heartbeatTicks, limits } = settings;
  const whole = [electionTicks, heartbeatTicks, ...Object.values(limits)];
  if (!whole.every((value) => isCount(value) && value > 0)) {
    throw new RangeError('ticks and limits are whole numbers from 1');
  }
  if (heartbeatTicks >= electionTicks) {
    throw new RangeError(`heartbeats every ${heartbeatTicks} ticks come too late for elections after ${electionTicks}`);
  }
  if (settings.leaseReads && !settings.checkQuorum) {
    throw new RangeError('lease reads need check-quorum: without it, voters do not protect a leader (thesis §6.4.1)');
  }
  if (!isCount(settings.clockDriftPercent ?? 0) || (settings.clockDriftPercent ?? 0) > 90) {
    throw new RangeError('clockDriftPercent is a whole number from 0 to 90');
  }
  return Object.freeze({ ...settings, limits: Object.freeze({ ...limits }) });
}

function newNode(options: Options, rules: Rules): Node {
  const settings = settingsOf(options);
  const { hardState, base, entries, applied } = options.restore;
  if (![hardState.term, hardState.commit, base.last.term, base.last.index, applied].every(isCount)) {
    throw new RangeError('a term or an index on disk is not a whole number below 2^53');
  }
  const log = new Log({ base, entries });
  const { last } = log;
  assert(hardState.commit <= last.index, () => `commit ${hardState.commit} is beyond last index ${last.index}`);
  assert(applied <= last.index, () => `applied ${applied} is beyond last index ${last.index}`);
  assert(last.term <= hardState.term, () => `entry ${last.index} has term ${last.term}, beyond term ${hardState.term}`);
  // The commit index goes to disk lazily; what a snapshot covers or the state machine keeps was committed.
  const commit = Math.max(hardState.commit, base.last.index, applied) as Index;
  const node: Node = {
    settings,
    rules,
    log,
    term: hardState.term,
    votedFor: hardState.votedFor,
    commit,
    applying: applied,
    applied,
    applyBatches: [],
    applyingBytes: 0,
    compactWanted: 0 as Index,
    role: { kind: 'follower' },
    leader: undefined,
    heardAt: 0,
    now: 0,
    electionElapsed: 0,
    electionTimeout: 0,
    draws: 0,
    silentUntil: settings.leaseReads && hardState.term > 0 ? settings.electionTicks : 0,
    round: 0,
    durability: {
      durable: last.index,
      handed: last.index,
      hardDurable: hardState,
      hardHanded: hardState,
      baseDirty: false,
      commitDue: false,
      flight: undefined,
      lastId: 0 as PersistId,
      lastSyncId: 0 as PersistId,
    },
    pendingAck: undefined,
    forwardedReads: [],
    confirmedReads: [],
    out: { send: [], held: [], reads: [], snapshotsWanted: [], configuration: log.configuration },
  };
  drawTimeout(node);
  return node;
}
