// The verdict over a run: every acknowledged write is there, none was applied twice, all members hold the same.
// Pure, so that a test can show it each kind of loss.

import { judgeOrder } from './order.ts';
import type { MemberView, WriteRecord } from './record.ts';

/** Sentences, empty when nothing is wrong. `records` are of all rounds so far. */
export function judge(records: readonly WriteRecord[], views: readonly MemberView[]): readonly string[] {
  const each = views.flatMap((view) => [...judgeOnce(records, view), ...judgeOver(records, view)]);
  return [...each, ...judgeEqual(views), ...judgeOrder(records, views)];
}

/** Keys written by one call: there with that value, at that revision, as version 1; after no answer, perhaps absent. */
function judgeOnce(records: readonly WriteRecord[], view: MemberView): readonly string[] {
  const wrong: string[] = [];
  const revisions = new Map<number, string>();
  for (const { key, value, outcome, round } of records) {
    if (outcome.kind === 'acknowledged') {
      const other = revisions.get(outcome.revision);
      if (other !== undefined) wrong.push(`revision ${outcome.revision} was acknowledged for both ${other} and ${key}`);
      revisions.set(outcome.revision, key);
    }
    if (!key.startsWith('once/')) continue;
    const stored = view.keys.get(key);
    if (stored === undefined) {
      if (outcome.kind === 'acknowledged') {
        wrong.push(`${view.name}: LOST ${key} of round ${round}, acknowledged at revision ${outcome.revision}`);
      }
      continue;
    }
    if (stored.version !== 1) wrong.push(`${view.name}: ${key} was applied ${stored.version} times`);
    if (stored.value !== value) wrong.push(`${view.name}: ${key} holds ${stored.value}, written was ${value}`);
    if (outcome.kind === 'acknowledged' && stored.modRevision !== outcome.revision) {
      wrong.push(`${view.name}: ${key} stands at revision ${stored.modRevision}, acknowledged was ${outcome.revision}`);
    }
  }
  return wrong;
}

/** A key that one writer overwrites: as many versions as writes happened, and the last acknowledged value or a later one. */
function judgeOver(records: readonly WriteRecord[], view: MemberView): readonly string[] {
  const wrong: string[] = [];
  const byKey = new Map<string, WriteRecord[]>();
  for (const record of records) {
    if (!record.key.startsWith('over/')) continue;
    const writes = byKey.get(record.key);
    if (writes === undefined) byKey.set(record.key, [record]);
    else writes.push(record);
  }
  for (const [key, writes] of byKey) {
    const acknowledged = writes.filter(({ outcome }) => outcome.kind === 'acknowledged').length;
    const version = view.keys.get(key)?.version ?? 0;
    if (version < acknowledged)
      wrong.push(`${view.name}: LOST ${acknowledged - version} of ${acknowledged} acknowledged writes to ${key}`);
    if (version > writes.length) wrong.push(`${view.name}: ${key} has ${version} versions of ${writes.length} writes`);
    const last = writes.findLastIndex(({ outcome }) => outcome.kind === 'acknowledged');
    // A write without an answer may take effect late, after those that its writer made next; hence any unknown one will do.
    const possible = writes
      .filter(({ outcome }, i) => i === last || outcome.kind === 'unknown')
      .map(({ value }) => value);
    const value = view.keys.get(key)?.value;
    if (last >= 0 && (value === undefined || !possible.includes(value))) {
      wrong.push(`${view.name}: ${key} holds ${value}, the last acknowledged value is ${writes[last]?.value}`);
    }
  }
  return wrong;
}

function judgeEqual(views: readonly MemberView[]): readonly string[] {
  const [first, ...others] = views;
  if (first === undefined) return [];
  return others.flatMap((view) => [
    ...(view.hash === first.hash ? [] : [`HashKV differs: ${first.name} ${first.hash}, ${view.name} ${view.hash}`]),
    ...(view.revision === first.revision
      ? []
      : [`after a linearizable read ${first.name} is at ${first.revision}, ${view.name} at ${view.revision}`]),
  ]);
}

/**
 * How long nobody got a write through after one member was taken away: from the blow to the first acknowledgement of a call
 * that began after it. `undefined`: never.
 */
export function unavailableMs(records: readonly WriteRecord[], blowMs: number): number | undefined {
  const answers = records
    .filter(({ outcome, calledMs }) => outcome.kind === 'acknowledged' && calledMs >= blowMs)
    .map(({ answeredMs }) => answeredMs - blowMs);
  return answers.length === 0 ? undefined : Math.min(...answers);
}
