// One node of a story: the core, the disk it writes to, and a state machine in memory that remembers its commands.
//
// Does what a driver does, in the same order, but never by itself: every call runs until the node wants nothing more.
// Knows nothing of the links: what it sends is handed to its surroundings.

import type {
  Applicable,
  Configuration,
  Entry,
  HardState,
  Index,
  Input,
  LogId,
  Message,
  NodeId,
  Persist,
  PersistId,
  Ready,
  SnapshotMeta,
  Status,
  Verdict,
} from '../core/api.ts';
import { InvariantError } from '../core/assert.ts';
import type { Safety } from './checkers/safety.ts';
import { StoryDisk, withoutVote } from './disk.ts';
import type { Engine, Specimen } from './engine.ts';
import type { StoryEvent } from './events.ts';
import type { Settings } from './grammar.ts';
import { emptyImage, type LogImage, withWrite } from './log-image.ts';
import { commandText } from './naming.ts';
import type { AppliedCommand, Flight, StoredSnapshot } from './network.ts';
import { nodeOptions } from './node-options.ts';
import { StoryError } from './story-error.ts';

/** What a node needs of the world it is in. */
export interface Surroundings {
  readonly engine: Engine;
  readonly settings: Settings;
  readonly configuration: Configuration;
  readonly safety: Safety;
  tell(event: StoryEvent): void;
  now(): number;
  send(message: Message): void;
  sendSnapshot(from: NodeId, to: NodeId, snapshot: StoredSnapshot): void;
  /** How a read that was asked for is called in the story. */
  readName(readId: number): string;
}

export type Condition = 'up' | 'paused' | 'down' | 'halted';

interface Gated {
  readonly after: PersistId;
  readonly message: Message;
}

export class StoryNode {
  readonly id: NodeId;
  readonly #around: Surroundings;
  readonly #disk: StoryDisk;
  readonly #snapshots = new Map<Index, StoredSnapshot>();
  #condition: Condition = 'up';
  #haltedBecause = '';
  #specimen: Specimen | undefined;
  #status: Status | undefined;
  /** The writes the node handed out, folded: what its disk holds once they are all done. */
  #image: LogImage;
  #commands: readonly AppliedCommand[] = [];
  #gated: Gated[] = [];
  #durableThrough = 0 as PersistId;
  #missedTicks = 0;

  constructor(id: NodeId, around: Surroundings) {
    this.id = id;
    this.#around = around;
    this.#image = emptyImage(around.configuration);
    this.#disk = new StoryDisk(this.#image);
    this.#start();
  }

  get condition(): Condition {
    return this.#condition;
  }

  get haltedBecause(): string {
    return this.#haltedBecause;
  }

  /** The present status; of a node that is down, the last it had. */
  get status(): Status | undefined {
    return this.#status;
  }

  /** The log the node works with; of a node that is down, the one it will find. */
  get log(): { readonly base: LogId; readonly entries: readonly Entry[] } {
    const { base, entries } = this.#disk.durable;
    return this.#specimen?.log() ?? { base: base.last, entries };
  }

  /** What the disk holds now. */
  get hardState(): HardState {
    return this.#disk.durable.hardState;
  }

  get commands(): readonly string[] {
    return this.#commands.map((command) => command.text);
  }

