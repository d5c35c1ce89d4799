// A story that cannot fail proves nothing. Wrong claims are found, unsafe rules are seen, unexpected faults are told.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Outcome, parseStory, properties, runStory } from '@kontiki/raft/story';
import { safeLessons, unsafeLessons } from '@kontiki/raft/teaching';
import { engineFor } from './lesson-engine.ts';

const folder = new URL('./', import.meta.url);
const texts = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith('.rscn'))
    .map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]),
);

function text(name: string): string {
  const found = texts.get(name);
  assert.ok(found !== undefined, name);
  return found;
}

function play(source: string): Outcome {
  return runStory(parseStory(source), engineFor);
}

/** The story with one of its lines exchanged, which must be there exactly once. */
function changed(name: string, line: string, instead: string): string {
  const lines = text(name).split('\n');
  assert.equal(lines.filter((other) => other === line).length, 1, `${name} says "${line}" once`);
  return lines.map((other) => (other === line ? instead : other)).join('\n');
}

describe('a wrong claim fails its story', () => {
  const wrong: readonly (readonly [story: string, line: string, instead: string, complaint: string])[] = [
    ['figure-7.rscn', 'expect n3 log 1,1,1,4', 'expect n3 log 1,1,1,4,4', 'n3: log is 1,1,1,4, not 1,1,1,4,4'],
    ['figure-7.rscn', 'expect with paper rejections n7 2', 'expect with paper rejections n7 7', 'is 2, not 7'],
    ['figure-7.rscn', 'expect all commit 11', 'expect all commit 10', 'n1 commit is 11, not 10'],
    [
      'figure-8.rscn',
      'expect why n1 lead.commit.old',
      'expect no why n1 lead.commit.old',
      'lead.commit.old fired on n1',
    ],
    ['figure-8.rscn', 'expect n5 leader term 5', 'expect n5 follower term 5', 'n5: role is leader, not follower'],
    ['split-vote.rscn', 'expect no leader', 'expect n1 leader', 'n1: role is candidate, not leader'],
    ['split-vote.rscn', 'expect invariant ok', 'expect broken ElectionSafety', 'ElectionSafety holds'],
    ['forgotten-vote.rscn', 'expect broken ElectionSafety', 'expect invariant ok', 'broke'],
    ['read-before-no-op.rscn', 'expect read r1 index 4', 'expect read r1 index 3', 'read r1 is index 4, not index 3'],
    [
      'transfer.rscn',
      'expect refused transferring',
      'expect refused notLeader',
      'the answer was: refused transferring',
    ],
    ['one-command.rscn', 'expect accepted 2@1', 'expect accepted 3@1', 'the answer was: accepted 2@1'],
    [
      'clear-vote-on-heartbeat.rscn',
      'expect n2 votedFor n1 follows n1',
      'expect n2 votedFor -',
      'votedFor is n1, not -',
    ],
    ['ask-before-durable.rscn', 'expect sent 0 n1>* RV', 'expect sent 2 n1>* RV', 'messages sent is 0, not 2'],
    [
      'paused-leader.rscn',
      'expect inflight 2 *>n1 AER',
      'expect inflight 3 *>n1 AER',
      'messages in flight is 2, not 3',
    ],
  ];
  for (const [story, line, instead, complaint] of wrong) {
    test(`${story}: ${instead}`, () => {
      const { failures } = play(changed(story, line, instead));

      assert.ok(
        failures.some((failure) => /^line \d+: /.test(failure) && failure.includes(complaint)),
        failures.join('\n'),
      );
    });
  }

  test('a message that is not there stops the story at its line', () => {
    const { failures } = play('raft-story 1\ntitle t\nnodes n1 n2\ndeliver n1>n2 AE#1\nexpect n1 leader\n');

    assert.deepEqual(failures, ['line 4: no such message is in flight']);
  });

  test('a property that breaks unexpectedly is a failure without any claim', () => {
    const { failures } = play(
      text('forgotten-vote.rscn')
        .split('\n')
        .filter((line) => !line.startsWith('expect broken'))
        .join('\n'),
    );

    assert.deepEqual(failures, [
      'unexpected: VoteOncePerTerm: n2 voted for n1 and for n3 in term 1',
      'unexpected: ElectionSafety: n1 and n3 were both leader of term 1',
    ]);
  });

  test('a node that halts unexpectedly is a failure without any claim', () => {
    const source = `raft-story 1\ntitle t\nnodes n1 n2 n3\nset prevote=off checkquorum=off\n${[
      ...['timeout n1', 'settle', 'propose n1 a', 'settle', 'run 4', 'crash n1', 'crash n2', 'lose-disk n1'],
      ...['lose-disk n2', 'restart n1', 'restart n2', 'cut n3', 'timeout n1', 'drop n1>*', 'timeout n1', 'settle'],
      ...['propose n1 b', 'settle', 'heal', 'run 4'],
    ].join('\n')}\n`;

    const { failures } = play(source);

    assert.ok(
      failures.some((failure) => failure.startsWith('unexpected: n3 halted: ')),
      failures.join('\n'),
    );
  });
});

describe('an unsafe rule is seen', () => {
  test('every unsafe lesson breaks a property in some story', () => {
    const broken = [...texts.values()].flatMap((source) => parseStory(source).breaks.map(({ lesson }) => lesson));

    assert.deepEqual([...new Set(broken)].sort(byText), Object.keys(unsafeLessons).sort(byText));
  });

  test('every property breaks in some story, but for the one that no leaf decision can break', () => {
    const broken = new Set(
      [...texts.values()].flatMap((source) => parseStory(source).breaks.flatMap((b) => b.properties)),
    );

    assert.deepEqual(
      properties.filter((property) => !broken.has(property)),
      ['LeaderAppendOnly'],
    );
  });

  test('every safe lesson is played in some story', () => {
    const played = [...texts.values()].flatMap((source) => {
      const { also, rules } = parseStory(source);
      return [...also, ...rules];
    });

    for (const lesson of Object.keys(safeLessons)) assert.ok(played.includes(lesson), lesson);
  });

  test('a story that claims a break by a harmless lesson fails', () => {
    const source = changed(
      'split-vote.rscn',
      'set prevote=off',
      'set prevote=off\nbreak-it plain-back-off -> ElectionSafety',
    );

    assert.deepEqual(play(source).failures, ['line 6: with plain-back-off, ElectionSafety holds']);
  });
});

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
