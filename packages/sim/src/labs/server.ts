// A server of the labs: our driver behind the interface that the lectures' labs prescribe. The service above hands in commands,
// is told what is applied, and decides when a snapshot is taken.
//
// Indexes count commands. Without no-ops that is the index in the log; with them, what a test says about the first command is
// still true of the first command. Where a snapshot ends is therefore written at its head.

import {
  type CommittedCommand,
  type Configuration,
  type Driver,
  type DriverRules,
  type DriverSettings,
  type Index,
  type NodeId,
  openDriver,
  type RaftCore,
  type Rules,
} from '@kontiki/raft';
import { ByteReader, ByteWriter } from '@kontiki/transport';
import type { LabClock } from './clock.ts';
import type { LabEndpoint, Request } from './network.ts';
import { RaftPort } from './raft-port.ts';
import type { LabSetting } from './settings.ts';
import { stateBytes } from './state-bytes.ts';
import type { LabStorage, OpenStorage } from './storage.ts';
import { LabTicker } from './ticker.ts';

/** What the service is told, in order. A life begins with the stored snapshot, if there is one. */
export type ApplyMessage =
  | { readonly kind: 'command'; readonly index: number; readonly term: number; readonly command: Uint8Array }
  | { readonly kind: 'snapshot'; readonly index: number; readonly term: number; readonly bytes: Uint8Array };

/** Where a command would stand, if it is ever committed. Index 0 where this server does not lead. */
export interface StartResult {
  readonly index: number;
  readonly term: number;
  readonly isLeader: boolean;
}

export interface LabServerOptions {
  readonly id: NodeId;
  readonly members: readonly NodeId[];
  readonly boot: number;
  readonly seed: string;
  readonly setting: LabSetting;
  readonly clock: LabClock;
  /** When its ticks begin. */
  readonly phaseMs: number;
  readonly storage: LabStorage;
  /** To each of the others. */
  readonly endpoints: ReadonlyMap<NodeId, LabEndpoint>;
  /** Must not wait. It may call `snapshot`, and not `start`. */
  readonly apply: (message: ApplyMessage) => void;
  /** The node stopped itself, or `apply` threw: the test has failed. */
  readonly failed: (error: unknown) => void;
  /** Other decisions than the setting's: for proving that the suites can go red. */
  readonly planted?: {
    readonly core?: Rules;
    readonly driver?: DriverRules;
    readonly settings?: Partial<DriverSettings>;
    readonly sendsTwice?: boolean;
  };
}

type LabDriver = Driver<undefined, undefined, undefined>;

export class LabServer {
  readonly #options: LabServerOptions;
  readonly #ticker: LabTicker;
  readonly #port: RaftPort;
  #driver: LabDriver | undefined;
  #core: RaftCore | undefined;
  #isDead = false;
  /** The last command that was applied: how many there were, and where it stands in the log. */
  #applied = { count: 0, index: 0 as Index };
  /** Where the commands stand that were applied since the newest snapshot was asked for. */
  #places: { before: number; indexes: Index[] } = { before: 0, indexes: [] };
  #started = { term: -1, index: 0, count: 0 };
  #snapshotSize = 0;

  constructor(options: LabServerOptions) {
    this.#options = options;
    this.#ticker = new LabTicker(options.clock, options.phaseMs);
    const sendsTwice = options.planted?.sendsTwice === true;
    this.#port = new RaftPort(options.id, this.#ticker, options.endpoints, sendsTwice);
    options.storage.open(this.#ticker, (opened) => {
      if (opened.kind === 'failed') options.failed(opened.error);
      else this.#open(opened.value);
    });
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Hands a command to the log, if this server leads. */
  start(command: Uint8Array): StartResult {
    const { term, isLeader } = this.getState();
    const started = isLeader && !this.#isDead ? this.#driver?.start(command) : undefined;
    if (started?.kind !== 'started') return { index: 0, term, isLeader: false };
    return { index: this.#countThrough(started.at.term, started.at.index), term: started.at.term, isLeader: true };
  }

  /** Whom this server takes for the leader. */
  get leader(): NodeId | undefined {
    return this.#core?.node.leader;
  }

  getState(): { readonly term: number; readonly isLeader: boolean } {
    const node = this.#core?.node;
    return { term: node?.term ?? 0, isLeader: node?.role.kind === 'leader' };
  }

  /** The service has this state as of a command that it was given, and the log need not go back further. */
  snapshot(index: number, bytes: Uint8Array): void {
    const places = this.#places;
    const at = places.indexes[index - places.before - 1];
    // Older than another that was asked for.
    if (at === undefined || this.#isDead || this.#driver === undefined) return;
    const term = this.#core?.metaAt(at).last.term ?? 0;
    this.#places = { before: index, indexes: places.indexes.slice(index - places.before) };
    const out = new ByteWriter(bytes.length + 24);
    for (const number of [index, at, term]) out.varint(number);
    out.raw(bytes);
    this.#driver.snapshot(at, [out.take()], (error) => {
      if (error === undefined) this.#snapshotSize = bytes.length;
    });
  }

