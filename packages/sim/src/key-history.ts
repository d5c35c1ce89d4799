// The calls of clients on single keys, as they look from outside: what was asked, and what was answered when. It knows
// nothing of logs, revisions to come or members, so that what judges it is independent of the other judges. Only where too
// many calls had no answer to be judged so, the log is asked what became of them.

import { decodeKeyValue, type Result, type Store } from '@kontiki/kv';
import { commandOf } from './ledger.ts';
import { type Budget, checkLinearizability, defaultBudget, type Verdict } from './linearizability/checker.ts';
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

/** A run that needs more has so many calls without an answer that their orders cannot be counted. */
const aloneBudget: Budget = { steps: 1_000_000, cached: 500_000 };

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

  /**
   * Once nothing happens any more. `revisionOf` tells at which revision the log has the write of a value, `undefined` if it has
   * none; it is asked where the budget is not enough without.
   */
  judge(revisionOf: (value: string) => number | undefined, alone: Budget = aloneBudget): Verdict {
    const { calls } = this;
    const verdict = checkLinearizability(versionedKeyModel, calls, alone);
    if (verdict.kind !== 'undecided') return verdict;
    const end = this.#now();
    return checkLinearizability(
      versionedKeyModel,
      calls.flatMap((call) => settled(call, revisionOf, end)),
      defaultBudget,
    );
  }

  #now(): number {
    this.#clock += 1;
    return this.#clock;
  }
}

/** The call with the answer that the log has for it; without the call, where the log shows that it had no effect. */
function settled(call: KeyCall, revisionOf: (value: string) => number | undefined, at: number): readonly KeyCall[] {
  const { input, answer } = call;
  // A delete leaves nothing in the log by which it could be told from others.
  if (answer !== undefined || input.kind === 'delete') return [call];
  const revision = input.kind === 'read' ? undefined : revisionOf(input.value);
  if (revision === undefined) return [];
  const output: VersionedOutput =
    input.kind === 'putIf' ? { kind: 'putIf', revision, succeeded: true } : { kind: 'put', revision };
  return [{ ...call, answer: { at, output } }];
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
