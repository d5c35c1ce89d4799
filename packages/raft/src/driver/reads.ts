// Callers who wait until this node has applied everything that was acknowledged before they asked (thesis §6.4).
//
// All that ask in one turn share one read: it is put to the core at the end of the turn, so after each of them asked. A
// read that is lost is put again under a fresh id, until the caller's time runs out. A read by lease (thesis §6.4.1) is put
// in the same way; where there is no lease, the core makes it an ordinary one.

import type { Index, Input, InputOf, Ready, Verdict } from '../core/api.ts';
import { OverloadedError, UnavailableError } from './errors.ts';
import type { Completion } from './ports.ts';
import type { DriverRules } from './rules.ts';

export type ReadMode = InputOf<'read'>['mode'];

interface Reader {
  readonly mode: ReadMode;
  readonly deadline: number;
  readonly done: Completion<Index>;
}

/** Ids must not repeat across restarts: an answer to a former life would confirm a read of this one. */
const bootsApart = 2 ** 13;
const readsPerBoot = 2 ** 40;

export class Reads {
  readonly #step: (input: Input) => Verdict;
  readonly #pendingMax: number;
  readonly #rules: DriverRules;
  readonly #firstId: number;
  #lastId: number;
  /** Put to the core at the end of this turn. */
  #fresh: Reader[] = [];
  /** The core knew no leader: put again when the next tick or another leader comes. */
  #leaderless: Reader[] = [];
  readonly #asked = new Map<number, Reader[]>();
  #pending = 0;
  #earliest = Number.POSITIVE_INFINITY;

  constructor(step: (input: Input) => Verdict, boot: number, pendingMax: number, rules: DriverRules) {
    this.#step = step;
    this.#pendingMax = pendingMax;
    this.#rules = rules;
    this.#firstId = (boot % bootsApart) * readsPerBoot;
    this.#lastId = this.#firstId;
  }

  get pending(): number {
    return this.#pending;
  }

  /** `false`: too many wait already. */
  add(mode: ReadMode, deadline: number, done: Completion<Index>): boolean {
    if (this.#pending >= this.#pendingMax) return false;
    this.#pending += 1;
    this.#earliest = Math.min(this.#earliest, deadline);
    const reader = { mode, deadline, done };
    const older = this.#rules.joinsOlderRead() ? this.#asked.get(this.#lastId) : undefined;
    (older ?? this.#fresh).push(reader);
    return true;
  }

  /** At the end of a turn, before `ready`. */
  ask(): void {
    if (this.#fresh.length === 0) return;
    const readers = this.#fresh;
    this.#fresh = [];
    this.#put(
      'lease',
      readers.filter(({ mode }) => mode === 'lease'),
    );
    this.#put(
      'readIndex',
      readers.filter(({ mode }) => mode === 'readIndex'),
    );
  }

  #put(mode: ReadMode, readers: Reader[]): void {
    if (readers.length === 0) return;
    this.#lastId += 1;
    if (this.#lastId >= this.#firstId + readsPerBoot) throw new RangeError('all read ids of this boot are used up');
    const readId = this.#lastId;
    const verdict = this.#step({ kind: 'read', readId, mode });
    if (verdict.kind === 'accepted') this.#asked.set(readId, readers);
    else if (verdict.reason === 'notLeader') this.#leaderless.push(...readers);
    else this.#fail(readers, new OverloadedError(`a read was refused: ${verdict.reason}`));
  }

  /** What the core says of reads that were put to it. */
  settle(reads: Ready['reads']): void {
    for (const read of reads) {
      const readers = this.#asked.get(read.readId);
      if (readers === undefined) continue;
      this.#asked.delete(read.readId);
      if ('lost' in read) {
        this.#leaderless.push(...readers);
        continue;
      }
      this.#pending -= readers.length;
      for (const { done } of readers) done({ kind: 'done', value: read.index });
    }
  }

  /** A tick has passed, or there is another leader: what had none is put again. Answers whether there is something. */
  retry(now: number): boolean {
    this.#expire(now);
    if (this.#leaderless.length === 0) return false;
    this.#fresh.push(...this.#leaderless);
    this.#leaderless = [];
    return true;
  }

  failAll(error: Error): void {
    const readers = [...this.#fresh, ...this.#leaderless, ...[...this.#asked.values()].flat()];
    this.#fresh = [];
    this.#leaderless = [];
    this.#asked.clear();
    this.#fail(readers, error);
  }

  #expire(now: number): void {
    if (now < this.#earliest) return;
    this.#earliest = Number.POSITIVE_INFINITY;
    const due: Reader[] = [];
    const keep = (readers: readonly Reader[]): Reader[] =>
      readers.filter((reader) => {
        if (reader.deadline <= now) due.push(reader);
        else this.#earliest = Math.min(this.#earliest, reader.deadline);
        return reader.deadline > now;
      });
    this.#fresh = keep(this.#fresh);
    this.#leaderless = keep(this.#leaderless);
    for (const [readId, readers] of this.#asked) {
      const left = keep(readers);
      if (left.length === 0) this.#asked.delete(readId);
      else this.#asked.set(readId, left);
    }
    this.#fail(due, new UnavailableError('no leader confirmed the read in time'));
  }

  #fail(readers: readonly Reader[], error: Error): void {
    this.#pending -= readers.length;
    for (const { done } of readers) done({ kind: 'failed', error });
  }
}