  /** Bytes of the log, term and vote, as the peers' codec writes them: what a crash must leave behind. */
  get raftStateSize(): number {
    const node = this.#core?.node;
    if (node === undefined) return 0;
    const { log, term, votedFor, commit } = node;
    const entries = log.between(log.first, log.lastIndex);
    return stateBytes({ base: log.base, entries, term, votedFor, commit });
  }

  get snapshotSize(): number {
    return this.#snapshotSize;
  }

  /** A request of Raft's own from another server. */
  handle(request: Request): void {
    if (!this.#isDead) this.#port.handle(request);
  }

  /** Nothing of it goes on. What it had not saved by now is lost. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#ticker.end();
    this.#options.storage.crash();
  }

  #open(storage: OpenStorage): void {
    const { id, boot, seed, setting, members, planted, failed } = this.#options;
    const configuration: Configuration = {
      voters: members,
      outgoing: [],
      learners: [],
      addresses: members.map((member) => [member, new Uint8Array(0)] as const),
    };
    const core = planted?.core ?? setting.rules;
    const driver = planted?.driver;
    openDriver<undefined, undefined, undefined>(
      {
        id,
        boot,
        bootstrap: configuration,
        ...storage,
        transport: this.#port,
        ticker: this.#ticker,
        seed,
        settings: { ...setting.driver, ...planted?.settings },
        stateMachine: {
          kind: 'memory',
          apply: (batch) => batch.map((command) => this.#apply(command)),
          query: () => undefined,
          // Never asked for: the service brings them.
          snapshot: () => [],
          restore: (chunks) => this.#restore(chunks),
        },
        rules: { ...(core === undefined ? {} : { core }), ...(driver === undefined ? {} : { driver }) },
        around: (raft) => {
          // What the driver shows is the core itself: asked for its state many times a millisecond, without a copy of it.
          this.#core = raft as RaftCore;
          return raft;
        },
      },
      (outcome) => {
        if (outcome.kind === 'failed') {
          failed(outcome.error);
          return;
        }
        this.#driver = outcome.value;
        this.#driver.onStopped((reason) => {
          if (reason.kind === 'failed' && !this.#isDead) failed(reason.error);
        });
      },
    );
  }

  #apply({ index, term, command }: CommittedCommand): undefined {
    const count = this.#applied.count + 1;
    this.#applied = { count, index };
    this.#places.indexes.push(index);
    this.#tell({ kind: 'command', index: count, term, command });
  }

  #restore(chunks: readonly Uint8Array[]): void {
    const [first = new Uint8Array(0), ...more] = chunks;
    const all = more.length === 0 ? first : joined(chunks);
    const reader = new ByteReader(all);
    const count = reader.varint('commands');
    const index = reader.varint('index') as Index;
    const term = reader.varint('term');
    const bytes = reader.rest();
    this.#applied = { count, index };
    this.#places = { before: count, indexes: [] };
    this.#snapshotSize = bytes.length;
    this.#tell({ kind: 'snapshot', index: count, term, bytes });
  }

  #tell(message: ApplyMessage): void {
    try {
      this.#options.apply(message);
    } catch (error: unknown) {
      this.#options.failed(error);
    }
  }

  /** Commands in this leader's log through `index`. A leader only adds to its log, so it goes on from where it counted last. */
  #countThrough(term: number, index: Index): number {
    const from =
      this.#started.term === term && this.#started.index > this.#applied.index ? this.#started : this.#applied;
    let { count } = from;
    for (let at = from.index + 1; at <= index; at++) {
      if (this.#core?.node.log.at(at as Index)?.kind === 'command') count += 1;
    }
    this.#started = { term, index, count };
    return count;
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const out = new ByteWriter(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  for (const chunk of chunks) out.raw(chunk);
  return out.take();
}
