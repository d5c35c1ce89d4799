// Clients of a cluster under faults: writers, readers, holders of leases, and those that compact. Each call is entered into
// the ledger before it is made and when it is answered; a call whose member dies has an unknown outcome, and so has one
// that its client no longer waits for, until the answer comes after all.

import type { Result } from '@kontiki/kv';
import type { Command, RunningMember } from '@kontiki/member';
import type { Chance } from './chance.ts';
import { sameBytes } from './checkers/bytes.ts';
import type { ReportViolation } from './checkers/names.ts';
import type { Cluster, Life } from './cluster.ts';
import { compactCommand, deleteCommand, putCommand, putIfCommand, rangeOf, revokeCommand } from './commands.ts';
import { type Call, type Ledger, textOf, valueFor } from './ledger.ts';
import type { Oracle } from './oracle.ts';
import { type Plan, ticksPerSecond } from './plan.ts';
import type { Planted } from './planted.ts';
import type { Trace } from './trace.ts';

export interface ClientParts {
  readonly name: string;
  readonly cluster: Cluster;
  readonly plan: Plan;
  readonly planted: Planted;
  readonly oracle: Oracle;
  readonly ledger: Ledger;
  readonly trace: Trace;
  readonly chance: Chance;
  readonly violation: ReportViolation;
  /** Puts what the member has applied by now into the oracle. */
  readonly hear: (member: RunningMember) => void;
  /** Checksums of the whole store that were told, by revision and compaction. */
  readonly hashes: Map<string, number>;
}

type Answer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** The member died, or the client lost patience. */
  | { readonly kind: 'silence' };

const hotKeys = ['hot/a', 'hot/b', 'hot/c', 'hot/d'];
const counterKey = 'counter';
const probeTicks = 80;
/** Codes of errors that promise: this had no effect. */
const certainCodes: readonly unknown[] = [
  'NOT_LEADER',
  'OVERLOADED',
  'STOPPED',
  'UNAVAILABLE',
  'noLeader',
  'timedOut',
  'notLeader',
];

export class Client {
  readonly #parts: ClientParts;
  #isOver = false;
  /** The lease this client holds now. */
  #lease: bigint | undefined;
  #leases = 0;
  /** Ids of leases that are known to have ended: to be granted anew. */
  readonly #ended: bigint[] = [];

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  /** Makes no further call. */
  end(): void {
    this.#isOver = true;
  }

