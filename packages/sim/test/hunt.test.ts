// Hunts for mutants, with what came of each seed told by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutantNamed } from '../src/mutants.ts';
import { Hunt, nextHunt } from '../src/node/hunt.ts';
import type { Violation } from '../src/run.ts';

const mutant = mutantNamed('voteTwice');
const checker = 'ElectionSafety';
const seen: readonly Violation[] = [{ checker, text: 'two leaders' }];
const tried = (violations: readonly Violation[]) => ({ violations, seconds: 1 });

test('the first seed that shows the bug counts, though a later one was played to its end before', () => {
  const hunt = new Hunt(mutant, 10);
  const [first, second, third] = [hunt.take(), hunt.take(), hunt.take()];

  assert.equal(hunt.tried(third, tried(seen)), undefined);
  assert.equal(hunt.hasMore, false, 'nobody needs a fourth');
  assert.equal(hunt.tried(first, tried([])), undefined);
  const found = hunt.tried(second, tried(seen));
  assert.deepEqual([found?.seeds, found?.seconds, found?.seen?.checker], [2, 3, checker]);
});

test('a seed that is still being played behind the first catch is not waited for, and decides nothing again', () => {
  const hunt = new Hunt(mutant, 10);
  const [first, second] = [hunt.take(), hunt.take()];

  assert.equal(hunt.tried(first, tried(seen))?.seeds, 1);
  assert.equal(hunt.tried(second, tried(seen)), undefined);
});

test('a bug that nobody named has seen lives, and who else saw it is told', () => {
  const hunt = new Hunt(mutant, 2);
  const [first, second] = [hunt.take(), hunt.take()];

  assert.equal(hunt.tried(second, tried([{ checker: 'BoundedDisk', text: 'too much' }])), undefined);
  const found = hunt.failed(first, 'seed 1: the run took longer than 300 s', 1);
  assert.equal(found?.seen, undefined);
  assert.deepEqual([...(found?.others ?? [])], ['BoundedDisk', 'seed 1: the run took longer than 300 s']);
});

test('a free worker goes on with what was left, then begins another, then helps where the fewest are', () => {
  const hunts = [new Hunt(mutant, 10), new Hunt(mutant, 10)];
  const [one, two] = hunts;
  const take = (): Hunt | undefined => {
    const next = nextHunt(hunts);
    next?.take();
    return next;
  };

  assert.equal(take(), one);
  assert.equal(take(), two);
  assert.equal(take(), one, 'both have one worker');
  assert.equal(take(), two);
  one?.tried(0, tried([]));
  one?.tried(1, tried([]));
  assert.equal(nextHunt(hunts), one, 'everybody has left it');
  one?.take();
  one?.tried(2, tried(seen));
  two?.tried(0, tried(seen));
  assert.equal(nextHunt(hunts), undefined);
});
