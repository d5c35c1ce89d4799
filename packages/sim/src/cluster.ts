// Members as processes on machines: the real log, snapshots and peer transport, on a disk, a backend and a network that
// fail. A seat is a machine, which outlives its processes; a life is one process on it.

import { MemoryBackend } from '@kontiki/kv';
import { nodeIdOf, RunningMember } from '@kontiki/member';
import type { Completion, LogRecord, Message, Transport } from '@kontiki/raft';
import type { VirtualTicker, VirtualTime } from '@kontiki/raft/memory';
import { MemoryIncarnations, PeerTransport } from '@kontiki/transport';
import { type DiskOperation, MemoryDisk, openSnapshots, openWal, tableChecksum } from '@kontiki/wal';
import { ByteNetwork } from './byte-network.ts';
import { Chance } from './chance.ts';
import type { ReportViolation } from './checkers/names.ts';
import { type Plan, ticksPerSecond } from './plan.ts';
import { forwarding, type Planted, plantedBackend, plantedLog, plantedTransport } from './planted.ts';
import type { Trace } from './trace.ts';

export interface Life {
  readonly boot: number;
  readonly ticker: VirtualTicker;
  /** Once it is open. */
  member: RunningMember | undefined;
  isOver: boolean;
  isAsleep: boolean;
  isStopping: boolean;
  /** Called when the process is gone, so that whoever waits for an answer of it stops waiting. */
  readonly whenOver: Set<() => void>;
  /** From which revision on its history has not been heard. */
  heard: number;
  restores: number;
}

export interface Seat {
  readonly id: bigint;
  readonly name: string;
  readonly disk: MemoryDisk;
  readonly backend: MemoryBackend;
  readonly incarnations: MemoryIncarnations;
  readonly chance: Chance;
  boot: number;
  life: Life | undefined;
  syncTicks: number;
  /** The disk fails every operation that writes. */
  isBroken: boolean;
  flushDue: number;
  /** Commits of the backend that show and are not durable. */
  unflushed: number;
}

/** How a process ends: with its machine's memory, or alone. */
export type Death = 'process' | 'power';

export class Cluster {
  readonly time: VirtualTime;
  readonly network: ByteNetwork;
  readonly seats: readonly Seat[];
  readonly plan: Plan;
  readonly #planted: Planted;
  readonly #trace: Trace;
  readonly #violation: ReportViolation;
  readonly #messageChance: Chance;
  areMessagesFaulty = true;
  readonly counts = { starts: 0, tails: 0, installs: 0, sendsFailed: 0, segmentsDropped: 0 };

  constructor(
    plan: Plan,
    planted: Planted,
    parts: { readonly time: VirtualTime; readonly trace: Trace; readonly violation: ReportViolation },
  ) {
    this.plan = plan;
    this.#planted = planted;
    this.time = parts.time;
    this.#trace = parts.trace;
    this.#violation = parts.violation;
    this.network = new ByteNetwork(this.time, new Chance(plan.seed, 'network'));
    this.network.latency = plan.latency;
    this.#messageChance = new Chance(plan.seed, 'messages');
    this.seats = Array.from({ length: plan.members }, (_, at) => this.#seat(BigInt(at + 1)));
  }

  get lives(): readonly Life[] {
    return this.seats.flatMap(({ life }) => life ?? []);
  }

  /** Members that run and are awake. */
  get awake(): readonly RunningMember[] {
    return this.lives.flatMap(({ member, isAsleep, isStopping }) => (isAsleep || isStopping ? [] : (member ?? [])));
  }

  lifeOf(member: RunningMember): Life | undefined {
    return this.lives.find((life) => life.member === member);
  }

  start(seat: Seat): void {
    if (seat.life !== undefined) return;
    seat.boot += 1;
    const ticker = this.time.ticker();
    const life: Life = {
      boot: seat.boot,
      ticker,
      member: undefined,
      isOver: false,
      isAsleep: false,
      isStopping: false,
      whenOver: new Set(),
      heard: 0,
      restores: 0,
    };
    seat.life = life;
    this.counts.starts += 1;
    this.#trace.say(`${seat.name} starts, boot ${seat.boot}`);
    this.#open(seat, life, (outcome) => {
      if (life.isOver) return;
      if (outcome.kind === 'failed') {
        this.#failed(seat, life, outcome.error);
        return;
      }
      const member = outcome.value;
      life.member = member;
      this.#trace.say(`${seat.name} runs, applied ${member.status().applied}`);
      if (seat.chance.oneIn(2)) void member.publish();
      member.onFailure((error) => this.#failed(seat, life, error));
      member.onLeaderChange((leader) => {
        this.#trace.say(`${seat.name} follows ${leader} in term ${member.status().term}`);
      });
    });
  }

