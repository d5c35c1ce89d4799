// Whether the writes, and what each member held afterwards, have an order that explains them all: the same search that
// judges the simulator's clients, key by key. Not being able to tell is a complaint, too.

import {
  checkLinearizability,
  type History,
  type VersionedInput,
  type VersionedOutput,
  versionedKeyModel,
} from '@kontiki/sim';
import type { MemberView, WriteRecord } from './record.ts';

/** Sentences, empty when nothing is wrong. Every view counts as a read of every key, all at one time. */
export function judgeOrder(records: readonly WriteRecord[], views: readonly MemberView[]): readonly string[] {
  const afterwards = records.reduce((latest, { answeredMs }) => Math.max(latest, answeredMs), 0) + 1;
  const keys = new Set(records.map(({ key }) => key));
  const writes = records.map(({ writer, key, value, outcome, calledMs, answeredMs }) => ({
    client: `writer ${writer}`,
    input: { kind: 'put', key, value } as const,
    began: calledMs,
    answer:
      outcome.kind === 'unknown'
        ? undefined
        : { at: answeredMs, output: { kind: 'put', revision: outcome.revision } as const },
  }));
  const reads = views.flatMap(({ name, revision, keys: held }) =>
    [...keys].map((key) => ({
      client: name,
      input: { kind: 'read', key } as const,
      began: afterwards,
      answer: { at: afterwards, output: { kind: 'read', revision, found: held.get(key) } as const },
    })),
  );
  const history: History<VersionedInput, VersionedOutput> = [...writes, ...reads];
  const verdict = checkLinearizability(versionedKeyModel, history);
  return verdict.kind === 'linearizable' ? [] : [`NO ORDER ${verdict.text}`];
}
