// The log island: tables first, then a naive twin (a plain array that never forgets its prefix) under random operations.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration, Entry, Index, Term } from '../../src/core/api.ts';
import { InvariantError } from '../../src/core/assert.ts';
import { entryBytes, Log } from '../../src/core/log.ts';
import { Chance } from './chance.ts';
import { at, configurationOf, entriesFrom, snapshotAt, term, terms } from './one-node.ts';

/** A log with these terms at 1.., or after a base. */
function log(...values: readonly number[]): Log {
  return new Log({ base: snapshotAt(0, 0), entries: terms(...values) });
}

function logAfter(base: number, baseTerm: number, ...values: readonly number[]): Log {
  return new Log({ base: snapshotAt(base, baseTerm), entries: entriesFrom(base + 1, ...values) });
}

const configured = (index: number, ofTerm: number, configuration: Configuration): Entry => ({
  kind: 'configuration',
  index: at(index),
  term: term(ofTerm),
  configuration,
});

test('an empty log ends where its base stands', () => {
  const empty = logAfter(7, 3);
  assert.deepEqual([empty.first, empty.lastIndex, empty.last, empty.bytes], [8, 7, { term: 3, index: 7 }, 0]);
  assert.equal(empty.termAt(at(7)), 3);
  assert.equal(empty.at(at(7)), undefined);
});

test('terms are known from the base to the end and nowhere else', () => {
  const found = logAfter(2, 1, 1, 4);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((index) => found.termAt(at(index))),
    [undefined, 1, 1, 4, undefined],
  );
});

test('contains an entry exactly when index and term agree (§5.3)', () => {
  const rows: [Log, number, number, boolean][] = [
    [log(1, 1, 2), 3, 2, true],
    [log(1, 1, 2), 3, 1, false],
    [log(1, 1, 2), 4, 2, false],
    [log(1, 1, 2), 0, 0, true],
    [logAfter(5, 2, 3), 5, 2, true],
    [logAfter(5, 2, 3), 5, 1, false],
    [logAfter(5, 2, 3), 4, 2, false],
  ];
  for (const [found, index, ofTerm, expected] of rows) {
    assert.equal(found.contains({ index: at(index), term: term(ofTerm) }), expected, `${ofTerm}/${index}`);
  }
});

test('finds the first entry that conflicts, and none in what is missing or covered', () => {
  const rows: [Log, Entry[], number | undefined][] = [
    [log(1, 1, 2), entriesFrom(2, 1, 2), undefined],
    [log(1, 1, 2), entriesFrom(2, 1, 3), 3],
    [log(1, 1, 2), entriesFrom(1, 2), 1],
    [log(1, 1, 2), entriesFrom(4, 3, 3), undefined],
    [log(1, 1, 2), [], undefined],
    [logAfter(3, 2, 2, 4), entriesFrom(2, 1, 2, 2, 5), 5],
    [logAfter(3, 2, 2, 4), entriesFrom(2, 1, 2), undefined],
  ];
  for (const [found, entries, expected] of rows) assert.equal(found.conflictAt(entries), expected);
});

test('tells a leader where to try next: past the end, or at the first index of the conflicting term', () => {
  const rows: [Log, number, number, { conflictTerm: number | undefined; tryIndex: number }][] = [
    [log(1, 1, 2), 5, 1, { conflictTerm: undefined, tryIndex: 4 }],
    [log(1, 1, 2, 2, 2), 5, 1, { conflictTerm: 2, tryIndex: 3 }],
    [log(2, 2, 2), 3, 1, { conflictTerm: 2, tryIndex: 1 }],
    // Never below what is known to agree …
    [log(2, 2, 2), 3, 3, { conflictTerm: 2, tryIndex: 3 }],
    // … nor below the base.
    [logAfter(4, 2, 2, 2), 6, 1, { conflictTerm: 2, tryIndex: 5 }],
  ];
  for (const [found, prev, floor, expected] of rows)
    assert.deepEqual(found.conflictBelow(at(prev), at(floor)), expected);
});

test('finds the last entry of a term, the base included, and nothing that is not there', () => {
  const rows: [Log, number, number, number | undefined][] = [
    [log(1, 1, 4, 4, 5), 4, 5, 4],
    [log(1, 1, 4, 4, 5), 4, 3, 3],
    [log(1, 1, 4, 4, 5), 1, 9, 2],
    [log(1, 1, 4, 4, 5), 3, 5, undefined],
    [log(1, 1, 4, 4, 5), 6, 5, undefined],
    [logAfter(5, 2, 3), 2, 6, 5],
    [logAfter(5, 2, 3), 1, 6, undefined],
  ];
  for (const [found, ofTerm, through, expected] of rows)
    assert.equal(found.lastOfTerm(term(ofTerm), at(through)), expected);
});

