// The checkers of figure 3 by themselves: each is silent on what is right, and names both facts of what is not.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Entry, Index, LogId, NodeId, Status, Term } from '@kontiki/raft';
import {
  ElectionSafety,
  LeaderAppendOnly,
  LeaderCompleteness,
  LinearizableReads,
  LogMatching,
  type NodeView,
  Safety,
  StateMachineSafety,
  type Violation,
  VoteOncePerTerm,
} from '@kontiki/raft/story';

const node = (id: string): NodeId => id as NodeId;
const at = (index: number): Index => index as Index;

function logId(term: number, index: number): LogId {
  return { term: term as Term, index: at(index) };
}

function command(term: number, index: number, text: string): Entry {
  return {
    ...logId(term, index),
    kind: 'command',
    data: Uint8Array.from(text, (character) => character.charCodeAt(0)),
  };
}

/** Entries of these terms after the base; each carries its term and index as its command. */
function log(terms: readonly number[], base = 0): readonly Entry[] {
  return terms.map((term, slot) => command(term, base + slot + 1, `${term}.${base + slot + 1}`));
}

interface Sight {
  readonly role?: 'leader' | 'follower';
  readonly term: number;
  readonly entries: readonly Entry[];
  readonly commit?: number;
  readonly base?: LogId;
}

function view(id: string, { role = 'follower', term, entries, commit = 0, base = logId(0, 0) }: Sight): NodeView {
  const last = entries.at(-1) ?? base;
  const common = {
    id: node(id),
    term: term as Term,
    votedFor: undefined,
    leader: undefined,
    first: at(base.index + 1),
    last: logId(last.term, last.index),
    durable: at(last.index),
    commit: at(commit),
    applied: at(0),
    configuration: { voters: [], outgoing: [], learners: [], addresses: [] },
    electionElapsed: 0,
  };
  const status: Status =
    role === 'leader' ? { ...common, role, progress: [], transfer: undefined } : { ...common, role };
  return { status, base, entries };
}

function text(violation: Violation | undefined): string | undefined {
  return violation?.text;
}

describe('ElectionSafety', () => {
  test('allows two leaders in two terms, and one leader seen twice', () => {
    const checker = new ElectionSafety();

    assert.equal(checker.observe(view('a', { role: 'leader', term: 1, entries: [] })), undefined);
    assert.equal(checker.observe(view('b', { role: 'leader', term: 2, entries: [] })), undefined);
    assert.equal(checker.observe(view('a', { role: 'leader', term: 1, entries: [] })), undefined);
  });

  test('sees two leaders of one term, though the first leads no more', () => {
    const checker = new ElectionSafety();
    checker.observe(view('a', { role: 'leader', term: 1, entries: [] }));
    checker.observe(view('a', { term: 1, entries: [] }));

    const violation = checker.observe(view('b', { role: 'leader', term: 1, entries: [] }));

    assert.equal(text(violation), 'a and b were both leader of term 1');
  });
});

describe('LeaderAppendOnly', () => {
  const before = view('a', { role: 'leader', term: 2, entries: log([1, 2, 2]) });

  test('allows appending, compacting, and anything once the term is over', () => {
    const checker = new LeaderAppendOnly();
    checker.observe(before);

    assert.equal(checker.observe(view('a', { role: 'leader', term: 2, entries: log([1, 2, 2, 2]) })), undefined);
    const base = logId(2, 2);
    assert.equal(checker.observe(view('a', { role: 'leader', term: 2, entries: log([2, 2], 2), base })), undefined);
    assert.equal(checker.observe(view('a', { term: 3, entries: log([3], 2), base })), undefined);
    assert.equal(checker.observe(view('a', { role: 'leader', term: 4, entries: log([3], 2), base })), undefined);
  });

  test('sees a leader that deletes', () => {
    const checker = new LeaderAppendOnly();
    checker.observe(before);

    const violation = checker.observe(view('a', { role: 'leader', term: 2, entries: log([1, 2]) }));

    assert.equal(text(violation), 'a, leader of term 2, has lost 3@2 "2.3"');
  });

  test('sees a leader that overwrites', () => {
    const checker = new LeaderAppendOnly();
    checker.observe(before);

    const entries = [...log([1]), command(2, 2, 'other'), ...log([2], 2)];
    const violation = checker.observe(view('a', { role: 'leader', term: 2, entries }));

    assert.equal(text(violation), 'a, leader of term 2, has 2@2 "other" instead of 2@2 "2.2"');
  });

  test('forgets a leader that crashed', () => {
    const checker = new LeaderAppendOnly();
    checker.observe(before);
    checker.down(node('a'));

    assert.equal(checker.observe(view('a', { role: 'leader', term: 2, entries: log([1]) })), undefined);
  });
});

