// Nodes in one process, on disks in memory and in virtual time: what the tests of the driver stand on.

import assert from 'node:assert/strict';
import {
  type Applied,
  type Configuration,
  type Driver,
  type DriverSettings,
  type Index,
  type LogRecord,
  type NodeId,
  type Outcome,
  openDriver,
  type StopReason,
} from '@kontiki/raft';
import {
  MemoryLogDisk,
  MemorySnapshotDisk,
  MessageNetwork,
  type VirtualTicker,
  VirtualTime,
} from '@kontiki/raft/memory';
import { bytesOf, DurableRegister, MemoryRegister, type Register } from './register.ts';

export type TestDriver = Driver<number, 'sum', number>;

export interface Seat {
  readonly id: NodeId;
  readonly logDisk: MemoryLogDisk;
  readonly snapshotDisk: MemorySnapshotDisk;
  /** What a durable register has on its own disk. */
  readonly registerDisk: { content: { at: { term: number; index: number }; values: readonly number[] } };
  readonly log: LogRecord[];
  ticker: VirtualTicker;
  boot: number;
  driver: TestDriver | undefined;
  register: Register;
  stopped: StopReason | undefined;
}

export interface ClusterOptions {
  readonly size?: number;
  /** Seats behind the first `size`, whose nodes join when they are started. */
  readonly spares?: number;
  readonly machine?: 'memory' | 'durable';
  readonly settings?: Partial<DriverSettings>;
}