test('a slice holds what fits and at least one entry', () => {
  const found = log(1, 1, 1, 1);
  const one = entryBytes(found.at(at(1)) ?? assert.fail());
  const indexes = (bytes: number, through?: number): number[] =>
    found.slice(at(2), bytes, through === undefined ? undefined : at(through)).map((entry) => entry.index);
  assert.deepEqual(indexes(1), [2]);
  assert.deepEqual(indexes(2 * one), [2, 3]);
  assert.deepEqual(indexes(100 * one), [2, 3, 4]);
  assert.deepEqual(indexes(100 * one, 3), [2, 3]);
});

test('refuses a hole and a term that falls', () => {
  assert.throws(() => log(1, 1).append(entriesFrom(4, 1)[0] ?? assert.fail()), /entry 4 does not follow 2/);
  assert.throws(() => log(1, 3).append(entriesFrom(3, 2)[0] ?? assert.fail()), InvariantError);
  assert.throws(() => logAfter(5, 2, 3).truncate(at(5)), /cannot truncate from 5/);
  assert.throws(() => logAfter(5, 2, 3).metaAt(at(7)), /no entry 7/);
});

test('compaction moves the base, and the entries after it stay where they are (§7)', () => {
  const found = log(1, 1, 2, 3);
  found.compact(at(3));
  assert.deepEqual(found.base.last, { term: 2, index: 3 });
  assert.deepEqual([found.first, found.lastIndex, found.termAt(at(4))], [4, 4, 3]);
  found.compact(at(4));
  assert.deepEqual([found.bytes, found.last], [0, { term: 3, index: 4 }]);
});

test('a configuration is active from the moment it is in the log, and rolled back with it (thesis §4.1)', () => {
  const [old, middle, next] = [configurationOf(['n1']), configurationOf(['n1', 'n2']), configurationOf(['n2'])];
  const found = new Log({ base: snapshotAt(0, 0, old), entries: terms(1) });
  found.append(configured(2, 1, middle));
  assert.equal(found.configuration, middle);
  found.append(configured(3, 2, next));
  assert.equal(found.configuration, next);
  found.truncate(at(3));
  assert.equal(found.configuration, middle);
  found.truncate(at(2));
  assert.equal(found.configuration, old);
});

test('a snapshot carries the configuration as of its last entry, not the newest one', () => {
  const [old, next] = [configurationOf(['n1']), configurationOf(['n2'])];
  const found = new Log({ base: snapshotAt(0, 0, old), entries: terms(1) });
  found.append(configured(2, 1, next));
  assert.equal(found.metaAt(at(1)).configuration, old);
  assert.equal(found.metaAt(at(2)).configuration, next);
  found.compact(at(1));
  assert.equal(found.base.configuration, old);
  assert.equal(found.configuration, next);
  found.compact(at(2));
  assert.equal(found.base.configuration, next);
});

/** Dumb: keeps everything from index 1 on and cuts views out of it. */
class Twin {
  entries: Entry[] = [];
  base = 0;

  termAt(index: number): Term | undefined {
    if (index < this.base) return undefined;
    return index === 0 ? term(0) : this.entries[index - 1]?.term;
  }
}

test('a log equals a plain array under any mixture of append, truncate and compact', () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const chance = new Chance(seed);
    const found = log();
    const twin = new Twin();
    for (let count = 0; count < 120; count += 1) {
      const dice = chance.next();
      const { length } = twin.entries;
      if (dice < 0.6) {
        const ofTerm = (twin.entries.at(-1)?.term ?? 1) + (chance.often(0.2) ? 1 : 0);
        const [entry] = entriesFrom(length + 1, ofTerm);
        if (entry === undefined) continue;
        found.append(entry);
        twin.entries.push(entry);
      } else if (dice < 0.8 && length > twin.base) {
        const from = twin.base + 1 + chance.below(length - twin.base);
        found.truncate(at(from));
        twin.entries.length = from - 1;
      } else if (length > twin.base) {
        const through = twin.base + 1 + chance.below(length - twin.base);
        found.compact(at(through));
        twin.base = through;
      }
      const held = twin.entries.slice(twin.base);
      assert.deepEqual(found.dump().entries, held, `seed ${seed}`);
      assert.equal(found.lastIndex, twin.entries.length);
      assert.equal(
        found.bytes,
        held.reduce((sum, entry) => sum + entryBytes(entry), 0),
      );
      const index = chance.below(twin.entries.length + 2) as Index;
      assert.equal(found.termAt(index), twin.termAt(index), `term at ${index}, seed ${seed}`);
    }
  }
});