describe('LogMatching', () => {
  test('allows logs that part, and share what lies before', () => {
    const checker = new LogMatching();

    assert.equal(checker.observe(view('a', { term: 3, entries: log([1, 1, 2]) })), undefined);
    assert.equal(checker.observe(view('b', { term: 3, entries: log([1, 1, 3, 3]) })), undefined);
    const base = logId(1, 2);
    assert.equal(checker.observe(view('c', { term: 3, entries: log([3], 2), base })), undefined);
  });

  test('sees one LogId with two commands', () => {
    const checker = new LogMatching();
    checker.observe(view('a', { term: 1, entries: log([1, 1]) }));

    const violation = checker.observe(view('b', { term: 1, entries: [...log([1]), command(1, 2, 'other')] }));

    assert.equal(text(violation), 'a has 2@1 "1.2" where b has 2@1 "other"');
  });

  test('sees one LogId after two terms, also where one log begins with it', () => {
    const checker = new LogMatching();
    checker.observe(view('a', { term: 3, entries: log([1, 2, 3]) }));

    const violation = checker.observe(view('b', { term: 3, entries: log([3], 2), base: logId(1, 2) }));

    assert.equal(text(violation), 'a and b have 3@3 "3.3", but 2@2 and 2@1 before it');
  });

  test('looks at what is new behind entries it has seen', () => {
    const checker = new LogMatching();
    const shared = log([1]);
    checker.observe(view('a', { term: 1, entries: shared }));
    checker.observe(view('b', { term: 1, entries: [...shared, command(1, 2, 'x')] }));

    const violation = checker.observe(view('a', { term: 1, entries: [...shared, command(1, 2, 'y')] }));

    assert.equal(text(violation), 'b has 2@1 "x" where a has 2@1 "y"');
  });

  test('sees nothing any more of what it was told to forget', () => {
    const checker = new LogMatching();
    checker.observe(view('a', { term: 1, entries: log([1, 1]) }));
    checker.forgetBelow(at(3));

    assert.equal(checker.observe(view('b', { term: 1, entries: [...log([1]), command(1, 2, 'other')] })), undefined);
  });
});

describe('LeaderCompleteness', () => {
  test('allows a new leader that has everything committed, by entry or by snapshot', () => {
    const checker = new LeaderCompleteness();
    checker.observe(view('a', { role: 'leader', term: 2, entries: log([1, 2]), commit: 2 }));

    assert.equal(checker.observe(view('b', { role: 'leader', term: 3, entries: log([1, 2, 3]) })), undefined);
    assert.equal(checker.observe(view('c', { role: 'leader', term: 4, entries: [], base: logId(2, 2) })), undefined);
  });

  test('sees a new leader without a committed entry', () => {
    const checker = new LeaderCompleteness();
    checker.observe(view('a', { role: 'leader', term: 2, entries: log([1, 2]), commit: 2 }));

    const violation = checker.observe(view('b', { role: 'leader', term: 3, entries: log([1]) }));

    assert.equal(text(violation), '2@2 "2.2" was committed by term 2, and b leads term 3 without it');
  });

  test('sees what an old leader commits while another already leads a later term', () => {
    const checker = new LeaderCompleteness();
    checker.observe(view('b', { role: 'leader', term: 3, entries: log([1]) }));

    const violation = checker.observe(view('a', { role: 'leader', term: 2, entries: log([1, 2]), commit: 2 }));

    assert.equal(text(violation), '2@2 "2.2" was committed by term 2, and b leads term 3 without it');
  });

  test('asks nothing of a leader of the same or an earlier term', () => {
    const checker = new LeaderCompleteness();
    checker.observe(view('a', { role: 'leader', term: 2, entries: log([1, 2]), commit: 2 }));

    assert.equal(checker.observe(view('b', { role: 'leader', term: 1, entries: log([1]) })), undefined);
  });
});

