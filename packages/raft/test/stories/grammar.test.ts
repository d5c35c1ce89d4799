// What a story may not say: every wrong line is an error that names it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseStory, StorySyntaxError } from '@kontiki/raft/story';

const head = 'raft-story 1\ntitle t\nnodes n1 n2 n3\n';

function problem(text: string): string {
  try {
    parseStory(text);
  } catch (error: unknown) {
    assert.ok(error instanceof StorySyntaxError);
    return error.message;
  }
  return 'no error';
}

describe('the grammar', () => {
  const wrong: readonly (readonly [line: string, message: string])[] = [
    ['timeuot n1', 'line 4: no verb timeuot; known: timeout'],
    ['timeout', 'line 4: a node is missing'],
    ['timeout n9', 'line 4: no node n9; known: n1 n2 n3'],
    ['timeout n1 n2', 'line 4: nothing can follow here, but there is: n2'],
    ['deliver n1', 'line 4: n1 is no link; write n1>n2'],
    ['deliver n1>n1', 'line 4: n1>n1 is no link'],
    ['deliver n1>n2 XX#1', 'line 4: no message XX; known: PV'],
    ['deliver n1>n2 AE#0', 'line 4: AE#0 names no single message; write AE#1'],
    ['deliver n1>* AE#1', 'line 4: AE#1 is counted per link: name both ends'],
    ['dup n1>n2 AE', 'line 4: AE names no single message; write AE#1'],
    ['delay n1>n2 AE#1 80', 'line 4: by is missing before 80'],
    ['tick 0', 'line 4: 0 is less than 1'],
    ['tick 9007199254740993', 'line 4: 9007199254740993 is no whole number below 2^53'],
    ['tick 1e3', 'line 4: 1e3 is no whole number below 2^53'],
    ['cut {n1 n2}', 'line 4: a wall has a group on either side'],
    ['cut {n1}|{n1 n2}', 'line 4: a node stands on one side of a wall only'],
    ['cut {n1|n2}', 'line 4: {n1 is no group; write {n1 n2}'],
    ['run until winter', 'line 4: cannot run until winter; known: leader, commit, no leader'],
    ['reconf n1 n2', 'line 4: n2 is no change; write +node, ~node or -node'],
    ['expect', 'line 4: a claim is missing'],
    ['expect luck', 'line 4: no claim luck; known: a node, no'],
    ['expect n1', 'line 4: a fact is missing'],
    ['expect n1 tall', 'line 4: no fact tall; known: leader follower'],
    ['expect n1 log 1,x', 'line 4: x is no whole number below 2^53'],
    ['expect broken Promises', 'line 4: no property Promises; known: ElectionSafety'],
    ['expect with other invariant ok', 'line 4: the story is not played with other'],
    ['set prevote=maybe', 'line 4: maybe is neither on nor off'],
    ['set speed=9', 'line 4: no setting speed; known: prevote'],
    ['set prevote', 'line 4: no setting prevote'],
    ['set election=3', 'line 4: heartbeats must come before elections'],
    ['set lease=on checkquorum=off', 'line 4: a lease needs check-quorum'],
    ['expect no why n1 cand.wins', 'line 4: no rule cand.wins; known: all.apply'],
    ['propose n1 naïve', 'line 4: a command is plain ASCII'],
    ['run 10001', 'line 4: 10001 ticks are too many for one line; the limit is 10000'],
    ['learners a b c d e f g h i j k l m', 'line 4: more than 15 nodes are too many for a story'],
    ['break-it commit-old-terms LeaderCompleteness', 'line 4: -> is missing before LeaderCompleteness'],
    ['nodes n1', 'line 4: n1 is declared twice'],
    ['learners N4', 'line 4: N4 is no name for a node'],
  ];
  for (const [line, message] of wrong) {
    test(`refuses: ${line}`, () => {
      assert.ok(problem(`${head}${line}\n`).startsWith(message), problem(`${head}${line}\n`));
    });
  }

  test('refuses a header after the first step, with its line', () => {
    assert.equal(problem(`${head}timeout n1\n\nset prevote=off\n`), 'line 6: set belongs before the first step');
  });

  test('refuses a text without version, title or nodes', () => {
    assert.equal(problem(''), 'line 1: a story starts with: raft-story 1');
    assert.equal(problem('# why\n\nraft-story 2\n'), 'line 3: a story starts with: raft-story 1');
    assert.equal(problem('raft-story 1\nnodes n1\n'), 'line 1: a story has a title');
    assert.equal(problem('raft-story 1\ntitle t\n'), 'line 1: a story has nodes');
    assert.equal(problem('raft-story 1\ntitle t\ntimeout n1\n'), 'line 3: nodes must come before the first step');
  });

  test('tells a comment from the number of a message', () => {
    const { steps } = parseStory(`${head}deliver n1>n2 AE#3 # late\n# nothing\n`);
    assert.deepEqual(
      steps.map((step) => [step.line, step.text]),
      [[4, 'deliver n1>n2 AE#3']],
    );
  });
});
