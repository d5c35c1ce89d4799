// What a master asks: get, set, test-and-set, and on top of it "who is the primary of this chunk?".

import { OutcomeUnknownError } from '@kontiki/raft';
import type { Command, Outcome, Versioned } from './configuration.ts';
import { encode } from './configuration.ts';

/** Where the client sends to; `LocalCluster` of the counter example is one. */
export interface Service {
  propose(command: Uint8Array): Promise<Outcome>;
  leader(): Promise<{ read(name: string): Promise<Versioned> }>;
}

export class ConfigurationClient {
  readonly #service: Service;

  constructor(service: Service) {
    this.#service = service;
  }

  /** Sees everything that was set before the call, by anybody. */
  async get(name: string): Promise<Versioned> {
    return (await this.#service.leader()).read(name);
  }

  async set(name: string, value: string): Promise<number> {
    const outcome = await this.#propose({ kind: 'set', name, value });
    if (outcome.kind === 'conflict') throw new Error('a plain set has no condition to fail');
    return outcome.version;
  }

  testAndSet(name: string, value: string, expected: number): Promise<Outcome> {
    return this.#propose({ kind: 'testAndSet', name, value, expected });
  }

  /**
   * Makes `candidate` the holder of `name` unless it has one: of any number of candidates exactly one wins, and all learn
   * who. After `OutcomeUnknownError` it looks and asks again: the condition makes repeating harmless, because the
   * version has moved on if the first attempt was applied.
   */
  async claim(name: string, candidate: string): Promise<string> {
    for (;;) {
      const { value, version } = await this.get(name);
      if (value !== '') return value;
      try {
        const outcome = await this.testAndSet(name, candidate, version);
        if (outcome.kind === 'set') return candidate;
      } catch (error: unknown) {
        if (!(error instanceof OutcomeUnknownError)) throw error;
      }
    }
  }

  /** Takes `name` away from `holder`, if `holder` still has it. */
  async release(name: string, holder: string): Promise<boolean> {
    const { value, version } = await this.get(name);
    if (value !== holder) return false;
    return (await this.testAndSet(name, '', version)).kind === 'set';
  }

  #propose(command: Command): Promise<Outcome> {
    return this.#service.propose(encode(command));
  }
}