describe('StateMachineSafety', () => {
  test('sees two entries applied at one index', () => {
    const checker = new StateMachineSafety();
    checker.applied(node('a'), command(1, 1, 'x'));

    assert.equal(text(checker.applied(node('b'), command(2, 1, 'y'))), 'a applied 1@1 "x" where b applied 1@2 "y"');
  });

  test('sees a gap, a repetition, and allows both after a restart', () => {
    const checker = new StateMachineSafety();
    checker.applied(node('a'), command(1, 1, 'x'));

    assert.equal(text(checker.applied(node('a'), command(1, 3, 'z'))), 'a applied 3@1 "z" right after index 1');
    assert.equal(text(checker.applied(node('a'), command(1, 3, 'z'))), 'a applied 3@1 "z" right after index 3');
    checker.restarted(node('a'), at(2));
    assert.equal(checker.applied(node('a'), command(1, 3, 'z')), undefined);
  });

  test('holds a snapshot against what others applied where it ends', () => {
    const checker = new StateMachineSafety();
    checker.applied(node('a'), command(1, 1, 'x'));

    assert.equal(checker.restored(node('b'), logId(1, 1)), undefined);
    assert.equal(text(checker.restored(node('c'), logId(2, 1))), 'a applied 1@1 "x" where c restored 1@2');
  });
});

describe('VoteOncePerTerm', () => {
  test('counts the vote in a request and in a reply, but no pre-vote and no refusal', () => {
    const checker = new VoteOncePerTerm();
    const last = logId(0, 0);
    const envelope = { from: node('a'), term: 1 as Term };
    const reply = { ...envelope, kind: 'requestVoteReply' } as const;
    checker.sent({ ...envelope, kind: 'requestVote', phase: 'vote', to: node('b'), last, transfer: false });

    assert.equal(checker.sent({ ...reply, to: node('c'), phase: 'preVote', granted: true }), undefined);
    assert.equal(checker.sent({ ...reply, to: node('c'), phase: 'vote', granted: false }), undefined);
    const violation = checker.sent({ ...reply, to: node('c'), phase: 'vote', granted: true });
    assert.equal(text(violation), 'a voted for a and for c in term 1');
  });
});

describe('LinearizableReads', () => {
  test('sees a read behind what was committed when it began, and no other', () => {
    const checker = new LinearizableReads();
    checker.observe(view('a', { term: 1, entries: log([1, 1, 1]), commit: 2 }));
    checker.began(node('b'), 1);
    checker.began(node('b'), 2);
    checker.began(node('b'), 3);
    checker.observe(view('a', { term: 1, entries: log([1, 1, 1]), commit: 3 }));

    assert.equal(checker.served(node('b'), 1, at(2)), undefined);
    assert.equal(
      text(checker.served(node('b'), 2, at(1))),
      'b served a read at index 1 which began when 2 was committed',
    );
    checker.abandoned(node('b'), 3);
    assert.equal(checker.served(node('b'), 3, at(1)), undefined);
  });
});

describe('Safety', () => {
  test('tells every violation by the name of its property', () => {
    const told: string[] = [];
    const safety = new Safety(({ property }) => told.push(property));
    safety.observe(view('a', { role: 'leader', term: 1, entries: log([1]), commit: 1 }));
    safety.observe(view('b', { role: 'leader', term: 1, entries: [command(1, 1, 'other')] }));
    safety.observe(view('a', { role: 'leader', term: 1, entries: [] }));
    safety.observe(view('c', { role: 'leader', term: 2, entries: [] }));
    safety.votedDurably(node('a'), 1 as Term, node('b'));
    safety.votedDurably(node('a'), 1 as Term, node('c'));
    safety.restarted(node('a'), at(0));
    safety.applied(node('a'), command(1, 2, 'x'));
    safety.readBegan(node('a'), 1);
    safety.readServed(node('a'), 1, at(0));

    assert.deepEqual(told, [
      'ElectionSafety',
      'LogMatching',
      'LeaderAppendOnly',
      'LeaderCompleteness',
      'VoteOncePerTerm',
      'StateMachineSafety',
      'LinearizableReads',
    ]);
  });
});
