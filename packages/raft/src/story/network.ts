// The links of a story's world. Every message has a name and stays in flight until the story (or `settle`) moves it;
// nothing is lost, doubled or reordered unless a line says so.

import type { Index, Message, NodeId, SnapshotMeta } from '../core/api.ts';
import type { Links, Selector } from './grammar.ts';
import { messageLabel, transferLabel } from './naming.ts';

/** A snapshot as bytes would carry it: its metadata and the commands that made the state. */
export interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly commands: readonly AppliedCommand[];
}

/** What a story's state machine remembers of each command. */
export interface AppliedCommand {
  readonly index: Index;
  readonly text: string;
}

export type Cargo =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'snapshot'; readonly snapshot: StoredSnapshot };

export interface Flight {
  readonly sequence: number;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly label: string;
  /** `AE#3`: the third AppendEntries ever sent on this link. `AE#3+1`: its first copy. */
  readonly name: string;
  readonly cargo: Cargo;
}

/** Not on the link: `due` is the tick at which it is back, never for a message that is held. */
interface Aside {
  readonly due: number;
}

export class StoryNetwork {
  #sequence = 0;
  #now = 0;
  readonly #counters = new Map<string, number>();
  readonly #sent = new Map<string, Flight>();
  readonly #cut = new Set<string>();
  #flights: Flight[] = [];
  readonly #aside = new Map<Flight, Aside>();

  /** Puts a message on its link; `lost` when the link is cut. */
  send(from: NodeId, to: NodeId, cargo: Cargo): { readonly flight: Flight; readonly lost: boolean } {
    const label = cargo.kind === 'snapshot' ? transferLabel : messageLabel(cargo.message);
    const flight = this.#make(from, to, label, `${label}#${this.#count(`${from}>${to} ${label}`)}`, cargo);
    this.#sent.set(`${from}>${to} ${flight.name}`, flight);
    const lost = this.isCut(from, to);
    if (!lost) this.#flights.push(flight);
    return { flight, lost };
  }

  /** A copy of a message that was sent at any time, put on the link now. */
  duplicate(messages: Selector): Flight | undefined {
    const original = this.#sent.get(`${messages.from}>${messages.to} ${messages.name}`);
    if (original === undefined) return undefined;
    const { from, to, label, cargo } = original;
    const copy = this.#count(`${from}>${to} ${original.name}+`);
    const flight = this.#make(from, to, label, `${original.name}+${copy}`, cargo);
    this.#sent.set(`${from}>${to} ${flight.name}`, flight);
    this.#flights.push(flight);
    return flight;
  }

  /** What the selector means, in the order it was sent. A message that was set aside answers to its name only. */
  matching(messages: Selector): readonly Flight[] {
    return this.#flights.filter(
      (flight) => (messages.name !== undefined || !this.#aside.has(flight)) && isSelected(flight, messages),
    );
  }

  /** The oldest message on a link that `may` be delivered. */
  oldest(may: (flight: Flight) => boolean): Flight | undefined {
    return this.#flights.find((flight) => !this.#aside.has(flight) && may(flight));
  }

  take(flight: Flight): void {
    this.#flights = this.#flights.filter((other) => other !== flight);
    this.#aside.delete(flight);
  }

  /** Takes a message off its link: `settle` and cuts do not reach it. */
  setAside(flight: Flight, ticks: number): void {
    this.#aside.set(flight, { due: this.#now + ticks });
  }

  advance(ticks: number): void {
    this.#now += ticks;
    for (const [flight, { due }] of this.#aside) {
      if (due <= this.#now) this.#aside.delete(flight);
    }
  }

  /** What was on the links is lost with them; it is returned in the order it was sent. */
  cut(links: Links): readonly Flight[] {
    for (const [from, to] of links) this.#cut.add(`${from}>${to}`);
    const lost = this.#flights.filter((flight) => this.isCut(flight.from, flight.to) && !this.#aside.has(flight));
    for (const flight of lost) this.take(flight);
    return lost;
  }

  heal(links: Links | undefined): void {
    if (links === undefined) this.#cut.clear();
    else for (const [from, to] of links) this.#cut.delete(`${from}>${to}`);
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  #make(from: NodeId, to: NodeId, label: string, name: string, cargo: Cargo): Flight {
    this.#sequence += 1;
    return { sequence: this.#sequence, from, to, label, name, cargo };
  }

  #count(key: string): number {
    const count = (this.#counters.get(key) ?? 0) + 1;
    this.#counters.set(key, count);
    return count;
  }
}

export function isSelected(flight: Flight, { from, to, label, name }: Selector): boolean {
  return (
    (from === undefined || flight.from === from) &&
    (to === undefined || flight.to === to) &&
    (label === undefined || flight.label === label) &&
    (name === undefined || flight.name === name)
  );
}