  /** The process is gone, at whatever it was. */
  kill(seat: Seat, death: Death): void {
    const { life, chance } = seat;
    if (life === undefined) return;
    this.#trace.say(`${seat.name} dies: ${death}`);
    this.#end(seat, life);
    life.ticker.stall();
    this.network.kill(seat.name, death === 'power' && chance.oneIn(2));
    if (death === 'process') {
      seat.disk.kill();
      // The kernel keeps what was written: everything that shows.
      seat.backend.crash(seat.unflushed);
    } else {
      const share = chance.pick([0, 30, 50, 70, 100]);
      seat.disk.crash(() => chance.percent(share));
      seat.backend.crash(chance.below(seat.unflushed + 1));
    }
    seat.unflushed = 0;
  }

  sleep(seat: Seat): void {
    if (seat.life === undefined || seat.life.isAsleep) return;
    this.#trace.say(`${seat.name} falls asleep`);
    seat.life.isAsleep = true;
    seat.life.ticker.stall();
  }

  wake(seat: Seat): void {
    if (seat.life?.isAsleep !== true) return;
    this.#trace.say(`${seat.name} wakes up`);
    seat.life.isAsleep = false;
    seat.life.ticker.resume();
  }

  /** Stops the member in order, as on SIGTERM. */
  stop(seat: Seat, handOver: boolean): void {
    const { life } = seat;
    if (life?.member === undefined || life.isStopping) return;
    this.#trace.say(`${seat.name} is told to stop`);
    life.isStopping = true;
    const stopped = (error: unknown): void => {
      if (life.isOver) return;
      this.#trace.say(`${seat.name} has stopped`);
      if (error !== undefined && !seat.isBroken)
        this.#violation('FailStop', `${seat.name} did not stop in order: ${String(error)}`);
      this.#end(seat, life);
      life.ticker.stall();
      this.network.kill(seat.name, false);
      seat.disk.kill();
      seat.backend.crash();
    };
    life.member.stop({ handOver }).then(
      () => stopped(undefined),
      (error: unknown) => stopped(error ?? new Error('it rejected with nothing')),
    );
  }

