// The calls of clients, carried out: each is entered into the ledger before it is made and when it is answered; a call
// whose member dies has an unknown outcome, and so has one that its client no longer waits for, until the answer comes
// after all.

import type { Result } from '@kontiki/kv';
import { rangeOf } from '@kontiki/kv/testing';
import type { Command, RunningMember } from '@kontiki/member';
import { sameBytes } from './checkers/bytes.ts';
import { EqualHash } from './checkers/equal-hash.ts';
import type { ReportViolation } from './checkers/names.ts';
import type { Observer } from './checkers/observer.ts';
import type { Cluster } from './cluster.ts';
import { compactCommand, deleteCommand, putCommand, putIfCommand, revokeCommand } from './commands.ts';
import type { CallInput, InputOf } from './inputs.ts';
import { type KeyHistory, keyOutputOf, type OpenCall, readOutputOf } from './key-history.ts';
import { type Call, type Ledger, textOf, valueFor } from './ledger.ts';
import type { VersionedInput, VersionedOutput } from './linearizability/models/versioned-key.ts';
import type { Oracle } from './oracle.ts';
import { ticksPerSecond } from './plan.ts';
import type { Seat } from './seat.ts';
import type { Trace } from './trace.ts';

export interface CallParts {
  readonly cluster: Cluster;
  readonly oracle: Oracle;
  readonly ledger: Ledger;
  readonly trace: Trace;
  readonly observer: Observer;
  readonly history: KeyHistory;
  readonly violation: ReportViolation;
  /** Puts what the member has applied by now into the oracle. */
  readonly hear: (member: RunningMember) => void;
}

/** What a client makes of its answer. */
export type CallOutcome = 'acknowledged' | 'noLease' | 'nothing';

type Answer<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** The member died, or the client lost patience. */
  | { readonly kind: 'silence' };

interface Asked<T> {
  readonly seat: Seat;
  readonly call: Call;
  readonly patience: number;
  readonly make: () => Promise<T>;
  /** The call as the history of its key tells it, and what its answer says of that. */
  readonly told?: { readonly open: OpenCall; readonly outputOf: (value: T) => VersionedOutput | undefined };
}

export const counterKey = 'counter';
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

export class Calls {
  readonly #parts: CallParts;
  readonly #hashes: EqualHash;

  constructor(parts: CallParts) {
    this.#parts = parts;
    this.#hashes = new EqualHash(parts.violation);
  }

  async make(input: CallInput): Promise<CallOutcome> {
    const seat = this.#parts.cluster.seat(input.seat);
    const member = seat?.life?.isStopping === false ? seat.life.member : undefined;
    if (seat === undefined || member === undefined) return 'nothing';
    switch (input.kind) {
      case 'put': {
        const call = this.#begin(`put ${input.key}`);
        // A key of its own for each, where the story says so.
        const key = input.key.replace('#', String(call.id));
        const put = { kind: 'put', key, value: String(call.id) } as const;
        // A lease may end its keys, and nobody else asks for a key that one call alone has.
        const open = input.lease === 0 && key === input.key ? this.#tell(input, put) : undefined;
        const command = (value: Uint8Array): Command => putCommand(key, value, BigInt(input.lease));
        return await this.#write(seat, member, call, input, command, open);
      }
      case 'delete': {
        const call = this.#begin(`delete ${input.key}`);
        const open = this.#tell(input, { kind: 'delete', key: input.key });
        const command = (): Command => deleteCommand(input.key);
        return await this.#write(seat, member, call, { ...input, bytes: 0 }, command, open);
      }
      case 'count':
        return await this.#count(seat, member, input);
      case 'read':
        return await this.#read(seat, member, input, input.key, false);
      case 'readAll':
        return await this.#read(seat, member, input, '\0', true);
      case 'grant':
        return await this.#grant(seat, member, input);
      case 'keepAlive':
        return await this.#keepAlive(seat, member, input);
      case 'timeToLive':
        return await this.#timeToLive(seat, member, input);
      case 'revoke':
        return await this.#revoke(seat, member, input);
      case 'compact':
        return await this.#compact(seat, member, input);
      case 'hash':
        return await this.#hash(seat, member, input);
    }
  }