  async run(): Promise<void> {
    const { chance, plan, cluster } = this.#parts;
    while (!this.#isOver) {
      await this.sleep(chance.between(1, plan.thinkTicks));
      const { awake } = cluster;
      if (this.#isOver || awake.length === 0) continue;
      await this.#call(chance.pick(awake));
    }
  }

  sleep(ticks: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.cluster.time.after(ticks, resolve);
    });
  }

  /** One write by a client that does not wait long. Answers whether it was acknowledged. */
  async probe(member: RunningMember): Promise<boolean> {
    const call = this.#begin('put probe');
    return await this.#write(member, call, putCommand('probe', this.#value(call), 0n), probeTicks);
  }

  async #call(member: RunningMember): Promise<void> {
    const { chance, name } = this.#parts;
    const draw = chance.below(100);
    if (draw < 25) await this.#putUnique(member);
    else if (draw < 45) await this.#put(member, chance.pick(hotKeys), 0n);
    else if (draw < 60) await this.#count(member);
    else if (draw < 65) await this.#delete(member, chance.pick(hotKeys));
    else if (draw < 78) await this.#read(member, chance.oneIn(10));
    else if (draw < 95) await this.#hold(member, `${name}`);
    else if (draw < 97) await this.#compact(member);
    else await this.#hash(member);
  }

  async #putUnique(member: RunningMember): Promise<void> {
    const call = this.#begin('put unique');
    await this.#write(member, call, putCommand(`unique/${call.id}`, this.#value(call), 0n));
  }

  async #put(member: RunningMember, key: string, lease: bigint): Promise<boolean> {
    const call = this.#begin(`put ${key}`);
    return await this.#write(member, call, putCommand(key, this.#value(call), lease));
  }

  async #delete(member: RunningMember, key: string): Promise<void> {
    const call = this.#begin(`delete ${key}`);
    await this.#write(member, call, deleteCommand(key));
  }

  /** Test-and-set: reads the counter wherever it is, and raises it if nobody was faster. */
  async #count(member: RunningMember): Promise<void> {
    const { oracle, violation, hear } = this.#parts;
    const found = member.store.range(rangeOf(counterKey, ''));
    if (found.kind !== 'range') return;
    hear(member);
    const before = oracle.at(counterKey, found.revision)?.decoded;
    const count = before === undefined ? 0 : Number(textOf(before.value).split(';')[1]);
    const call = this.#begin(`count from ${count}`);
    const next = valueFor(call, `${count + 1};`);
    const command = putIfCommand(counterKey, before?.modRevision ?? 0, next);
    const answer = await this.#asked(member, call, () => member.propose(command));
    if (answer.kind !== 'done' || answer.value.kind !== 'txn') return;
    const { succeeded, revision } = answer.value;
    hear(member);
    if (succeeded) this.#parts.ledger.wrote(call, revision);
    else this.#parts.ledger.read(call, revision);
    const at = succeeded ? revision - 1 : revision;
    const isUnchanged = (oracle.at(counterKey, at)?.decoded?.modRevision ?? 0) === (before?.modRevision ?? 0);
    if (isUnchanged !== succeeded) {
      violation('KnownLogOracle', `call ${call.id}: a comparison at revision ${at} answered ${succeeded}`);
    }
  }

  async #read(member: RunningMember, isWhole: boolean): Promise<void> {
    const { chance, ledger, oracle, planted, violation, hear } = this.#parts;
    const key = isWhole ? '\0' : chance.pick([...hotKeys, counterKey]);
    const call = this.#begin(isWhole ? 'read all' : `read ${key}`);
    const answer = await this.#asked(member, call, async () => {
      if (!planted.has('readsWithoutBarrier')) await member.linearize();
      return member.store.range(rangeOf(key, isWhole ? '\0' : ''));
    });
    if (answer.kind !== 'done' || answer.value.kind !== 'range') return;
    const { revision, kvs } = answer.value;
    ledger.read(call, revision);
    hear(member);
    const end = isWhole ? '\u0100' : `${key}\0`;
    const expected = oracle.range(key, end, revision);
    const isEqual =
      expected.length === kvs.length && expected.every(({ kv }, at) => sameBytes(kv ?? none, kvs[at] ?? none));
    if (!isEqual)
      violation(
        'KnownLogOracle',
        `call ${call.id} (${call.what}) has other pairs than the history at revision ${revision}`,
      );
  }

  /** One step in the life of a lease: grant, attach, keep alive, ask, or give it up. */
  async #hold(member: RunningMember, name: string): Promise<void> {
    const { chance, cluster, ledger } = this.#parts;
    const lease = this.#lease;
    const began = cluster.time.now;
    if (lease === undefined) {
      const id = this.#ended.pop() ?? BigInt(Number(name.slice(1)) * 1000 + ++this.#leases);
      const ttl = chance.between(1, 4);
      const call = this.#begin(`grant ${id}`);
      const answer = await this.#asked(member, call, () =>
        member.propose({ kind: 'leaseGrant', grantId: id, grantTtl: ttl }),
      );
      if (answer.kind !== 'done' || answer.value.kind !== 'leaseGrant') return;
      ledger.read(call, answer.value.revision);
      ledger.granted(id, ttl * ticksPerSecond, began);
      this.#lease = id;
      return;
    }
    const draw = chance.below(10);
    if (draw < 4) await this.#put(member, `leased/${lease}/${chance.below(4)}`, lease);
    else if (draw < 8) await this.#keepAlive(member, lease);
    else if (draw < 9) await this.#timeToLive(member, lease);
    else {
      this.#lease = undefined;
      if (chance.oneIn(2)) await this.#revoke(member, lease);
    }
  }

  async #keepAlive(member: RunningMember, lease: bigint): Promise<void> {
    const { ledger } = this.#parts;
    const call = this.#begin(`keep alive ${lease}`);
    const answer = await this.#asked(member, call, () => member.keepAlive(lease));
    if (answer.kind !== 'done') return;
    ledger.answered(call);
    if (answer.value.ttl > 0) ledger.keptAlive(lease, call.began);
    else this.#lost(lease);
  }

  async #timeToLive(member: RunningMember, lease: bigint): Promise<void> {
    const { ledger } = this.#parts;
    const call = this.#begin(`time to live ${lease}`);
    const answer = await this.#asked(member, call, () => member.timeToLive(lease, true));
    if (answer.kind !== 'done') return;
    ledger.answered(call);
    if (answer.value.ttl < 0) this.#lost(lease);
  }

  #lost(lease: bigint): void {
    this.#parts.ledger.foundNoLease(lease);
    this.#lease = undefined;
    this.#ended.push(lease);
  }

  async #revoke(member: RunningMember, lease: bigint): Promise<void> {
    const { ledger } = this.#parts;
    const call = this.#begin(`revoke ${lease}`);
    ledger.revoking(lease);
    const answer = await this.#asked(member, call, () => member.propose(revokeCommand(lease)));
    if (answer.kind === 'done' && answer.value.kind === 'leaseRevoke') ledger.read(call, answer.value.revision);
  }

  async #compact(member: RunningMember): Promise<void> {
    const { chance, oracle, ledger } = this.#parts;
    const revision = oracle.revision - chance.between(5, 60);
    if (revision < 2) return;
    const call = this.#begin(`compact ${revision}`);
    const answer = await this.#asked(member, call, () => member.propose(compactCommand(revision)));
    if (answer.kind === 'done' && answer.value.kind === 'compact') ledger.read(call, answer.value.revision);
  }

  async #hash(member: RunningMember): Promise<void> {
    const { oracle, chance, hashes, ledger, violation } = this.#parts;
    const revision = Math.max(0, oracle.revision - chance.below(5));
    const call = this.#begin(`hash ${revision}`);
    const answer = await this.#asked(member, call, () => member.hashKv(revision));
    if (answer.kind !== 'done' || 'kind' in answer.value) return;
    ledger.answered(call);
    const { hash, hashRevision, compactRevision } = answer.value;
    const at = `${hashRevision} compacted at ${compactRevision}`;
    const other = hashes.get(at) ?? hash;
    if (other !== hash)
      violation('EqualHash', `member ${member.identity.name} has hash ${hash} at ${at}, another has ${other}`);
    hashes.set(at, hash);
  }

  /** Whether the command was acknowledged. */
  async #write(
    member: RunningMember,
    call: Call,
    command: Command,
    patienceTicks: number = this.#patience(),
  ): Promise<boolean> {
    const { ledger } = this.#parts;
    const answer = await this.#asked(member, call, () => member.propose(command), patienceTicks);
    if (answer.kind !== 'done') return false;
    const result = answer.value;
    if (result.kind === 'error') return false;
    if (result.kind === 'deleteRange' && result.deleted === 0) ledger.read(call, result.revision);
    else ledger.wrote(call, result.revision);
    return true;
  }

  #begin(what: string): Call {
    return this.#parts.ledger.begin(what, this.#parts.oracle);
  }

  #value(call: Call): Uint8Array {
    const { chance, plan } = this.#parts;
    return valueFor(call, 'v'.repeat(chance.between(0, plan.valueBytes)));
  }

  /** Most clients wait for as long as the member does. */
  #patience(): number {
    const { chance } = this.#parts;
    return chance.oneIn(10) ? chance.between(1, 100) : 1000;
  }

  /** Makes the call and waits for its answer, as long as member and patience last. */
  #asked<T>(
    member: RunningMember,
    call: Call,
    make: () => Promise<T>,
    patienceTicks: number = this.#patience(),
  ): Promise<Answer<T>> {
    const { cluster, ledger, trace, violation } = this.#parts;
    const life = cluster.lifeOf(member);
    return new Promise((resolve) => {
      if (life === undefined) {
        ledger.failed(call);
        resolve({ kind: 'silence' });
        return;
      }
      trace.say(`${call.id} ${call.what} on ${member.identity.name}`);
      const leave = (): void => {
        ledger.unknown(call);
        resolve({ kind: 'silence' });
      };
      life.whenOver.add(leave);
      cluster.time.after(patienceTicks, leave);
      let made: Promise<T>;
      try {
        made = make();
      } catch (error: unknown) {
        made = Promise.reject(error);
      }
      made.then(
        (value) => {
          if (!this.#hears(life, leave)) return;
          trace.say(`${call.id} is answered ${summary(value)}`);
          if (isRefusal(value)) ledger.failed(call);
          else if (call.state === 'unknown') this.#late(call, value);
          resolve({ kind: 'done', value });
        },
        (error: unknown) => {
          if (!this.#hears(life, leave)) return;
          const code = codeOf(error);
          trace.say(`${call.id} fails: ${String(code)}`);
          if (certainCodes.includes(code)) ledger.failed(call);
          else if (code === 'OUTCOME_UNKNOWN') ledger.unknown(call);
          else violation('KnownErrors', `call ${call.id} (${call.what}) fails with a stranger: ${stackOf(error)}`);
          resolve({ kind: 'failed', error });
        },
      );
    });
  }

  /** What a dead process would have answered, nobody hears. */
  #hears(life: Life, leave: () => void): boolean {
    life.whenOver.delete(leave);
    return !life.isOver;
  }

  /** The client has gone on, but what it is told now still binds. The caller's continuation hears only of silence. */
  #late(call: Call, value: unknown): void {
    if (!isWriteResult(value)) return;
    if (value.kind === 'put' || (value.kind === 'deleteRange' && value.deleted > 0)) {
      this.#parts.ledger.wrote(call, value.revision);
    } else if (value.kind === 'txn' && value.succeeded) this.#parts.ledger.wrote(call, value.revision);
  }
}

function isRefusal(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'error';
}

type WriteResult = Extract<Result, { readonly kind: 'put' | 'deleteRange' | 'txn' }>;

function isWriteResult(value: unknown): value is WriteResult {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  return value.kind === 'put' || value.kind === 'deleteRange' || value.kind === 'txn';
}

const none = new Uint8Array(0);

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function summary(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value).filter(([, field]) => typeof field !== 'object');
  return fields.map(([name, field]) => `${name} ${String(field)}`).join(', ');
}
