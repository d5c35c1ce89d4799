// Random faults in virtual time: kills, cuts, losses, stalls and slow disks under writers and readers. What was
// acknowledged must be there, once; what was refused must not; reads must see what was acknowledged before them.
// SEED=n repeats one run, SEEDS=n runs the first n.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Applied, NodeId } from '@kontiki/raft';
import { Cluster, codeOf, type Pending, propose, readSum } from './cluster.ts';
import { DurableRegister } from './register.ts';

/** A small generator (mulberry32): the same seed gives the same run on any engine. */
function chance(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface Write {
  readonly value: number;
  readonly pending: Pending<Applied<number>>;
}

interface Read {
  /** The sum of all that was acknowledged when it was asked. */
  readonly atLeast: number;
  readonly pending: Pending<number>;
}

class Run {
  readonly #below: (below: number) => number;
  readonly #cluster: Cluster;
  readonly #writes: Write[] = [];
  readonly #reads: Read[] = [];
  readonly #stalled = new Set<NodeId>();
  #lossPercent = 0;

  constructor(seed: number) {
    this.#below = chance(seed);
    this.#cluster = Cluster.running({
      size: this.#below(3) === 0 ? 5 : 3,
      machine: this.#below(2) === 0 ? 'memory' : 'durable',
      settings: { snapshotEntries: 20, catchUpEntries: 8, timeoutTicks: 100 },
    });
    this.#cluster.network.filter = () => this.#below(100) >= this.#lossPercent;
  }

  /** Answers how many writes were acknowledged. */
  play(ticks: number): number {
    for (let tick = 0; tick < ticks; tick++) {
      this.#fault();
      for (let count = this.#below(4); count > 0; count--) this.#write();
      if (this.#below(3) === 0) this.#read();
      if (this.#below(5) === 0) this.#flush();
      this.#cluster.time.advance(1);
    }
    this.#heal();
    return this.#check();
  }

  #pick(): NodeId {
    const { ids } = this.#cluster;
    return ids[this.#below(ids.length)] ?? ('a' as NodeId);
  }

  #fault(): void {
    const cluster = this.#cluster;
    const id = this.#pick();
    const seat = cluster.seat(id);
    switch (this.#below(250)) {
      case 0:
      case 1:
        if (seat.driver !== undefined && !this.#stalled.has(id)) cluster.kill(id);
        return;
      case 2:
      case 3:
      case 4:
      case 19:
        if (seat.driver === undefined) cluster.start(id);
        return;
      case 5:
        cluster.network.cut(id, this.#pick());
        return;
      case 6:
        cluster.isolate(id);
        return;
      case 7:
      case 8:
      case 15:
      case 16:
      case 17:
        cluster.network.heal();
        return;
      case 9:
        if (seat.driver === undefined || this.#stalled.has(id)) return;
        seat.ticker.stall();
        this.#stalled.add(id);
        return;
      case 10:
      case 11:
      case 18:
        this.#wake();
        return;
      case 12:
        seat.logDisk.syncTicks = this.#below(6);
        return;
      case 13:
        this.#lossPercent = this.#below(30);
        return;
      case 14:
        seat.driver?.transferLeadership(this.#pick());
        return;
      default:
    }
  }

  #wake(): void {
    for (const id of this.#stalled) this.#cluster.seat(id).ticker.resume();
    this.#stalled.clear();
  }

  #write(): void {
    const { driver } = this.#cluster.seat(this.#pick());
    const value = this.#writes.length + 1;
    if (driver !== undefined && value < 0x10000) this.#writes.push({ value, pending: propose(driver, value) });
  }

  #read(): void {
    const { driver } = this.#cluster.seat(this.#pick());
    if (driver === undefined) return;
    const acknowledged = this.#writes.filter(({ pending }) => pending.outcome?.kind === 'done');
    const atLeast = acknowledged.reduce((sum, { value }) => sum + value, 0);
    this.#reads.push({ atLeast, pending: readSum(driver) });
  }

  #flush(): void {
    const { register, driver } = this.#cluster.seat(this.#pick());
    if (driver !== undefined && register instanceof DurableRegister) register.flush();
  }

  #heal(): void {
    const cluster = this.#cluster;
    this.#lossPercent = 0;
    cluster.network.heal();
    this.#wake();
    for (const { id, driver, logDisk } of cluster.seats) {
      logDisk.syncTicks = 0;
      if (driver === undefined) cluster.start(id);
    }
    cluster.time.advance(200);
    const last = propose(cluster.leader(), 0);
    cluster.time.advance(5);
    assert.equal(last.outcome?.kind, 'done', 'the healed cluster makes progress');
  }

  #check(): number {
    for (const { stopped } of this.#cluster.seats) assert.equal(stopped, undefined, 'no node stopped itself');
    const values = this.#cluster.values();
    const counts = new Map<number, number>();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    for (const { value, pending } of this.#writes) {
      const count = counts.get(value) ?? 0;
      assert.ok(count <= 1, `${value} was applied ${count} times`);
      if (pending.outcome?.kind === 'done') assert.equal(count, 1, `${value} was acknowledged and is lost`);
      const code = codeOf(pending);
      if (code === 'OUTCOME_UNKNOWN' || code === undefined) continue;
      assert.equal(count, 0, `${value} was refused as ${code} and applied all the same`);
    }
    for (const { atLeast, pending } of this.#reads) {
      if (pending.outcome?.kind !== 'done') continue;
      const { value } = pending.outcome;
      assert.ok(value >= atLeast, `a read saw ${value} when ${atLeast} was acknowledged before it`);
    }
    return this.#writes.filter(({ pending }) => pending.outcome?.kind === 'done').length;
  }
}

const count = Number(process.env.SEEDS ?? 25);
const seeds =
  process.env.SEED === undefined ? Array.from({ length: count }, (_, n) => n + 1) : [Number(process.env.SEED)];
test(`nothing acknowledged is lost under random faults (${seeds.length} seeds)`, () => {
  let acknowledged = 0;
  for (const seed of seeds) {
    try {
      acknowledged += new Run(seed).play(800);
    } catch (error: unknown) {
      console.log(`SEED=${seed}`);
      throw error;
    }
  }
  if (seeds.length === 1) return;
  assert.ok(acknowledged >= 50 * seeds.length, `only ${acknowledged} writes were acknowledged: that shows nothing`);
});
