// One write at a time, and what must not leave before it (figure 2; thesis §10.2.1).

import type { Message, Persist, PersistId, Ready } from '../core/api.ts';
import { assert } from '../core/assert.ts';
import type { Done, LogStore } from './ports.ts';
import type { DriverRules } from './rules.ts';

export class Writing {
  readonly #log: LogStore;
  readonly #rules: DriverRules;
  readonly #send: (message: Message) => void;
  readonly #persisted: (through: PersistId) => void;
  readonly #failed: (error: Error) => void;
  #inFlight: PersistId | undefined;
  #synced = 0 as PersistId;
  #held: { readonly after: PersistId; readonly messages: readonly Message[] }[] = [];
  #writes = 0;
  #idle: (() => void) | undefined;

  constructor(
    log: LogStore,
    rules: DriverRules,
    hooks: {
      readonly send: (message: Message) => void;
      readonly persisted: (through: PersistId) => void;
      readonly failed: (error: Error) => void;
    },
  ) {
    this.#log = log;
    this.#rules = rules;
    this.#send = hooks.send;
    this.#persisted = hooks.persisted;
    this.#failed = hooks.failed;
  }

  get count(): number {
    return this.#writes;
  }

  /** Whether this life has made anything durable. */
  get hasSynced(): boolean {
    return this.#synced > 0;
  }

  write(write: Persist): void {
    assert(this.#inFlight === undefined, () => `write ${write.id} was handed out while ${this.#inFlight} is in flight`);
    this.#inFlight = write.id;
    this.#writes += 1;
    this.#log.append(write, (error) => this.#onWritten(write, error));
  }

  /** Sends when every write up to `after` is durable. */
  sendAfter({ after, messages }: NonNullable<Ready['afterPersist']>): void {
    if (this.#rules.mayLeave(after, this.#synced)) for (const message of messages) this.#send(message);
    else this.#held.push({ after, messages });
  }

  /** Calls back when no write is in flight, and forgets what was held. */
  stop(idle: Done): void {
    this.#held = [];
    if (this.#inFlight === undefined) idle(undefined);
    else this.#idle = () => idle(undefined);
  }

  #onWritten(write: Persist, error: Error | undefined): void {
    this.#inFlight = undefined;
    if (this.#idle !== undefined) {
      this.#idle();
      return;
    }
    if (error !== undefined && !this.#rules.isWritten(error)) {
      this.#failed(error);
      return;
    }
    if (write.sync) this.#synced = write.id;
    const due = this.#held.filter(({ after }) => after <= this.#synced);
    this.#held = this.#held.filter(({ after }) => after > this.#synced);
    for (const { messages } of due) for (const message of messages) this.#send(message);
    this.#persisted(write.id);
  }
}
