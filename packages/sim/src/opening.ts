// From a seat to a running member: its log and snapshots recovered from the disk, its peers, its rows, with the taps of
// whoever judges the run on every seam.

import { type MemberOptions, RunningMember } from '@kontiki/member';
import type {
  Completion,
  LogRecord,
  LogStore,
  Message,
  NodeId,
  Raft,
  SnapshotStore,
  Ticker,
  Transport,
  TransportHandler,
} from '@kontiki/raft';
import { PeerTransport } from '@kontiki/transport';
import { openSnapshots, openWal, tableChecksum } from '@kontiki/wal';
import type { ByteNetwork } from './byte-network.ts';
import { Chance } from './chance.ts';
import type { Observer } from './checkers/observer.ts';
import { DriftingTicker } from './clock.ts';
import type { Marks } from './marks.ts';
import { type Plan, ticksPerSecond } from './plan.ts';
import { forwarding, type Planted, plantedTransport } from './planted.ts';
import type { RulesBundle } from './rules.ts';
import { type Life, noteStatus, type Seat } from './seat.ts';
import type { Trace } from './trace.ts';

export interface OpeningParts {
  readonly plan: Plan;
  readonly planted: Planted;
  readonly rules: RulesBundle | undefined;
  readonly around: ((core: Raft) => Raft) | undefined;
  readonly network: ByteNetwork;
  readonly trace: Trace;
  readonly observer: Observer;
  readonly marks: Marks;
  readonly counts: { tails: number; installs: number; sendsFailed: number; segmentsDropped: number };
  readonly areMessagesFaulty: () => boolean;
  readonly members: readonly Seat[];
}

/** Who watches the process on this seat. One on an empty disk is a stranger under the member's name: the member's own disk
 * keeps what it promised, so nobody takes the stranger's word for it. */
export function observerOf({ own }: Seat, observer: Observer): Observer {
  return own === undefined ? observer : nobody;
}

const nothing = (): void => {};
const nobody: Observer = {
  started: nothing,
  opened: nothing,
  ended: nothing,
  handedToLog: nothing,
  durable: nothing,
  snapshotStored: nothing,
  sent: nothing,
  applied: nothing,
  restored: nothing,
  flushed: nothing,
  turnEnded: nothing,
  held: nothing,
  acknowledged: nothing,
};

export function openSeat(seat: Seat, life: Life, all: OpeningParts, completion: Completion<RunningMember>): void {
  const parts = { ...all, observer: observerOf(seat, all.observer) };
  const { plan, counts, marks } = parts;
  const vfs = seat.disk.mount();
  const ticker = new DriftingTicker(life.ticker, () => seat.driftPerMille);
  const checksum = tableChecksum;
  const later = (task: () => void): (() => void) => ticker.after(20, task);
  const { segmentBytes } = plan;
  const rules = parts.rules?.wal === undefined ? {} : { rules: parts.rules.wal };
  const wal = { vfs, checksum, segmentBytes, later, directory: `/${seat.name}/wal`, ...rules };
  openWal(
    {
      ...wal,
      onEvent: (event) => {
        if (event.kind === 'opened') marks.hit(`wal ${event.row}`);
        if (event.kind === 'tailTorn') counts.tails += 1;
        if (event.kind === 'segmentDropped') counts.segmentsDropped += 1;
      },
    },
    (log) => {
      if (log.kind === 'failed') {
        completion(log);
        return;
      }
      // From here on the log writes: what damage it has started in spite of was of nothing that it needs.
      if (seat.injury?.path.startsWith(`${wal.directory}/`) === true) seat.injury = undefined;
      parts.observer.started(seat.node, life.boot, log.value.recovered);
      openSnapshots({ vfs, checksum, directory: `/${seat.name}/snapshots`, ...rules }, (snapshots) => {
        if (snapshots.kind === 'failed') {
          completion(snapshots);
          return;
        }
        // One may have been whole before anybody was told so.
        const newest = snapshots.value.newest();
        if (newest !== undefined) parts.observer.snapshotStored(seat.node, newest.last);
        openOn(seat, life, parts, ticker, log.value, snapshots.value, completion);
      });
    },
  );
}

function openOn(
  seat: Seat,
  life: Life,
  parts: OpeningParts,
  ticker: Ticker,
  log: LogStore,
  snapshots: SnapshotStore,
  completion: Completion<RunningMember>,
): void {
  const { plan, rules, observer, marks } = parts;
  const { node } = seat;
  const transport = openTransport(seat, life, parts, ticker);
  RunningMember.open(
    {
      identity: { clusterId: 7n, memberId: seat.id, name: seat.name },
      boot: life.boot,
      ...beginningOf(seat, parts),
      clientUrls: [`http://${seat.name}:2379`],
      log: tappedLog(seat, log, observer),
      snapshots: tappedSnapshots(seat, snapshots, observer),
      backend: seat.backend,
      transport: transport.port,
      isConnected: transport.isConnected,
      removedMembers: transport.setRemoved,
      strictReconfigCheck: plan.isStrict,
      ticker,
      ticksPerSecond,
      seed: `${plan.seed}`,
      settings: plan.settings,
      watchProgressTicks: 200,
      logger: (record) => note(seat, parts, record),
      ...(rules === undefined ? {} : { rules }),
      taps: {
        why: (rule) => marks.rule(rule),
        ...(parts.around === undefined ? {} : { around: parts.around }),
        turnEnded: (status) => {
          noteStatus(seat, life, status);
          observer.turnEnded(node, status);
        },
        applied: (commands, last, revision) => observer.applied(node, commands, last, revision),
        restored: (last, revision) => {
          life.heard = 0;
          observer.restored(node, last, revision);
        },
        flushed: (index) => observer.flushed(node, index),
      },
    },
    completion,
  );
}

