// The calls of clients on single keys, as they look from outside: what was asked, and what was answered when. It knows
// nothing of logs, revisions to come or members, so that what judges it is independent of the other judges.

import { decodeKeyValue, type Result, type Store } from '@kontiki/kv';
import { commandOf } from './ledger.ts';
import { checkLinearizability, type Verdict } from './linearizability/checker.ts';
import type { Operation } from './linearizability/model.ts';
import {
  type VersionedInput,
  type VersionedOutput,
  versionedKeyModel,
} from './linearizability/models/versioned-key.ts';

export type KeyCall = Operation<VersionedInput, VersionedOutput>;

/** A call under way. */
export interface OpenCall {
  answered(output: VersionedOutput): void;
  /** It certainly had no effect. */
  failed(): void;
}

interface Entry {
  readonly client: string;
  readonly input: VersionedInput;
  readonly began: number;
  answer: KeyCall['answer'];
  hasFailed: boolean;
}

export class KeyHistory {
  readonly #entries: Entry[] = [];
  /** The order in which things came to be known is time enough. */
  #clock = 0;

  began(client: string, input: VersionedInput): OpenCall {
    const entry: Entry = { client, input, began: this.#now(), answer: undefined, hasFailed: false };
    this.#entries.push(entry);
    return {
      answered: (output) => {
        entry.answer ??= { at: this.#now(), output };
      },
      failed: () => {
        entry.hasFailed = true;
      },
    };
  }

  get calls(): readonly KeyCall[] {
    return this.#entries
      .filter(({ hasFailed }) => !hasFailed)
      .map(({ client, input, began, answer }) => ({ client, input, began, answer }));
  }

  judge(): Verdict {
    return checkLinearizability(versionedKeyModel, this.calls);
  }

  #now(): number {
    this.#clock += 1;
    return this.#clock;
  }
}

/** What a client learns from the result of a write to one key. */
export function keyOutputOf(result: Result): VersionedOutput | undefined {
  switch (result.kind) {
    case 'put':
      return { kind: 'put', revision: result.revision };
    case 'deleteRange':
      return { kind: 'delete', revision: result.revision, deleted: result.deleted };
    case 'txn':
      return { kind: 'putIf', revision: result.revision, succeeded: result.succeeded };
    default:
      return undefined;
  }
}

/** What a client learns from a read of one key. Values begin with the number of their command, which is enough of them. */
export function readOutputOf(result: ReturnType<Store['range']>): VersionedOutput | undefined {
  if (result.kind !== 'range') return undefined;
  const [pair] = result.kvs;
  if (pair === undefined) return { kind: 'read', revision: result.revision, found: undefined };
  const { value, version, modRevision } = decodeKeyValue(pair);
  return {
    kind: 'read',
    revision: result.revision,
    found: { value: String(commandOf(value)), version, modRevision },
  };
}
