// Rows behind: whole batches from the overlay to the backend, one commit at a time, and out of the overlay when the disk has
// them. The first error of the backend is the last thing it says; the member stops.

import type { Position } from './api.ts';
import type { Backend, BackendWrite } from './backend.ts';
import type { Contents } from './contents.ts';
import { formatWrite } from './meta.ts';
import { type Batch, writesOf } from './overlay.ts';
import type { KvRules } from './rules.ts';

export interface FlushLimits {
  readonly rows: number;
  readonly bytes: number;
}

type Done = (error: Error | undefined) => void;

interface Flight {
  readonly contents: Contents;
  readonly batches: readonly Batch[];
  durable: boolean;
}

export class Flusher {
  readonly #backend: Backend;
  readonly #rules: KvRules;
  #committing = false;
  #failure: Error | undefined = undefined;
  /** Handed out and not yet durable, oldest first. */
  #flights: Flight[] = [];
  #afterCommit: (() => void) | undefined = undefined;

  constructor(backend: Backend, rules: KvRules) {
    this.#backend = backend;
    this.#rules = rules;
  }

  get committing(): boolean {
    return this.#committing;
  }

  /** False when there is nothing to flush or a commit is under way. `dropped` comes when rows have left the overlay. */
  flush(contents: Contents, limits: FlushLimits, dropped: (durable: Position) => void, done: Done): boolean {
    if (this.#committing || this.#failure !== undefined) return false;
    contents.overlay.close(contents.state);
    const batches = contents.overlay.take(limits);
    if (batches.length === 0) return false;
    const flight: Flight = { contents, batches, durable: false };
    this.#flights.push(flight);
    this.#commit([formatWrite(), ...writesOf(batches, this.#rules)], (error) => {
      if (error === undefined) {
        flight.durable = true;
        this.#land(dropped);
      }
      done(error);
    });
    return true;
  }

  /** Replaces all that is stored, after the commit under way if there is one. */
  replace(writes: readonly BackendWrite[], done: Done): void {
    if (this.#committing) {
      this.#afterCommit = () => this.replace(writes, done);
      return;
    }
    if (this.#failure !== undefined) {
      done(this.#failure);
      return;
    }
    // What is in flight shows already and will be overwritten. Its contents keep their view: the next one is of another state.
    this.#flights = [];
    this.#commit([{ kind: 'clear' }, formatWrite(), ...writes], done);
  }

  #commit(writes: readonly BackendWrite[], durable: Done): void {
    const reported = this.#rules.isDurable('shown') ? 'shown' : 'synced';
    this.#committing = true;
    this.#backend.commit(
      writes,
      (error) => {
        this.#committing = false;
        this.#failure ??= error;
        const next = this.#afterCommit;
        this.#afterCommit = undefined;
        next?.();
        if (reported === 'shown') durable(this.#failure);
      },
      (error) => {
        this.#failure ??= error;
        if (reported === 'synced') durable(this.#failure);
      },
    );
  }

  /** Batches leave in the order of history, even if the backend should tell of them in another. */
  #land(dropped: (durable: Position) => void): void {
    while (this.#flights[0]?.durable === true) {
      const flight = this.#flights.shift();
      const last = flight?.batches[flight.batches.length - 1];
      if (flight === undefined || last === undefined) return;
      flight.contents.rows.renew(this.#backend.view());
      flight.contents.overlay.drop(flight.batches);
      dropped(last.state.position);
    }
  }
}
