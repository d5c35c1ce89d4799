// The small world of a story: nodes, the links between them, and time. Everything that happens is caused by one call
// from outside, and all of it is told to `tell`.
//
// Knows nothing of a story's text.

import type { Configuration, Input, NodeId, Verdict } from '../core/api.ts';
import { Safety } from './checkers/safety.ts';
import type { Engine } from './engine.ts';
import type { StoryEvent } from './events.ts';
import type { Links, Selector, Settings } from './grammar.ts';
import { type Cargo, type Flight, StoryNetwork } from './network.ts';
import { StoryNode } from './node.ts';
import { StoryError } from './story-error.ts';

const noConfiguration: Configuration = { voters: [], outgoing: [], learners: [], addresses: [] };

/** More deliveries than this without a rest are a loop, not a story. */
const settleLimit = 20_000;

export class StoryWorld {
  readonly #tell: (event: StoryEvent) => void;
  readonly #network = new StoryNetwork();
  readonly #nodes = new Map<NodeId, StoryNode>();
  readonly #safety: Safety;
  readonly #readNames: string[] = [];
  /** Transfers that found no link; the sender learns of it when the world next moves, not while it is still sending. */
  #failedTransfers: { readonly from: NodeId; readonly to: NodeId }[] = [];
  #now = 0;

  constructor(
    engine: Engine,
    voters: readonly NodeId[],
    learners: readonly NodeId[],
    joiners: readonly NodeId[],
    settings: Settings,
    tell: (event: StoryEvent) => void,
  ) {
    this.#tell = tell;
    this.#safety = new Safety((violation) => tell({ kind: 'violation', violation }));
    const configuration: Configuration = {
      voters: sorted(voters),
      outgoing: [],
      learners: sorted(learners),
      addresses: [],
    };
    for (const id of [...voters, ...learners, ...joiners]) {
      const node = new StoryNode(id, {
        engine,
        settings,
        configuration: joiners.includes(id) ? noConfiguration : configuration,
        safety: this.#safety,
        tell,
        now: () => this.#now,
        send: (message) => this.#send(message.from, message.to, { kind: 'message', message }),
        sendSnapshot: (from, to, snapshot) => this.#send(from, to, { kind: 'snapshot', snapshot }),
        readName: (readId) => this.#readNames[readId - 1] ?? `${readId}`,
      });
      this.#nodes.set(id, node);
    }
  }

  get now(): number {
    return this.#now;
  }

  /** Everything that concerns one node alone is asked of the node itself. */
  node(id: NodeId): StoryNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new StoryError(`no node ${id}`);
    return node;
  }

  read(id: NodeId, name: string, mode: 'readIndex' | 'lease'): Verdict | undefined {
    const readId = this.#readNames.push(name);
    this.#safety.readBegan(id, readId);
    const verdict = this.node(id).step({ kind: 'read', readId, mode });
    if (verdict?.kind === 'refused') this.#safety.readAbandoned(id, readId);
    return verdict;
  }

  /** One tick goes by everywhere; when `hearing` is given, only those nodes are told. */
  tick(hearing: readonly NodeId[] | undefined): void {
    this.#reportFailedTransfers();
    this.#now += 1;
    this.#network.advance(1);
    for (const node of this.#nodes.values()) node.tick(hearing === undefined || hearing.includes(node.id));
  }

  cut(links: Links): void {
    for (const flight of this.#network.cut(links)) this.#lose(flight, 'the link is cut');
  }

  heal(links: Links | undefined): void {
    this.#network.heal(links);
  }

  matching(messages: Selector): readonly Flight[] {
    return this.#network.matching(messages);
  }

  /** Delivers in the order of sending until nothing is left that may be, inside `among` where given. */
  settle(among: readonly NodeId[] | undefined): void {
    this.#reportFailedTransfers();
    const inside = (node: NodeId): boolean => among === undefined || among.includes(node);
    for (let delivered = 0; delivered < settleLimit; delivered += 1) {
      const next = this.#network.oldest(
        ({ from, to }) => inside(from) && inside(to) && this.node(to).condition !== 'paused',
      );
      if (next === undefined) return;
      this.deliver(next);
    }
    throw new StoryError(`not settled after ${settleLimit} deliveries`);
  }

  deliver(flight: Flight): void {
    const { from, to, cargo } = flight;
    const node = this.node(to);
    if (node.condition === 'paused') throw new StoryError(`${to} is paused`);
    this.#network.take(flight);
    if (node.condition !== 'up') {
      this.#lose(flight, `${to} is ${node.condition}`);
    } else if (cargo.kind === 'snapshot') {
      node.keepSnapshot(cargo.snapshot);
      this.#tellSender(from, { kind: 'snapshotSent', to, snapshot: cargo.snapshot.meta });
    } else if (cargo.message.kind === 'installSnapshot' && !node.hasSnapshot(cargo.message.snapshot)) {
      this.#lose(flight, `${to} has no such bytes`);
    } else {
      node.step({ kind: 'receive', message: cargo.message }, flight);
    }
  }

  drop(flight: Flight): void {
    this.#network.take(flight);
    this.#lose(flight, 'dropped');
  }

  duplicate(messages: Selector): void {
    const copy = this.#network.duplicate(messages);
    if (copy === undefined) throw new StoryError(`${messages.name} was never sent`);
    this.#tell({ kind: 'sent', flight: copy });
  }

  setAside(flight: Flight, ticks: number): void {
    this.#network.setAside(flight, ticks);
  }

  #send(from: NodeId, to: NodeId, cargo: Cargo): void {
    const { flight, lost } = this.#network.send(from, to, cargo);
    if (lost) this.#tell({ kind: 'lost', flight, reason: 'the link is cut', atOnce: true });
    else this.#tell({ kind: 'sent', flight });
    if (lost && cargo.kind === 'snapshot') this.#failedTransfers.push({ from, to });
  }

  #lose(flight: Flight, reason: string): void {
    this.#tell({ kind: 'lost', flight, reason, atOnce: false });
    if (flight.cargo.kind === 'snapshot') this.#tellSender(flight.from, { kind: 'snapshotFailed', to: flight.to });
  }

  #reportFailedTransfers(): void {
    const failed = this.#failedTransfers;
    this.#failedTransfers = [];
    for (const { from, to } of failed) this.#tellSender(from, { kind: 'snapshotFailed', to });
  }

  #tellSender(id: NodeId, input: Input): void {
    const sender = this.node(id);
    if (sender.condition === 'up') sender.step(input);
  }
}

function sorted(nodes: readonly NodeId[]): NodeId[] {
  return [...nodes].sort((a, b) => (a < b ? -1 : 1));
}