export class Cluster {
  readonly time = new VirtualTime();
  readonly network = new MessageNetwork();
  readonly seats: readonly Seat[];
  readonly #configuration: Configuration;
  readonly #options: ClusterOptions;

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
    const size = options.size ?? 3;
    const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].slice(0, size + (options.spares ?? 0)) as NodeId[];
    const ids = all.slice(0, size);
    this.#configuration = {
      voters: ids,
      outgoing: [],
      learners: [],
      addresses: ids.map((id) => [id, new Uint8Array(1)] as const),
    };
    this.seats = all.map((id) => ({
      id,
      logDisk: new MemoryLogDisk(),
      snapshotDisk: new MemorySnapshotDisk(),
      registerDisk: { content: { at: { term: 0, index: 0 }, values: [] } },
      log: [],
      ticker: this.time.ticker(),
      boot: 0,
      driver: undefined,
      register: new MemoryRegister(),
      stopped: undefined,
    }));
  }

  static running(options: ClusterOptions = {}): Cluster {
    const cluster = new Cluster(options);
    for (const id of cluster.#configuration.voters) cluster.start(id);
    return cluster;
  }

  get ids(): readonly NodeId[] {
    return this.seats.map((seat) => seat.id);
  }

  seat(id: string): Seat {
    const seat = this.seats.find((candidate) => candidate.id === id);
    assert.ok(seat !== undefined, `there is no ${id}`);
    return seat;
  }

  driver(id: string): TestDriver {
    const { driver } = this.seat(id);
    assert.ok(driver !== undefined, `${id} does not run`);
    return driver;
  }

  /** Opens a node and answers how that went. */
  open(id: string, settings: Partial<DriverSettings> = {}): Outcome<TestDriver> {
    const seat = this.seat(id);
    seat.boot += 1;
    seat.ticker = this.time.ticker();
    seat.stopped = undefined;
    seat.register =
      this.#options.machine === 'durable' ? new DurableRegister(seat.registerDisk, seat.ticker) : new MemoryRegister();
    let outcome: Outcome<TestDriver> | undefined;
    openDriver(
      {
        id: seat.id,
        boot: seat.boot,
        ...(this.#configuration.voters.includes(seat.id)
          ? { bootstrap: this.#configuration }
          : { join: { peers: this.#configuration.addresses.map(([peer, address]) => ({ id: peer, address })) } }),
        log: seat.logDisk.open(seat.ticker),
        snapshots: seat.snapshotDisk.open(seat.ticker),
        transport: this.network.at(seat.id, seat.ticker),
        ticker: seat.ticker,
        stateMachine: seat.register,
        seed: 'seed',
        settings: { electionTicks: 20, heartbeatTicks: 2, ...this.#options.settings, ...settings },
        logger: (record) => seat.log.push(record),
        onRequest: (_from, body, reply) => reply(body),
      },
      (opened) => {
        outcome = opened;
      },
    );
    this.time.until(() => outcome !== undefined, 'opening has failed or succeeded');
    assert.ok(outcome !== undefined);
    return outcome;
  }

  start(id: string, settings?: Partial<DriverSettings>): TestDriver {
    const outcome = this.open(id, settings);
    if (outcome.kind === 'failed') throw outcome.error;
    const seat = this.seat(id);
    seat.driver = outcome.value;
    outcome.value.onStopped((reason) => {
      seat.stopped = reason;
    });
    return outcome.value;
  }

  /** The process is gone without a word; what was synced is on its disks. */
  kill(id: string): void {
    const seat = this.seat(id);
    seat.ticker.stall();
    seat.driver = undefined;
    this.network.kill(seat.id);
  }

  /** Cuts `id` off from all others. */
  isolate(id: string): void {
    this.network.isolate(id as NodeId, this.ids);
  }

  leaders(): readonly TestDriver[] {
    return this.seats.flatMap(({ driver }) =>
      driver !== undefined && driver.status().role === 'leader' ? [driver] : [],
    );
  }

  /** Waits for a leader among `among` that all of them follow. */
  leader(among: readonly string[] = this.running()): TestDriver {
    let found: TestDriver | undefined;
    this.time.until(
      () => {
        const leaders = new Set(among.map((id) => this.driver(id).status().leader));
        const [only] = leaders;
        found = leaders.size === 1 && only !== undefined && among.includes(only) ? this.seat(only).driver : undefined;
        return found?.status().role === 'leader' && found.status().commit > 0;
      },
      `one leader among ${among.join(', ')}`,
    );
    assert.ok(found !== undefined);
    return found;
  }

  running(): readonly string[] {
    return this.seats.flatMap(({ id, driver, stopped }) => (driver === undefined || stopped !== undefined ? [] : [id]));
  }

  followers(): readonly TestDriver[] {
    const leader = this.leader();
    return this.running()
      .map((id) => this.driver(id))
      .filter((driver) => driver !== leader);
  }

  /** Waits until all running nodes have applied as far as the leader has committed. */
  converge(): void {
    this.time.until(() => {
      const statuses = this.running().map((id) => this.driver(id).status());
      const commit = Math.max(...statuses.map((status) => status.commit));
      return statuses.every((status) => status.applied === commit && status.commit === commit);
    }, 'all have applied the same');
  }

  /** The values that every running node has applied; they must be the same. */
  values(): readonly number[] {
    this.converge();
    const [first, ...others] = this.running().map((id) => this.seat(id).register.values);
    for (const other of others) assert.deepEqual(other, first);
    return first ?? [];
  }
}

/** What came of a call, once it has come. */
export interface Pending<T> {
  outcome: Outcome<T> | undefined;
}

/** Whoever asked still waits. */
export function isOpen(pending: Pending<unknown>): boolean {
  return pending.outcome === undefined;
}

export function propose(driver: TestDriver, value: number, timeoutTicks?: number): Pending<Applied<number>> {
  const pending: Pending<Applied<number>> = { outcome: undefined };
  driver.propose(bytesOf(value), timeoutTicks, (outcome) => {
    assert.equal(pending.outcome, undefined, 'answered twice');
    pending.outcome = outcome;
  });
  return pending;
}

export function readSum(driver: TestDriver, timeoutTicks?: number): Pending<number> {
  const pending: Pending<number> = { outcome: undefined };
  const options = { consistency: 'linearizable' as const, ...(timeoutTicks === undefined ? {} : { timeoutTicks }) };
  driver.read('sum', options, (outcome) => {
    pending.outcome = outcome;
  });
  return pending;
}

export function readIndex(driver: TestDriver): Pending<Index> {
  const pending: Pending<Index> = { outcome: undefined };
  driver.readIndex(undefined, (outcome) => {
    pending.outcome = outcome;
  });
  return pending;
}

export function codeOf(pending: Pending<unknown>): string | undefined {
  const { outcome } = pending;
  return outcome?.kind === 'failed' ? (outcome.error as Error & { code?: string }).code : undefined;
}
