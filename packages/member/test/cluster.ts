// Members in one process, on disks in memory and in virtual time: what the tests of the member stand on.

import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { CompactionRequestSchema, LeaseRevokeRequestSchema, PutRequestSchema } from '@kontiki/etcd-proto';
import { decodeKeyValue, MemoryBackend } from '@kontiki/kv';
import { rangeOf } from '@kontiki/kv/testing';
import {
  MemoryLogDisk,
  MemorySnapshotDisk,
  MessageNetwork,
  type VirtualTicker,
  VirtualTime,
} from '@kontiki/raft/memory';
import type { Command } from '../src/api.ts';
import { openMember, type RunningMember } from '../src/member.ts';
import { memberIdOf, nodeIdOf } from '../src/roster.ts';

interface Seat {
  readonly id: bigint;
  readonly logDisk: MemoryLogDisk;
  readonly snapshotDisk: MemorySnapshotDisk;
  readonly backend: MemoryBackend;
  /** How long the backend takes to make a commit durable. */
  flushTicks: number;
  ticker: VirtualTicker;
  boot: number;
  member: RunningMember | undefined;
  /** Not a founder: it joins those who were there. */
  isJoiner: boolean;
  /** How often it was told that it was removed. */
  removals: number;
}

export const ticksPerSecond = 100;

export function urlsOf(id: bigint): readonly string[] {
  return [`http://n${id}:2380`];
}

export class MemberCluster {
  readonly time = new VirtualTime();
  readonly network = new MessageNetwork();
  readonly seats: Seat[];
  strict = true;
  readonly #catchUpEntries: number;