  #end(seat: Seat, life: Life): void {
    life.isOver = true;
    seat.life = undefined;
    for (const over of [...life.whenOver]) over();
    life.whenOver.clear();
  }

  /** The member stopped itself, or could not start: right on a broken disk, and wrong on any other. */
  #failed(seat: Seat, life: Life, error: Error): void {
    if (life.isOver) return;
    this.#trace.say(`${seat.name} fails: ${error.message}`);
    if (!seat.isBroken) this.#violation('FailStop', `${seat.name} stopped itself: ${error.stack ?? error.message}`);
    // Within its own call it cannot die.
    this.time.defer(() => {
      if (!life.isOver) this.kill(seat, seat.chance.pick(['process', 'power']));
    });
  }

  #seat(id: bigint): Seat {
    const name = `n${id}`;
    const chance = new Chance(this.plan.seed, name);
    const defer = (task: () => void): void => seat.life?.ticker.defer(task);
    const seat: Seat = {
      id,
      name,
      chance,
      disk: new MemoryDisk({
        schedule: (task, operation) => this.#scheduleDisk(seat, task, operation),
        fault: ({ kind }) =>
          seat.isBroken && (kind === 'fdatasync' || kind === 'write' || kind === 'open') ? 'IO' : undefined,
      }),
      backend: new MemoryBackend({ defer, deferDurable: (task) => this.#deferFlush(seat, task) }),
      incarnations: new MemoryIncarnations(defer),
      boot: 0,
      life: undefined,
      syncTicks: this.plan.syncTicks,
      isBroken: false,
      flushDue: 0,
      unflushed: 0,
    };
    return seat;
  }

  #scheduleDisk(seat: Seat, task: () => void, { kind }: DiskOperation): void {
    const { life, chance, syncTicks } = seat;
    if (life === undefined) return;
    const isSync = kind === 'fdatasync' || kind === 'syncDirectory';
    const ticks = isSync ? chance.between(0, syncTicks) : syncTicks > 0 && chance.oneIn(20) ? 1 : 0;
    if (ticks === 0) life.ticker.defer(task);
    else life.ticker.after(ticks, task);
  }

  /** In order: an older commit is durable before a newer one. */
  #deferFlush(seat: Seat, task: () => void): void {
    const { life } = seat;
    if (life === undefined) return;
    const { now } = this.time;
    seat.flushDue = Math.max(seat.flushDue, now + seat.chance.between(0, this.plan.flushTicks));
    seat.unflushed += 1;
    life.ticker.after(seat.flushDue - now, () => {
      if (life.isOver) return;
      seat.unflushed -= 1;
      task();
    });
  }

  #open(seat: Seat, life: Life, completion: Completion<RunningMember>): void {
    const vfs = seat.disk.mount();
    const { ticker } = life;
    const checksum = tableChecksum;
    const later = (task: () => void): (() => void) => ticker.after(20, task);
    const { segmentBytes } = this.plan;
    const wal = { vfs, checksum, segmentBytes, later, directory: `/${seat.name}/wal` };
    openWal(
      {
        ...wal,
        onEvent: ({ kind }) => {
          if (kind === 'tailTorn') this.counts.tails += 1;
          if (kind === 'segmentDropped') this.counts.segmentsDropped += 1;
        },
      },
      (log) => {
        if (log.kind === 'failed') {
          completion(log);
          return;
        }
        openSnapshots({ vfs, checksum, directory: `/${seat.name}/snapshots` }, (snapshots) => {
          if (snapshots.kind === 'failed') {
            completion(snapshots);
            return;
          }
          RunningMember.open(
            {
              identity: { clusterId: 7n, memberId: seat.id, name: seat.name },
              boot: life.boot,
              initialMembers: this.seats.map(({ id, name }) => ({ id, peerUrls: [name] })),
              clientUrls: [`http://${seat.name}:2379`],
              log: plantedLog(log.value, ticker, this.#planted),
              snapshots: snapshots.value,
              backend: plantedBackend(seat.backend, this.#planted),
              transport: this.#transport(seat, life),
              ticker,
              ticksPerSecond: this.#planted.has('leasesRunTwiceAsFast') ? ticksPerSecond / 2 : ticksPerSecond,
              seed: `${this.plan.seed}`,
              settings: this.plan.settings,
              watchProgressTicks: 200,
              logger: (record) => this.#log(seat, record),
            },
            completion,
          );
        });
      },
    );
  }

  #transport(seat: Seat, life: Life): Transport {
    const { ticker } = life;
    const transport = new PeerTransport({
      identity: { cluster: '7', id: nodeIdOf(seat.id), boot: life.boot, incarnation: `disk of ${seat.name}` },
      network: this.network.at(seat.name, ticker),
      ticker,
      incarnations: seat.incarnations,
      log: (record) => this.#log(seat, record),
      limits: { pingTicks: 20, handshakeTicks: 40, reconnectTicks: { first: 2, most: 40 } },
    });
    const { lost, doubled, held } = this.plan.messages;
    const chance = this.#messageChance;
    const send = (message: Message): void => {
      if (!this.areMessagesFaulty || lost + doubled + held === 0) {
        transport.send(message);
        return;
      }
      if (chance.percent(lost)) return;
      if (chance.percent(doubled)) ticker.after(chance.between(1, 30), () => transport.send(message));
      if (chance.percent(held)) ticker.after(chance.between(1, 10), () => transport.send(message));
      else transport.send(message);
    };
    return plantedTransport({ ...forwarding(transport), send }, this.#planted);
  }

  #log(seat: Seat, { level, message, fields }: LogRecord): void {
    if (level === 'debug') return;
    this.#trace.say(
      `${seat.name} ${level}: ${message} ${JSON.stringify(fields, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))}`,
    );
    if (message === 'snapshot received and stored') this.counts.installs += 1;
    if (message === 'snapshot could not be sent') this.counts.sendsFailed += 1;
  }
}
