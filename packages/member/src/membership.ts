// The leader's duty towards the membership: it makes the changes that are asked for, one after the other, turns a voter to be
// into a voter once it has caught up, and keeps the replicated records about members in step with the configuration.
//
// A configuration is in force from when it is in the log, so a second voter of a one-member cluster would have to vote for its own
// addition before anybody has started it. Hence a voter is added in two steps:
//
//   asked for ──▶ record `joining/ID`, then ID as a learner ──▶ answered: a voter to every client
//                        ID has caught up (thesis §4.2.1) ──▶ ID as a voter, by a joint change ──▶ the record goes
//
// The record stands in the log before the learner does, so whoever leads next knows what is left to do. A removal works the
// other way round: first the member is known by a record, then it leaves the configuration, then its id joins the record of
// removed members. Whatever a leader did not finish, the next one finds by comparing records and configuration.

import {
  ChangeRefusedError,
  type Configuration,
  type Driver,
  type LogId,
  type NodeId,
  NotLeaderError,
  type Transport,
} from '@kontiki/raft';
import type { MemberRecord, MembershipChange } from './api.ts';
import { type ChangeAnswer, type ChangeReply, ChangeRequests } from './change-requests.ts';
import { configurationAfter, refusalOfChange } from './change-rules.ts';
import type { EnvelopeBody } from './envelope.ts';
import {
  decodeRemoved,
  encodeMembers,
  encodeUnpublished,
  joiningName,
  memberIdOf,
  nodeIdOf,
  recordName,
  removedName,
  withRemoved,
} from './roster.ts';

type Leading = Pick<Driver<never, never, never>, 'status' | 'changeMembership' | 'transferLeadership' | 'caughtUp'>;

export interface MembershipOptions {
  readonly self: bigint;
  readonly clusterId: bigint;
  readonly transport: Pick<Transport, 'request'>;
  readonly driver: () => Leading;
  /** The term of what is applied here. */
  readonly appliedTerm: () => number;
  readonly record: (name: string) => Uint8Array | undefined;
  readonly recordNames: () => Iterable<string>;
  /** The members as clients are told, as of this configuration; of what is applied when it is not given. */
  readonly members: (configuration?: Configuration) => readonly MemberRecord[];
  /** Puts it into the log here. */
  readonly propose: (body: EnvelopeBody) => LogId | undefined;
  readonly isConnected: (id: bigint) => boolean;
  readonly isStrict: boolean;
  readonly ticksPerSecond: number;
  readonly electionTicks: number;
  /** A change that takes longer is answered as unknown. */
  readonly timeoutTicks: number;
}

interface Asked {
  readonly change: MembershipChange;
  /** Nobody waits for what the leader does by itself. */
  readonly reply: ((reply: ChangeReply) => void) | undefined;
  readonly deadline: number;
  /** What must stand in the log before the change does, stands there. */
  isAnnounced: boolean;
  /** When leadership was offered to somebody else, since it is the leader who shall go. */
  handedOver: number | undefined;
}

/** Changes that wait here; more are refused as overload. */
const queueMax = 64;
/** etcd's span of connectedness that counts as healthy. */
const steadySeconds = 5;
/** Connections are looked at this often. */
const lookTicks = 10;