  private constructor(size: number, catchUpEntries: number) {
    this.#catchUpEntries = catchUpEntries;
    this.seats = Array.from({ length: size }, (_, i) => this.#seat(BigInt(i + 1)));
  }

  static async running(size: number, catchUpEntries = 5000): Promise<MemberCluster> {
    const cluster = new MemberCluster(size, catchUpEntries);
    for (const { id } of cluster.seats) await cluster.start(id);
    await cluster.leader();
    return cluster;
  }

  async start(id: bigint): Promise<RunningMember> {
    const seat = this.seat(id);
    seat.boot++;
    const ticker = this.time.ticker();
    seat.ticker = ticker;
    const opening = openMember({
      identity: { clusterId: 7n, memberId: id, name: `n${id}` },
      boot: seat.boot,
      ...(seat.isJoiner ? { initialMembers: [], join: this.#others(id) } : { initialMembers: this.#founders() }),
      clientUrls: [`http://n${id}:2379`],
      log: seat.logDisk.open(ticker),
      snapshots: seat.snapshotDisk.open(ticker),
      backend: seat.backend,
      transport: this.network.at(nodeIdOf(id), ticker),
      ticker,
      ticksPerSecond,
      seed: 'seed',
      settings: { electionTicks: 20, heartbeatTicks: 2, catchUpEntries: this.#catchUpEntries },
      watchProgressTicks: 60_000,
      strictReconfigCheck: this.strict,
      isConnected: (peer) => this.running.some(({ identity }) => identity.memberId === memberIdOf(peer)),
    });
    seat.member = await this.wait(opening);
    seat.member.onRemoved(() => {
      seat.removals++;
    });
    return seat.member;
  }

  /** A machine for a member that the cluster has added. */
  async join(id: bigint): Promise<RunningMember> {
    this.seats.push({ ...this.#seat(id), isJoiner: true });
    return await this.start(id);
  }

  #founders(): { readonly id: bigint; readonly peerUrls: readonly string[] }[] {
    return this.seats.filter(({ isJoiner }) => !isJoiner).map(({ id }) => ({ id, peerUrls: urlsOf(id) }));
  }

  #others(id: bigint): { readonly id: bigint; readonly peerUrls: readonly string[] }[] {
    return this.seats.filter((seat) => seat.id !== id).map((seat) => ({ id: seat.id, peerUrls: urlsOf(seat.id) }));
  }

  /** The process is gone; what was not durable is lost. */
  kill(id: bigint): void {
    const seat = this.seat(id);
    this.network.kill(nodeIdOf(id));
    seat.ticker.stall();
    seat.backend.crash();
    seat.member = undefined;
  }

  #seat(id: bigint): Seat {
    const deferDurable = (task: () => void): void => {
      if (seat.flushTicks > 0) this.time.after(seat.flushTicks, task);
      else this.time.defer(task);
    };
    const seat: Seat = {
      id,
      logDisk: new MemoryLogDisk(),
      snapshotDisk: new MemorySnapshotDisk(),
      backend: new MemoryBackend({ defer: (task) => this.time.defer(task), deferDurable }),
      flushTicks: 0,
      ticker: this.time.ticker(),
      boot: 0,
      member: undefined,
      isJoiner: false,
      removals: 0,
    };
    return seat;
  }

  seat(id: bigint): Seat {
    const seat = this.seats.find((candidate) => candidate.id === id);
    assert.ok(seat !== undefined, `there is no member ${id}`);
    return seat;
  }

  member(id: bigint): RunningMember {
    const { member } = this.seat(id);
    assert.ok(member !== undefined, `member ${id} does not run`);
    return member;
  }

  get running(): readonly RunningMember[] {
    return this.seats.flatMap(({ member }) => member ?? []);
  }

  /** Lets time pass until one running member leads and the others know it. */
  async leader(): Promise<RunningMember> {
    for (let ticks = 0; ticks < 2000; ticks++) {
      const leader = this.running.find((member) => member.status().isLeader);
      const agreed = this.running.every((member) => member.status().leader === leader?.identity.memberId);
      if (leader !== undefined && agreed) return leader;
      await this.pass(1);
    }
    throw new Error('no leader after 2000 ticks');
  }

  async follower(): Promise<RunningMember> {
    const leader = await this.leader();
    const follower = this.running.find((member) => member !== leader);
    assert.ok(follower !== undefined);
    return follower;
  }

  /** Ticks pass one by one; promises settle between them. */
  async pass(ticks: number): Promise<void> {
    for (let passed = 0; passed < ticks; passed++) {
      this.time.advance(1);
      await new Promise(setImmediate);
    }
  }

  /** Lets time pass until the promise settles. */
  async wait<T>(promise: Promise<T>, ticksMax = 3000): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    for (let ticks = 0; ticks <= ticksMax && !settled; ticks++) {
      this.time.settle();
      await new Promise(setImmediate);
      if (!settled) this.time.advance(1);
    }
    assert.ok(settled, `nothing settled within ${ticksMax} ticks`);
    return await promise;
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export function put(key: string, value: string, lease = 0n): Command {
  const request = create(PutRequestSchema, { key: bytes(key), value: bytes(value), lease });
  return { kind: 'put', request: toBinary(PutRequestSchema, request) };
}

export function compact(revision: number): Command {
  const request = create(CompactionRequestSchema, { revision: BigInt(revision) });
  return { kind: 'compact', request: toBinary(CompactionRequestSchema, request) };
}

export function revoke(lease: bigint): Command {
  return {
    kind: 'leaseRevoke',
    request: toBinary(LeaseRevokeRequestSchema, create(LeaseRevokeRequestSchema, { ID: lease })),
  };
}

/** What the member holds now, without asking anybody. */
export function contents(member: RunningMember): Record<string, string> {
  const result = member.store.range(rangeOf('\0', '\0'));
  assert.equal(result.kind, 'range');
  if (result.kind !== 'range') return {};
  return Object.fromEntries(
    result.kvs.map((encoded) => {
      const { key, value } = decodeKeyValue(encoded);
      return [key, new TextDecoder().decode(value)];
    }),
  );
}