  step(input: Input, flight?: Flight): Verdict | undefined {
    this.#demand('up');
    this.#tell({ kind: 'input', node: this.id, input, flight, now: this.#around.now() });
    return this.#guard((specimen) => {
      const verdict = specimen.raft.step(input);
      if (verdict.kind === 'refused') {
        this.#tell({ kind: 'refused', node: this.id, reason: verdict.reason, leader: verdict.leader });
      } else if (verdict.at !== undefined) {
        this.#tell({ kind: 'accepted', node: this.id, at: verdict.at });
      }
      this.#look(specimen);
      this.#drain(specimen);
      return verdict;
    });
  }

  /** One tick of everybody's time; the node itself is told when it `hears` it and can. */
  tick(hears: boolean): void {
    this.#disk.advance(1);
    if (!hears) return;
    if (this.#condition === 'paused') this.#missedTicks += 1;
    if (this.#condition === 'up') this.step({ kind: 'tick', elapsed: 1 });
    this.#finishWrites();
  }

  /** The power fails: memory is gone, and so is what was written but not synced. */
  crash(): void {
    if (this.#condition === 'down') throw new StoryError(`${this.id} is down already`);
    this.#stop('down');
  }

  restart(): void {
    this.#demand('down');
    this.#condition = 'up';
    this.#start();
  }

  pause(): void {
    this.#demand('up');
    this.#condition = 'paused';
  }

  /** All the time that went by while the process stood still is told before anything that waits for it. */
  resume(): void {
    this.#demand('paused');
    this.#condition = 'up';
    const elapsed = this.#missedTicks;
    this.#missedTicks = 0;
    if (elapsed > 0) this.step({ kind: 'tick', elapsed });
    this.#finishWrites();
  }

  holdDisk(): void {
    this.#disk.setPace({ kind: 'held' });
  }

  slowDisk(ticks: number): void {
    this.#disk.setPace({ kind: 'slow', ticks });
  }

  releaseDisk(): void {
    this.#disk.setPace({ kind: 'fast' });
    this.#finishWrites();
  }

  /** Completes the oldest write of a held or slow disk. */
  persist(): void {
    this.#demand('up');
    if (!this.#finishOneWrite(true)) throw new StoryError(`${this.id} has no write in flight`);
  }

  // Faults that the protocol does not allow for. Stories use them to show what breaks then.

  loseDisk(): void {
    this.#demand('down');
    this.#disk.replace(emptyImage(this.#around.configuration));
    this.#snapshots.clear();
  }

  forgetVote(): void {
    this.#demand('down');
    this.#disk.replace(withoutVote(this.#disk.durable));
  }

  /** Takes a snapshot of everything applied up to `index`, and lets the log before it go. */
  compact(index: Index): void {
    this.#demand('up');
    const applied = this.#status?.applied ?? 0;
    const meta = index <= applied ? this.#specimen?.raft.metaAt(index) : undefined;
    if (meta === undefined) throw new StoryError(`${this.id} has applied ${applied}: no snapshot can end at ${index}`);
    this.#snapshots.set(index, { meta, commands: this.#commands.filter((command) => command.index <= index) });
    this.#tell({ kind: 'snapshot', node: this.id, last: meta.last });
    this.step({ kind: 'compacted', through: index });
  }

  /** The bytes of a snapshot have arrived whole, and are durable. */
  keepSnapshot(snapshot: StoredSnapshot): void {
    this.#snapshots.set(snapshot.meta.last.index, snapshot);
    this.#tell({ kind: 'snapshot', node: this.id, last: snapshot.meta.last });
  }

  hasSnapshot(meta: SnapshotMeta): boolean {
    return this.#snapshots.get(meta.last.index)?.meta.last.term === meta.last.term;
  }

  #demand(condition: Condition): void {
    if (this.#condition !== condition) throw new StoryError(`${this.id} is ${this.#condition}, not ${condition}`);
  }

  #tell(event: StoryEvent): void {
    this.#around.tell(event);
  }

  #start(): void {
    const image = this.#disk.durable;
    const { last } = image.base;
    this.#image = image;
    this.#commands = this.#snapshots.get(last.index)?.commands ?? [];
    this.#durableThrough = 0 as PersistId;
    this.#status = undefined;
    this.#around.safety.restarted(this.id, last.index);
    const options = nodeOptions(this.id, this.#around.settings, image, (rule, data) =>
      this.#tell({ kind: 'why', node: this.id, rule, data }),
    );
    this.#survive(() => {
      const specimen = this.#around.engine.create(options);
      this.#specimen = specimen;
      this.#look(specimen);
      this.#drain(specimen);
    });
  }

  #stop(condition: 'down' | 'halted'): void {
    this.#condition = condition;
    this.#specimen = undefined;
    this.#gated = [];
    this.#missedTicks = 0;
    this.#disk.losePower();
    this.#around.safety.down(this.id);
  }

  /** Nothing happens to a node that has just stopped. */
  #guard<T>(work: (specimen: Specimen) => T): T | undefined {
    const specimen = this.#specimen;
    return specimen === undefined ? undefined : this.#survive(() => work(specimen));
  }

  /** A node whose invariant breaks stops, as its process would; any other error is a fault of the story's own code. */
  #survive<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error: unknown) {
      if (!(error instanceof InvariantError)) throw error;
      this.#stop('halted');
      this.#haltedBecause = error.message;
      this.#tell({ kind: 'halted', node: this.id, reason: error.message });
      return undefined;
    }
  }

  /** Does what the core wants done, and completes its writes, until it wants nothing. */
  #drain(specimen: Specimen): void {
    const { raft } = specimen;
    for (let ready = raft.ready(); ready !== undefined; ready = raft.ready()) {
      this.#act(specimen, ready);
      this.#around.safety.observe({ status: raft.status(), ...specimen.log() });
    }
    this.#finishWrites();
  }

  #act(specimen: Specimen, ready: Ready): void {
    for (const message of ready.send) this.#send(message);
    if (ready.persist !== undefined) this.#write(ready.persist);
    for (const message of ready.afterPersist?.messages ?? []) {
      this.#sendAfter(ready.afterPersist?.after ?? this.#durableThrough, message);
    }
    for (const item of ready.apply) this.#apply(item);
    for (const read of ready.reads) this.#answer(read.readId, 'lost' in read ? undefined : read.index);
    for (const peer of ready.snapshotsWanted) this.#sendSnapshot(peer);
    const last = ready.apply.at(-1);
    if (last === undefined) return;
    specimen.raft.step({
      kind: 'applied',
      through: last.kind === 'entry' ? last.entry.index : last.snapshot.last.index,
    });
    this.#look(specimen);
  }

  #send(message: Message): void {
    this.#around.safety.sent(message);
    this.#around.send(message);
  }

  #sendAfter(after: PersistId, message: Message): void {
    if (after <= this.#durableThrough) {
      this.#send(message);
      return;
    }
    this.#gated.push({ after, message });
    if (!this.#disk.immediate) this.#tell({ kind: 'gated', node: this.id, message, after });
  }

  #write(write: Persist): void {
    const first = write.entries[0]?.index ?? Number.POSITIVE_INFINITY;
    const truncated = this.#image.entries.filter((entry) => entry.index >= first);
    this.#image = withWrite(this.#image, write);
    this.#disk.accept(write);
    this.#tell({ kind: 'write', node: this.id, write, truncated });
  }

  #finishWrites(): void {
    while (this.#condition === 'up' && this.#finishOneWrite(false));
  }

  #finishOneWrite(forced: boolean): boolean {
    const immediate = this.#disk.immediate;
    const through = this.#disk.complete(forced);
    if (through === undefined) return false;
    const { term, votedFor } = this.#disk.durable.hardState;
    if (votedFor !== undefined) this.#around.safety.votedDurably(this.id, term, votedFor);
    this.#durableThrough = through;
    this.#tell({ kind: 'durable', node: this.id, through, immediate });
    const free = this.#gated.filter((gated) => gated.after <= through);
    this.#gated = this.#gated.filter((gated) => gated.after > through);
    for (const { message } of free) this.#send(message);
    this.#guard((specimen) => {
      specimen.raft.step({ kind: 'persisted', through });
      this.#look(specimen);
      this.#drain(specimen);
    });
    return true;
  }

  #apply(item: Applicable): void {
    this.#tell({ kind: 'applied', node: this.id, item });
    if (item.kind === 'entry') {
      this.#around.safety.applied(this.id, item.entry);
      this.#commands = [...this.#commands, ...commandsOf(item.entry)];
      return;
    }
    this.#around.safety.restored(this.id, item.snapshot.last);
    const stored = this.#snapshots.get(item.snapshot.last.index);
    if (stored === undefined) throw new StoryError(`${this.id} restores a snapshot whose bytes it never got`);
    this.#commands = stored.commands;
  }

  #answer(readId: number, index: Index | undefined): void {
    if (index === undefined) this.#around.safety.readAbandoned(this.id, readId);
    else this.#around.safety.readServed(this.id, readId, index);
    this.#tell({ kind: 'read', node: this.id, name: this.#around.readName(readId), index });
  }

  #sendSnapshot(to: NodeId): void {
    const snapshot = this.#snapshots.get(Math.max(...this.#snapshots.keys()) as Index);
    if (snapshot === undefined) throw new StoryError(`${this.id} has no snapshot for ${to}`);
    this.#around.sendSnapshot(this.id, to, snapshot);
  }

  /** After every input: tell what changed, and hold the node against its invariants. */
  #look(specimen: Specimen): void {
    const before = this.#status;
    const after = specimen.raft.status();
    this.#status = after;
    this.#tell({ kind: 'changed', before, after });
    specimen.check();
  }
}

function commandsOf(entry: Entry): readonly AppliedCommand[] {
  return entry.kind === 'command' ? [{ index: entry.index, text: commandText(entry.data) }] : [];
}