  async #write(
    seat: Seat,
    member: RunningMember,
    call: Call,
    { patience, bytes }: { readonly patience: number; readonly bytes: number },
    command: (value: Uint8Array) => Command,
    open: OpenCall | undefined,
  ): Promise<CallOutcome> {
    const { ledger } = this.#parts;
    const make = (): Promise<Result> => member.propose(command(valueFor(call, 'v'.repeat(bytes))));
    const told = open === undefined ? {} : { told: { open, outputOf: keyOutputOf } };
    const answer = await this.#asked({ seat, call, patience, make, ...told });
    if (answer.kind !== 'done' || answer.value.kind === 'error') return 'nothing';
    const result = answer.value;
    if (result.kind === 'deleteRange' && result.deleted === 0) ledger.read(call, result.revision);
    else this.#wrote(seat, call, result.revision);
    return 'acknowledged';
  }

  #wrote(seat: Seat, call: Call, revision: number): void {
    this.#parts.ledger.wrote(call, revision);
    this.#parts.observer.acknowledged(seat.node, revision);
  }

  /** Test-and-set: reads the counter wherever it is, and raises it if nobody was faster. */
  async #count(seat: Seat, member: RunningMember, input: InputOf<'count'>): Promise<CallOutcome> {
    const { patience } = input;
    const { oracle, violation, hear } = this.#parts;
    const found = member.store.range(rangeOf(counterKey));
    if (found.kind !== 'range') return 'nothing';
    hear(member);
    const before = oracle.at(counterKey, found.revision)?.decoded;
    const count = before === undefined ? 0 : Number(textOf(before.value).split(';')[1]);
    const call = this.#begin(`count from ${count}`);
    const next = valueFor(call, `${count + 1};`);
    const command = putIfCommand(counterKey, before?.modRevision ?? 0, next);
    const expected = before?.modRevision ?? 0;
    const open = this.#tell(input, { kind: 'putIf', key: counterKey, expected, value: String(call.id) });
    const make = (): Promise<Result> => member.propose(command);
    const answer = await this.#asked({ seat, call, patience, make, told: { open, outputOf: keyOutputOf } });
    if (answer.kind !== 'done' || answer.value.kind !== 'txn') return 'nothing';
    const { succeeded, revision } = answer.value;
    hear(member);
    if (succeeded) this.#wrote(seat, call, revision);
    else this.#parts.ledger.read(call, revision);
    const at = succeeded ? revision - 1 : revision;
    const isUnchanged = (oracle.at(counterKey, at)?.decoded?.modRevision ?? 0) === (before?.modRevision ?? 0);
    if (isUnchanged !== succeeded) {
      violation('KnownLogOracle', `call ${call.id}: a comparison at revision ${at} answered ${succeeded}`);
    }
    return 'acknowledged';
  }

  async #read(
    seat: Seat,
    member: RunningMember,
    input: InputOf<'read' | 'readAll'>,
    key: string,
    isWhole: boolean,
  ): Promise<CallOutcome> {
    const { patience } = input;
    const { ledger, oracle, violation, hear } = this.#parts;
    const call = this.#begin(isWhole ? 'read all' : `read ${key}`);
    const make = async (): Promise<ReturnType<RunningMember['store']['range']>> => {
      await member.linearize();
      return member.store.range(rangeOf(key, isWhole ? '\0' : ''));
    };
    const told = isWhole ? {} : { told: { open: this.#tell(input, { kind: 'read', key }), outputOf: readOutputOf } };
    const answer = await this.#asked({ seat, call, patience, make, ...told });
    if (answer.kind !== 'done' || answer.value.kind !== 'range') return 'nothing';
    const { revision, kvs } = answer.value;
    ledger.read(call, revision);
    hear(member);
    const end = isWhole ? '\u0100' : `${key}\0`;
    const expected = oracle.range(key, end, revision);
    const isEqual =
      expected.length === kvs.length && expected.every(({ kv }, at) => sameBytes(kv ?? none, kvs[at] ?? none));
    if (!isEqual) {
      const text = `call ${call.id} (${call.what}) has other pairs than the history at revision ${revision}`;
      violation('KnownLogOracle', text);
    }
    return 'acknowledged';
  }

  async #grant(seat: Seat, member: RunningMember, input: InputOf<'grant'>): Promise<CallOutcome> {
    const { ledger, cluster } = this.#parts;
    const { lease, ttl, patience } = input;
    const began = cluster.time.now;
    const call = this.#begin(`grant ${lease}`);
    const make = (): Promise<Result> => member.propose({ kind: 'leaseGrant', grantId: BigInt(lease), grantTtl: ttl });
    const answer = await this.#asked({ seat, call, patience, make });
    if (answer.kind !== 'done' || answer.value.kind !== 'leaseGrant') return 'nothing';
    const { revision } = answer.value;
    ledger.read(call, revision);
    ledger.granted(BigInt(lease), { ttl: ttl * ticksPerSecond, began, revision });
    return 'acknowledged';
  }

  async #keepAlive(seat: Seat, member: RunningMember, input: InputOf<'keepAlive'>): Promise<CallOutcome> {
    const { ledger } = this.#parts;
    const lease = BigInt(input.lease);
    const call = this.#begin(`keep alive ${lease}`);
    const { patience } = input;
    const answer = await this.#asked({ seat, call, patience, make: () => member.keepAlive(lease) });
    if (answer.kind !== 'done') return 'nothing';
    ledger.answered(call);
    if (answer.value.ttl > 0) {
      ledger.keptAlive(lease, call.began);
      return 'acknowledged';
    }
    ledger.foundNoLease(lease);
    return 'noLease';
  }

  async #timeToLive(seat: Seat, member: RunningMember, input: InputOf<'timeToLive'>): Promise<CallOutcome> {
    const { ledger } = this.#parts;
    const lease = BigInt(input.lease);
    const call = this.#begin(`time to live ${lease}`);
    const { patience } = input;
    const answer = await this.#asked({ seat, call, patience, make: () => member.timeToLive(lease, true) });
    if (answer.kind !== 'done') return 'nothing';
    ledger.answered(call);
    if (answer.value.ttl >= 0) return 'acknowledged';
    ledger.foundNoLease(lease);
    return 'noLease';
  }

  async #revoke(seat: Seat, member: RunningMember, input: InputOf<'revoke'>): Promise<CallOutcome> {
    const { ledger } = this.#parts;
    const lease = BigInt(input.lease);
    const call = this.#begin(`revoke ${lease}`);
    ledger.revoking(lease);
    const { patience } = input;
    const answer = await this.#asked({
      seat,
      call,
      patience,
      make: () => member.propose(revokeCommand(lease)),
    });
    if (answer.kind !== 'done' || answer.value.kind !== 'leaseRevoke') return 'nothing';
    ledger.read(call, answer.value.revision);
    return 'acknowledged';
  }

  async #compact(seat: Seat, member: RunningMember, input: InputOf<'compact'>): Promise<CallOutcome> {
    const { oracle, ledger } = this.#parts;
    const latest = oracle.revision - input.behind;
    const revision = input.deletion ? (oracle.deletionBefore(latest) ?? latest) : latest;
    if (revision < 2) return 'nothing';
    const call = this.#begin(`compact ${revision}`);
    const { patience } = input;
    const make = (): Promise<Result> => member.propose(compactCommand(revision));
    const answer = await this.#asked({ seat, call, patience, make });
    if (answer.kind !== 'done' || answer.value.kind !== 'compact') return 'nothing';
    ledger.read(call, answer.value.revision);
    return 'acknowledged';
  }

  async #hash(seat: Seat, member: RunningMember, input: InputOf<'hash'>): Promise<CallOutcome> {
    const { oracle, ledger } = this.#parts;
    const revision = Math.max(0, oracle.revision - input.behind);
    const call = this.#begin(`hash ${revision}`);
    const { patience } = input;
    const answer = await this.#asked({ seat, call, patience, make: () => member.hashKv(revision) });
    if (answer.kind !== 'done' || 'kind' in answer.value) return 'nothing';
    ledger.answered(call);
    this.#hashes.told(seat.name, answer.value, answer.value.hash);
    return 'acknowledged';
  }

  #tell({ client }: { readonly client: string }, input: VersionedInput): OpenCall {
    return this.#parts.history.began(client, input);
  }

  #begin(what: string): Call {
    return this.#parts.ledger.begin(what, this.#parts.oracle);
  }

  /** Makes the call and waits for its answer, as long as member and patience last. */
  #asked<T>({ seat, call, patience, make, told }: Asked<T>): Promise<Answer<T>> {
    const { cluster, ledger, trace, violation } = this.#parts;
    const { life } = seat;
    return new Promise((resolve) => {
      if (life === undefined) {
        ledger.failed(call);
        told?.open.failed();
        resolve({ kind: 'silence' });
        return;
      }
      trace.say(`${call.id} ${call.what} on ${seat.name}`);
      const leave = (): void => {
        ledger.unknown(call);
        resolve({ kind: 'silence' });
      };
      life.whenOver.add(leave);
      const cancel = cluster.time.after(patience, leave);
      /** What a dead process would have answered, nobody hears. */
      const hears = (): boolean => {
        life.whenOver.delete(leave);
        cancel();
        return !life.isOver;
      };
      const begin = (): Promise<T> => {
        try {
          return make();
        } catch (error: unknown) {
          return Promise.reject(error);
        }
      };
      // What is asked of a process that stands still waits at its door, and is the first that it hears when it goes on.
      const made = !life.isAsleep
        ? begin()
        : new Promise<T>((answered, failed) => life.arrivals.push(() => begin().then(answered, failed)));
      made.then(
        (value) => {
          if (!hears()) return;
          trace.say(`${call.id} is answered ${summary(value)}`);
          const output = told?.outputOf(value);
          if (output !== undefined) told?.open.answered(output);
          if (isRefusal(value)) {
            ledger.failed(call);
            told?.open.failed();
          } else if (call.state === 'unknown') this.#late(seat, call, value);
          resolve({ kind: 'done', value });
        },
        (error: unknown) => {
          if (!hears()) return;
          const code = codeOf(error);
          trace.say(`${call.id} fails: ${String(code)}`);
          if (certainCodes.includes(code)) {
            ledger.failed(call);
            told?.open.failed();
          } else if (code === 'OUTCOME_UNKNOWN') ledger.unknown(call);
          else violation('KnownErrors', `call ${call.id} (${call.what}) fails with a stranger: ${stackOf(error)}`);
          resolve({ kind: 'failed', error });
        },
      );
    });
  }

  /** The client has gone on, but what it is told now still binds. The caller's continuation hears only of silence. */
  #late(seat: Seat, call: Call, value: unknown): void {
    if (!isWriteResult(value)) return;
    const isChange =
      value.kind === 'put' ||
      (value.kind === 'deleteRange' && value.deleted > 0) ||
      (value.kind === 'txn' && value.succeeded);
    if (isChange) this.#wrote(seat, call, value.revision);
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