export class Membership {
  readonly #options: MembershipOptions;
  readonly #requests: ChangeRequests;
  #queue: Asked[] = [];
  #underWay: Asked | undefined;
  /** Whose catching up is waited for. */
  readonly #catchingUp = new Set<NodeId>();
  /** For how many ticks on end each member was connected. */
  #connected = new Map<bigint, number>();
  /** Records proposed up to here are not applied yet. */
  #recordsDue = 0;
  /** Records and members were compared when this was applied: nothing of either has changed since. */
  #recordsSeen = -1;
  #isLeader = false;
  #now = 0;
  #looked = 0;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#requests = new ChangeRequests({
      transport: options.transport,
      timeoutTicks: options.timeoutTicks,
      pendingMax: queueMax,
      here: (change, reply) => this.asked(change, reply),
    });
  }

  /** For a client of this member. */
  request(change: MembershipChange, answer: (answer: ChangeAnswer) => void): void {
    this.#requests.ask(change, answer);
  }

  /** For a client of any member; here, if this member leads. */
  asked(change: MembershipChange, reply: (reply: ChangeReply) => void): void {
    if (!this.#isLeader) reply(notLeader);
    else if (this.#queue.length >= queueMax) reply({ kind: 'refused', reason: 'overloaded' });
    else {
      this.#queue.push(this.#asked(change, reply));
      this.goOn();
    }
  }

  leaderIs(leader: NodeId | undefined, isSelf: boolean): void {
    this.#isLeader = isSelf;
    this.#recordsDue = 0;
    if (!isSelf) {
      this.#refuseWaiting();
      // The successor makes the change.
      if (this.#isHandingOver(this.#underWay)) this.#underWay = this.#refuse(this.#underWay);
    }
    this.goOn();
    this.#requests.leaderIs(leader, isSelf);
  }

  advance(ticks: number): void {
    this.#now += ticks;
    this.#looked += ticks;
    this.#requests.advance(ticks);
    this.#expire();
    this.#leaveAnyway();
    // Where nobody waits, a look now and then is enough: most ticks of a cluster change nothing.
    const isTime = this.#looked >= lookTicks;
    if (isTime) this.#watchConnections();
    if (isTime || this.#queue.length > 0) this.goOn();
  }

  failAll(error: Error): void {
    this.#refuseWaiting();
    this.#requests.failAll(error);
  }

  /** Time has passed or something was applied: perhaps it is the next change's turn. */
  goOn(): void {
    while (this.#underWay === undefined && this.#isReady()) {
      const next = this.#queue.shift();
      if (next !== undefined) this.#begin(next);
      else {
        this.#keepRecords();
        this.#promote();
        return;
      }
    }
  }

  #asked(change: MembershipChange, reply: Asked['reply']): Asked {
    const deadline = this.#now + this.#options.timeoutTicks;
    return { change, reply, deadline, isAnnounced: false, handedOver: undefined };
  }

  /** The store must show what earlier leaders have committed (§5.4.2), and no change may be half done. */
  #isReady(): boolean {
    if (!this.#isLeader) return false;
    const { role, term, configuration } = this.#options.driver().status();
    return role === 'leader' && this.#options.appliedTerm() === term && configuration.outgoing.length === 0;
  }

  /** Judges the change, and refuses it or puts it into the log. */
  #begin(asked: Asked): void {
    const { change, reply } = asked;
    const driver = this.#options.driver();
    const from = driver.status().configuration;
    // A learner that was to be a voter may have been removed meanwhile.
    if (reply === undefined && !from.learners.includes(nodeIdOf(change.id))) return;
    const refusal = reply === undefined ? undefined : this.#refusalOf(change);
    const to = configurationAfter(change, from);
    if (refusal !== undefined || to.voters.length === 0) {
      // The only voter cannot go, and be others on their way.
      reply?.({ kind: 'changeRefused', reason: refusal ?? 'notEnoughStarted' });
      return;
    }
    this.#underWay = asked;
    if (change.kind === 'remove' && change.id === this.#options.self && !this.#mayLeave(asked, to)) return;
    this.#announce(asked);
    const left = Math.max(1, asked.deadline - this.#now);
    driver.changeMembership(to, left, (outcome) => {
      this.#underWay = undefined;
      if (outcome.kind === 'done') {
        const { clusterId, members } = this.#options;
        reply?.({ kind: 'members', members: encodeMembers(clusterId, members(outcome.value)) });
      } else this.#failed(asked, outcome.error);
    });
  }

  #failed(asked: Asked, error: Error): void {
    const { reply } = asked;
    if (error instanceof NotLeaderError) reply?.(notLeader);
    else if (!(error instanceof ChangeRefusedError)) reply?.({ kind: 'changeUnknown' });
    else if (error.reason === 'invalid') reply?.({ kind: 'changeRefused', reason: 'unhealthyCluster' });
    // Soon: an earlier change, or the first entry of this leadership, is on its way to be committed.
    else if (reply !== undefined) this.#queue.unshift(asked);
  }

  #refusalOf(change: MembershipChange): ReturnType<typeof refusalOfChange> {
    const { members, record, self, isStrict, isConnected, ticksPerSecond, driver } = this.#options;
    const status = driver().status();
    const progress =
      status.role === 'leader' ? new Map(status.progress.map(([id, { match }]) => [id, match])) : undefined;
    return refusalOfChange(change, {
      members: members(),
      removed: new Set(decodeRemoved(record(removedName))),
      self,
      isStrict,
      isConnected: (id) => id === self || isConnected(id),
      isSteady: (id) => id === self || (this.#connected.get(id) ?? 0) >= steadySeconds * ticksPerSecond,
      match: (id) => progress?.get(nodeIdOf(id)),
      own: status.durable,
    });
  }

  /**
   * A leader that shall go first lets somebody else lead (thesis §3.10): nobody waits for an election then, and the change is the
   * successor's. If nobody takes over, it manages its own removal (thesis §4.2.2).
   */
  #mayLeave(asked: Asked, to: Configuration): boolean {
    const { driver } = this.#options;
    const status = driver().status();
    if (asked.handedOver !== undefined || status.role !== 'leader') return true;
    asked.handedOver = this.#now;
    const [heir] = status.progress.filter(([id]) => to.voters.includes(id)).sort(([, a], [, b]) => b.match - a.match);
    return heir === undefined || driver().transferLeadership(heir[0]).kind === 'refused';
  }

  /** Leadership was offered and not taken: the transfer was given up by now. */
  #leaveAnyway(): void {
    const asked = this.#underWay;
    if (!this.#isHandingOver(asked) || this.#now - asked.handedOver <= 2 * this.#options.electionTicks) return;
    this.#underWay = undefined;
    this.#begin(asked);
  }

  #isHandingOver(asked: Asked | undefined): asked is Asked & { readonly handedOver: number } {
    return asked?.handedOver !== undefined && !asked.isAnnounced;
  }

  /** What must stand in the log before the change does. */
  #announce(asked: Asked): void {
    const { propose, record } = this.#options;
    const { change } = asked;
    if (asked.isAnnounced) return;
    asked.isAnnounced = true;
    if (change.kind === 'add' && !change.isLearner) {
      propose({ kind: 'setRecord', name: joiningName(change.id), value: Uint8Array.of(1) });
    }
    if (change.kind === 'remove' && record(recordName(change.id)) === undefined) {
      propose({ kind: 'setRecord', name: recordName(change.id), value: encodeUnpublished(change.id) });
    }
  }

  #expire(): void {
    const late = this.#queue.filter(({ deadline }) => deadline <= this.#now);
    if (late.length > 0) this.#queue = this.#queue.filter(({ deadline }) => deadline > this.#now);
    // It was not begun: whoever asked may ask again, if there is time.
    for (const asked of late) this.#refuse(asked);
  }

  #refuseWaiting(): void {
    const waiting = this.#queue;
    this.#queue = [];
    for (const asked of waiting) this.#refuse(asked);
  }

  #refuse({ reply }: Asked): undefined {
    reply?.(notLeader);
  }

  /** Brings what is replicated about members in step with who is one. */
  #keepRecords(): void {
    const { driver, record, recordNames, propose } = this.#options;
    const { applied, configuration } = driver().status();
    if (applied < this.#recordsDue || applied === this.#recordsSeen) return;
    this.#recordsSeen = applied;
    const known = new Set([...configuration.voters, ...configuration.learners]);
    const gone: NodeId[] = [];
    const obsolete: string[] = [];
    for (const name of [...recordNames()].sort((a, b) => (a < b ? -1 : 1))) {
      const [kind, id] = name.split('/') as [string, NodeId | undefined];
      if (id === undefined) continue;
      if (kind === 'member' && !known.has(id)) gone.push(id);
      if (kind === 'joining' && !configuration.learners.includes(id)) obsolete.push(name);
    }
    if (gone.length === 0 && obsolete.length === 0) return;
    const names = [...obsolete, ...gone.map((id) => recordName(memberIdOf(id)))];
    const removed = withRemoved(record(removedName), gone.map(memberIdOf));
    if (gone.length > 0) this.#proposed(propose({ kind: 'setRecord', name: removedName, value: removed }));
    for (const name of names) this.#proposed(propose({ kind: 'setRecord', name, value: new Uint8Array(0) }));
  }

  #proposed(at: LogId | undefined): void {
    if (at === undefined) this.#recordsSeen = -1;
    else this.#recordsDue = at.index;
  }

  /** Makes voters of those that were added as voters and have caught up (thesis §4.2.1). */
  #promote(): void {
    const { driver, record, self } = this.#options;
    for (const id of driver().status().configuration.learners) {
      if (this.#catchingUp.has(id) || memberIdOf(id) === self) continue;
      if (record(joiningName(memberIdOf(id))) === undefined) continue;
      this.#catchingUp.add(id);
      driver().caughtUp(id, undefined, (error) => {
        this.#catchingUp.delete(id);
        if (error !== undefined || !this.#isLeader) return;
        this.#queue.push(this.#asked({ kind: 'promote', id: memberIdOf(id) }, undefined));
        this.goOn();
      });
    }
  }

  #watchConnections(): void {
    const { driver, isConnected, ticksPerSecond } = this.#options;
    const ids = driver()
      .status()
      .configuration.addresses.map(([id]) => memberIdOf(id));
    this.#connected = new Map(
      ids.filter(isConnected).map((id) => {
        const soFar = (this.#connected.get(id) ?? 0) + this.#looked;
        return [id, Math.min(soFar, steadySeconds * ticksPerSecond)];
      }),
    );
    this.#looked = 0;
  }
}

const notLeader: ChangeReply = { kind: 'refused', reason: 'notLeader' };
