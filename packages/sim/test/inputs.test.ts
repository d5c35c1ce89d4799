import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inputOf, lineOf, type TimedInput } from '../src/inputs.ts';
import { type Plan, planOf } from '../src/plan.ts';
import { parseStory, printStory, type RunStory } from '../src/run-story.ts';

const lines = [
  '0 start seat=n1',
  '12 kill seat=n2 death=power keep=50 dark=false',
  '120 cut shape=oneWay links=n1>n2',
  '121 healNetwork',
  '300 drift seat=n3 perMille=-12',
  '301 put client=c1 seat=n2 patience=200 key=hot/a bytes=7 lease=0',
];

for (const line of lines) {
  test(`a line of a story is read as it is written: ${line}`, () => {
    assert.equal(lineOf(inputOf(line)), line);
  });
}

for (const line of [
  'x start seat=n1',
  '1 begin seat=n1',
  '1 start',
  '1 start seat=n1 more=1',
  '1 slowDisk seat=n1 ticks=a',
  '1 kill seat=n1 death=boredom keep=1 dark=true',
]) {
  test(`no line of a story: ${line}`, () => {
    assert.throws(() => inputOf(line), SyntaxError);
  });
}

test('a story is read as it is printed', () => {
  const inputs: readonly TimedInput[] = lines.map(inputOf);
  const plan: Plan = planOf(7);
  const story: RunStory = {
    version: '1',
    plan,
    mutant: 'someBug',
    planted: ['requestArrivesTwice'],
    checker: 'ElectionSafety',
    text: '',
    inputs,
  };

  assert.deepEqual(parseStory(printStory(story)), story);
});
