// A cluster that does what a test says, through the taps alone.

import type {
  CommittedCommand,
  Configuration,
  Entry,
  HardState,
  Index,
  LogId,
  Message,
  NodeId,
  Persist,
  PersistId,
  Progress,
  RecoveredLog,
  Status,
  Term,
} from '@kontiki/raft';
import { createCheckers } from '../../src/checkers/checkers.ts';
import type { CheckerName } from '../../src/checkers/names.ts';
import type { Held, Observer } from '../../src/checkers/observer.ts';

export interface Found {
  readonly checker: CheckerName;
  readonly text: string;
}

export const term = (value: number): Term => value as Term;
export const index = (value: number): Index => value as Index;
export const node = (id: string): NodeId => id as NodeId;

export function logId(ofTerm: number, at: number): LogId {
  return { term: term(ofTerm), index: index(at) };
}

export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function command(ofTerm: number, at: number, text = `${at}@${ofTerm}`): Entry {
  return { ...logId(ofTerm, at), kind: 'command', data: bytes(text) };
}

export function committed(ofTerm: number, at: number, text = `${at}@${ofTerm}`): CommittedCommand {
  return { ...logId(ofTerm, at), command: bytes(text) };
}

export function configuration(voters: string, outgoing = ''): Configuration {
  const list = (text: string): readonly NodeId[] => text.split(' ').filter(Boolean).map(node);
  return { voters: list(voters), outgoing: list(outgoing), learners: [], addresses: [] };
}

export function configured(ofTerm: number, at: number, to: Configuration): Entry {
  return { ...logId(ofTerm, at), kind: 'configuration', configuration: to };
}

export const abc: Configuration = configuration('a b c');

export function hard(ofTerm: number, votedFor?: string, commit = 0): HardState {
  return { term: term(ofTerm), votedFor: votedFor === undefined ? undefined : node(votedFor), commit: index(commit) };
}

interface Seen {
  readonly role?: 'leader' | 'follower';
  readonly term: number;
  readonly last: LogId;
  readonly commit?: number;
  readonly applied?: number;
  readonly configuration?: Configuration;
  /** What a leader takes for stored by others. */
  readonly matches?: Readonly<Record<string, number>>;
}

export class Taps {
  readonly found: Found[] = [];
  readonly #observer: Observer;
  #writes = 0;

  constructor(limits: Held = {}) {
    this.#observer = createCheckers((checker, text) => this.found.push({ checker, text }), limits);
  }

  get names(): readonly CheckerName[] {
    return this.found.map(({ checker }) => checker);
  }

  start(id: string, recovered: Partial<RecoveredLog> = {}, applied = 0): void {
    const base = { last: logId(0, 0), configuration: abc };
    this.#observer.started(node(id), 1, { hardState: hard(0), base, entries: [], ...recovered });
    this.#observer.opened(node(id), index(applied));
  }

  /** Starts a, b and c with nothing. */
  startAll(): void {
    for (const id of ['a', 'b', 'c']) this.start(id);
  }

  end(id: string, how: 'killed' | 'powerLost' | 'wiped' = 'powerLost'): void {
    this.#observer.ended(node(id), how);
  }

  /** Hands a write to the log. The result makes it durable. */
  write(id: string, write: Partial<Omit<Persist, 'id'>>): () => void {
    this.#writes += 1;
    const whole: Persist = {
      id: this.#writes as PersistId,
      sync: true,
      hardState: undefined,
      base: undefined,
      entries: [],
      ...write,
    };
    this.#observer.handedToLog(node(id), whole);
    return () => this.#observer.durable(node(id), whole);
  }

  /** Writes at once durably. */
  store(ids: string, write: Partial<Omit<Persist, 'id'>>): void {
    for (const id of ids.split(' ')) this.write(id, write)();
  }

  send(message: Message): void {
    this.#observer.sent(message);
  }

  apply(id: string, commands: readonly CommittedCommand[], last: LogId, revision = last.index + 1): void {
    this.#observer.applied(node(id), commands, last, revision);
  }

  restore(id: string, last: LogId, revision = last.index + 1): void {
    this.#observer.restored(node(id), last, revision);
  }

  flushed(id: string, through: number): void {
    this.#observer.flushed(node(id), index(through));
  }

  stored(id: string, last: LogId): void {
    this.#observer.snapshotStored(node(id), last);
  }

  turn(
    id: string,
    { role = 'follower', term: ofTerm, last, commit = 0, applied = 0, configuration: of = abc, matches = {} }: Seen,
  ): void {
    const common = {
      id: node(id),
      term: term(ofTerm),
      votedFor: role === 'leader' ? node(id) : undefined,
      leader: undefined,
      first: index(1),
      last,
      durable: last.index,
      commit: index(commit),
      applied: index(applied),
      configuration: of,
      electionElapsed: 0,
    };
    const progress = Object.entries(matches).map(([peer, match]): readonly [NodeId, Progress] => [
      node(peer),
      { kind: 'replicate', match: index(match), next: index(match + 1), inflight: 0 },
    ]);
    const status: Status = role === 'leader' ? { ...common, role, progress, transfer: undefined } : { ...common, role };
    this.#observer.turnEnded(node(id), status);
  }

  held(id: string, held: Held): void {
    this.#observer.held(node(id), held);
  }

  acknowledged(id: string, revision: number): void {
    this.#observer.acknowledged(node(id), revision);
  }
}
