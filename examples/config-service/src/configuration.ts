// The state machine of the configuration service: small values under names, each with the version it was set at, and one
// operation that makes it worth replicating: set if the version is still the one I saw.

import type { CommittedCommand, MemoryStateMachine } from '@kontiki/raft';

export interface Versioned {
  readonly value: string;
  /** Grows with every change of any name; 0 is the version of a name that was never set. */
  readonly version: number;
}

export type Command =
  | { readonly kind: 'set'; readonly name: string; readonly value: string }
  /** Sets only if the name still has the version `expected`. */
  | { readonly kind: 'testAndSet'; readonly name: string; readonly value: string; readonly expected: number };

export type Outcome =
  | { readonly kind: 'set'; readonly version: number }
  /** Nothing was changed: somebody else was faster, and this is what is there. */
  | { readonly kind: 'conflict'; readonly found: Versioned };

const never: Versioned = { value: '', version: 0 };

export class Configuration implements MemoryStateMachine<Outcome, string, Versioned> {
  readonly kind = 'memory';
  #entries = new Map<string, Versioned>();
  #version = 0;

  apply(batch: readonly CommittedCommand[]): readonly Outcome[] {
    return batch.map(({ command }) => this.#apply(decode(command)));
  }

  query(name: string): Versioned {
    return this.#entries.get(name) ?? never;
  }

  snapshot(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(JSON.stringify({ version: this.#version, entries: [...this.#entries] }))];
  }

  restore(chunks: readonly Uint8Array[]): void {
    const decoder = new TextDecoder();
    const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode();
    const { version, entries } = JSON.parse(text) as { version: number; entries: [string, Versioned][] };
    this.#version = version;
    this.#entries = new Map(entries);
  }

  #apply(command: Command): Outcome {
    const found = this.query(command.name);
    if (command.kind === 'testAndSet' && found.version !== command.expected) return { kind: 'conflict', found };
    this.#version += 1;
    this.#entries.set(command.name, { value: command.value, version: this.#version });
    return { kind: 'set', version: this.#version };
  }
}

export function encode(command: Command): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(command));
}

function decode(bytes: Uint8Array): Command {
  return JSON.parse(new TextDecoder().decode(bytes)) as Command;
}