function tappedLog({ node }: Seat, log: LogStore, observer: Observer): LogStore {
  return {
    recovered: log.recovered,
    append: (write, done) => {
      observer.handedToLog(node, write);
      log.append(write, (error) => {
        if (error === undefined) observer.durable(node, write);
        done(error);
      });
    },
    close: (done) => log.close(done),
  };
}

function tappedSnapshots(seat: Seat, snapshots: SnapshotStore, observer: Observer): SnapshotStore {
  return {
    newest: () => snapshots.newest(),
    create: (meta) => {
      const sink = snapshots.create(meta);
      return {
        write: (chunk, done) => sink.write(chunk, done),
        commit: (done) =>
          sink.commit((error) => {
            if (error === undefined) observer.snapshotStored(seat.node, meta.last);
            done(error);
          }),
        abort: () => sink.abort(),
      };
    },
    open: (last, completion) => snapshots.open(last, completion),
    removeBefore: (index, done) => snapshots.removeBefore(index, done),
  };
}

/** Founders know each other from the start; who joins is told of those that are there. */
function beginningOf(seat: Seat, { plan, members }: OpeningParts): Pick<MemberOptions, 'initialMembers' | 'join'> {
  const known = (id: bigint): { readonly id: bigint; readonly peerUrls: readonly string[] } => ({
    id,
    peerUrls: [`n${id}`],
  });
  if (!seat.isJoiner) return { initialMembers: Array.from({ length: plan.members }, (_, at) => known(BigInt(at + 1))) };
  return { initialMembers: [], join: members.filter((other) => other !== seat).map(({ id }) => known(id)) };
}

interface SeatTransport {
  readonly port: Transport;
  readonly isConnected: (peer: NodeId) => boolean;
  readonly setRemoved: (ids: readonly NodeId[]) => void;
}

function openTransport(seat: Seat, life: Life, parts: OpeningParts, ticker: Ticker): SeatTransport {
  const { plan, network, planted, observer, marks, trace } = parts;
  const transport = new PeerTransport({
    identity: { cluster: '7', id: seat.node, boot: life.boot, incarnation: seat.incarnation },
    network: network.at(seat.name, ticker),
    ticker,
    incarnations: seat.incarnations,
    log: (record) => note(seat, parts, record),
    onRemoved: () => life.member?.toldOfRemoval(),
    ...(parts.rules?.transport === undefined ? {} : { rules: parts.rules.transport }),
    limits: { pingTicks: plan.pingTicks, handshakeTicks: 40, reconnectTicks: { first: 2, most: 40 } },
  });
  const planned = plan.messages;
  const hasFaults = planned.lost + planned.doubled + planned.held + planned.rare > 0;
  const chance = new Chance(plan.seed, `messages of ${seat.name} ${life.boot}`);
  // Each direction has its own share of loss.
  const lossOf = (to: string): number =>
    new Chance(plan.seed, `loss ${seat.node} ${to}`).pick([0, 1, 2]) * planned.lost;
  const losses = new Map<string, number>();
  const send = (message: Message): void => {
    observer.sent(message);
    trace.message(message);
    if (!hasFaults || !parts.areMessagesFaulty()) {
      transport.send(message);
      return;
    }
    const loss = losses.get(message.to) ?? lossOf(message.to);
    losses.set(message.to, loss);
    if (chance.percent(loss)) return;
    if (chance.percent(planned.doubled)) ticker.after(chance.between(1, 30), () => transport.send(message));
    const held = planned.rare > 0 && rareKinds.has(message.kind) ? planned.rare : planned.held;
    if (chance.percent(held)) ticker.after(chance.between(1, planned.heldTicks), () => transport.send(message));
    else transport.send(message);
  };
  const start = (handler: TransportHandler): void =>
    transport.start({
      ...handler,
      receive: (message) => {
        marks.message(message.kind, life.status?.role ?? 'follower');
        handler.receive(message);
      },
    });
  return {
    port: plantedTransport({ ...forwarding(transport), send, start }, planted),
    isConnected: (peer) => transport.isConnected(peer),
    setRemoved: (ids) => transport.setRemoved(ids),
  };
}

const rareKinds: ReadonlySet<Message['kind']> = new Set([
  'requestVote',
  'requestVoteReply',
  'timeoutNow',
  'installSnapshot',
]);

function note(seat: Seat, { trace, counts }: OpeningParts, { level, message, fields }: LogRecord): void {
  if (level === 'debug') return;
  const values = JSON.stringify(fields, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
  trace.say(`${seat.name} ${level}: ${message} ${values}`);
  if (message === 'snapshot received and stored') {
    counts.installs += 1;
    seat.installs += 1;
  }
  if (message === 'snapshot could not be sent') counts.sendsFailed += 1;
}
