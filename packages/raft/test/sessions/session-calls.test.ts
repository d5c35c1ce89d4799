// The client's side against members that are played by hand: what leaves, when, and what comes of each answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIndex, type NodeId, type RequestOutcome } from '@kontiki/raft';
import { VirtualTime } from '@kontiki/raft/memory';
import {
  decodeRequest,
  defaultSessionLimits,
  encodeAnswer,
  type SessionAnswer,
  SessionCalls,
  type SessionCallsOptions,
  type SessionLimits,
  type SessionReply,
  type SessionRequest,
} from '@kontiki/raft/sessions';
import { answerOf, codeOf, type Pending } from '@kontiki/raft/testing';

interface Asked {
  readonly to: string;
  readonly request: SessionRequest;
  answer(answer: SessionAnswer): void;
  outcome(outcome: RequestOutcome): void;
}

class Stage {
  readonly time = new VirtualTime();
  readonly asked: Asked[] = [];
  readonly calls: SessionCalls;

  constructor(options: Partial<SessionCallsOptions> = {}) {
    const endpoint = (to: string) => ({
      request: (body: Uint8Array, _timeoutTicks: number, answer: (outcome: RequestOutcome) => void) => {
        this.asked.push({
          to,
          request: decodeRequest(body),
          answer: (given) => answer({ kind: 'answered', body: encodeAnswer(given) }),
          outcome: answer,
        });
      },
    });
    const endpoints = new Map(['a', 'b', 'c'].map((id) => [id as NodeId, endpoint(id)]));
    this.calls = new SessionCalls({ endpoints, ticker: this.time.ticker(), seed: 'seed', ...options });
  }

  /** With a session open. */
  static open(limits: Partial<SessionLimits> = {}, options: Partial<SessionCallsOptions> = {}): Stage {
    const stage = new Stage(options);
    stage.register(limits);
    return stage;
  }

  register(limits: Partial<SessionLimits> = {}, client = 5): void {
    const pending: Pending<unknown> = { outcome: undefined };
    this.calls.register(100, (outcome) => {
      pending.outcome = outcome;
    });
    this.take().answer({ kind: 'registered', client: asIndex(client), limits: { ...defaultSessionLimits, ...limits } });
    answerOf(pending);
  }

  propose(timeoutTicks?: number): Pending<SessionReply> {
    const pending: Pending<SessionReply> = { outcome: undefined };
    this.calls.propose(Uint8Array.of(1), timeoutTicks, (outcome) => {
      assert.equal(pending.outcome, undefined, 'answered twice');
      pending.outcome = outcome;
    });
    return pending;
  }

  /** The one request that is under way and was not looked at. */
  take(): Asked {
    assert.equal(this.asked.length, 1, `${this.asked.length} requests are under way`);
    const [asked] = this.asked.splice(0);
    assert.ok(asked !== undefined);
    return asked;
  }

  /** The next request, when it comes. */
  next(): Asked {
    this.time.until(() => this.asked.length > 0, 'another request leaves');
    return this.take();
  }
}

const done: SessionAnswer = { kind: 'done', at: asIndex(9), reply: Uint8Array.of(42) };

function sequenceOf({ request }: Asked): number | undefined {
  return request.kind === 'command' ? request.sequence : undefined;
}

test('a command keeps its sequence through every kind of retry', () => {
  const stage = Stage.open();
  const pending = stage.propose();
  const outcomes: readonly RequestOutcome[] = [
    { kind: 'lost', reason: '' },
    { kind: 'refused', reason: '' },
    ...(['overloaded', 'stopped', 'unknown'] as const).map((kind) => ({
      kind: 'answered' as const,
      body: encodeAnswer({ kind }),
    })),
    { kind: 'answered', body: encodeAnswer({ kind: 'notLeader', leader: undefined }) },
  ];
  for (const outcome of outcomes) {
    const asked = stage.next();
    assert.equal(sequenceOf(asked), 1);
    asked.outcome(outcome);
    assert.equal(stage.asked.length, 0, 'it waits before it asks again');
  }
  const last = stage.next();
  assert.equal(sequenceOf(last), 1);
  last.answer(done);

  assert.deepEqual(answerOf(pending), { at: 9, reply: Uint8Array.of(42) });
});

test('a leader that is named is asked at once, and by the next command, too', () => {
  const stage = Stage.open();
  stage.propose();
  const first = stage.take();
  const leader = ['a', 'b', 'c'].find((id) => id !== first.to) as NodeId;
  first.answer({ kind: 'notLeader', leader });
  const second = stage.take();
  assert.equal(second.to, leader);
  second.answer(done);
  stage.propose();

  assert.equal(stage.take().to, leader);
});

test('members that name each other are not asked in circles without a pause', () => {
  const stage = Stage.open();
  stage.propose();
  let asks = 0;
  while (stage.asked.length > 0) {
    const { to, answer } = stage.take();
    asks += 1;
    answer({ kind: 'notLeader', leader: (to === 'a' ? 'b' : 'a') as NodeId });
  }

  assert.ok(asks <= 4, `${asks} requests in one moment`);
  stage.next();
});

test('a leader that is named and cannot be reached, or is unknown, is not the only one that is asked', () => {
  const stage = Stage.open();
  stage.propose();
  const seen = new Set<string>();
  for (let attempt = 0; attempt < 8; attempt++) {
    const { to, answer } = stage.next();
    seen.add(to);
    answer({ kind: 'notLeader', leader: 'z' as NodeId });
  }

  assert.deepEqual([...seen].sort(), ['a', 'b', 'c']);
});

test('several commands are under way at once, no more than the window holds', () => {
  const stage = Stage.open({ window: 3 });
  const pending = [1, 2, 3, 4, 5].map(() => stage.propose());
  assert.deepEqual(stage.asked.map(sequenceOf), [1, 2, 3]);
  const [first, second] = stage.asked.splice(0);
  second?.answer(done);
  assert.equal(stage.asked.length, 0, 'the first is still open, so the window has not moved');
  first?.answer(done);

  assert.deepEqual(stage.asked.map(sequenceOf), [4, 5]);
  assert.deepEqual(
    stage.asked.map(({ request }) => request.kind === 'command' && request.firstOpen),
    [3, 3],
    'the members learn what need not be kept',
  );
  assert.deepEqual(
    pending.map(({ outcome }) => outcome?.kind),
    ['done', 'done', undefined, undefined, undefined],
  );
});

test('too many commands are refused at once, and have no effect', () => {
  const stage = Stage.open({}, { pendingMax: 2 });
  const pending = [1, 2, 3].map(() => stage.propose());
  stage.time.settle();

  assert.deepEqual(pending.map(codeOf), [undefined, undefined, 'OVERLOADED']);
  assert.equal(stage.asked.length, 2);
});

test('a command whose time runs out is unknown if it may have arrived, and harmless if it has not', () => {
  // The next attempt would come long after the time has run out.
  const stage = Stage.open({ window: 2 }, { backOffTicks: 10_000, backOffTicksMax: 10_000 });
  const [unanswered, refused, unsent] = [stage.propose(50), stage.propose(50), stage.propose(49)];
  stage.asked.splice(0)[1]?.answer({ kind: 'overloaded' });
  stage.time.advance(50);

  assert.deepEqual([unanswered, refused, unsent].map(codeOf), ['OUTCOME_UNKNOWN', 'UNAVAILABLE', 'UNAVAILABLE']);
  assert.equal(stage.calls.pending, 0);
  stage.asked.splice(0);
  const next = stage.propose();
  stage.take().answer(done);
  assert.equal(next.outcome?.kind, 'done', 'the session goes on');
});

test('a session that has ended fails what is under way, says what may have happened, and begins another only when told', () => {
  const stage = Stage.open();
  const [doubtful, inFlight, refused] = [stage.propose(), stage.propose(), stage.propose()];
  const [first, , third] = stage.asked.splice(0);
  first?.outcome({ kind: 'lost', reason: '' });
  third?.answer({ kind: 'refused', reason: 'unknownSession' });

  const effects = [doubtful, inFlight, refused].map(({ outcome }) =>
    outcome?.kind === 'failed' && 'effect' in outcome.error ? outcome.error.effect : outcome,
  );
  assert.deepEqual(effects, ['unknown', 'unknown', 'none']);
  stage.time.advance(500);
  assert.equal(stage.asked.length, 0, 'nothing is sent any more');
  const late = stage.propose();
  stage.time.settle();
  assert.equal(codeOf(late), 'SESSION_EXPIRED');

  stage.register({}, 6);
  stage.propose();
  const { request } = stage.take();
  assert.deepEqual(request.kind === 'command' && [request.client, request.sequence], [6, 1]);
});

test('an answer to the session before does not end the present one', () => {
  const stage = Stage.open();
  stage.propose();
  stage.propose();
  const [old, ending] = stage.asked.splice(0);
  ending?.answer({ kind: 'refused', reason: 'unknownSession' });
  stage.register({}, 6);
  old?.answer({ kind: 'refused', reason: 'unknownSession' });

  assert.equal(stage.calls.client, 6);
});

test('an idle session is kept alive, one at a time; a busy one needs nothing', () => {
  const stage = Stage.open({ idleTicks: 100 });
  for (let tick = 0; tick < 200; tick += 10) {
    stage.propose();
    stage.take().answer(done);
    stage.time.advance(10);
  }
  stage.time.advance(90);
  const { request, answer } = stage.take();
  assert.deepEqual(request, { kind: 'keepAlive', client: 5, firstOpen: 21 });
  answer({ kind: 'alive' });
  stage.time.advance(60);
  const second = stage.take();
  stage.time.advance(500);
  assert.equal(stage.asked.length, 0, 'the second is still under way');

  second.answer({ kind: 'refused', reason: 'unknownSession' });
  assert.equal(stage.calls.client, undefined);
});

test('a reply that is no longer kept, a command that is too large and an odd answer are told as what they are', () => {
  const stage = Stage.open();
  const answers: readonly [SessionAnswer, string | undefined][] = [
    [{ kind: 'refused', reason: 'replyDropped' }, 'REPLY_DROPPED'],
    [{ kind: 'refused', reason: 'outOfWindow' }, 'OVERLOADED'],
    [{ kind: 'refused', reason: 'malformed' }, 'MALFORMED'],
    [{ kind: 'tooLarge' }, undefined],
    [{ kind: 'alive' }, 'MALFORMED'],
  ];
  for (const [answer, code] of answers) {
    const pending = stage.propose();
    stage.take().answer(answer);
    assert.equal(pending.outcome?.kind, 'failed');
    assert.equal(codeOf(pending), code);
  }
  const pending = stage.propose();
  stage.take().outcome({ kind: 'answered', body: Uint8Array.of(1) });
  assert.equal(codeOf(pending), 'MALFORMED');
});

test('closing fails what is under way, tells a member, and is over in time', () => {
  const stage = Stage.open();
  const pending = stage.propose();
  stage.asked.splice(0);
  let isClosed = false;
  stage.calls.close(20, () => {
    isClosed = true;
  });
  assert.deepEqual(stage.take().request, { kind: 'close', client: 5 });
  assert.equal(codeOf(pending), 'OUTCOME_UNKNOWN');
  stage.time.advance(20);
  assert.ok(isClosed);
  const late = stage.propose();
  stage.time.settle();

  assert.equal(codeOf(late), 'STOPPED');
});

test('a session that nobody registers fails in time, and so does a command without one', () => {
  const stage = new Stage();
  const early = stage.propose();
  const pending: Pending<unknown> = { outcome: undefined };
  stage.calls.register(30, (outcome) => {
    pending.outcome = outcome;
  });
  stage.time.advance(30);

  assert.equal(codeOf(pending), 'UNAVAILABLE');
  assert.ok(early.outcome?.kind === 'failed' && early.outcome.error instanceof RangeError);
});

test('the same seed asks the same members at the same times', () => {
  const trace = (seed: string): readonly string[] => {
    const stage = new Stage({ seed });
    stage.calls.register(400, () => {});
    const lines: string[] = [];
    for (let tick = 0; tick < 400; tick++) {
      for (const { to, outcome } of stage.asked.splice(0)) {
        lines.push(`${tick} ${to}`);
        outcome({ kind: 'lost', reason: '' });
      }
      stage.time.advance(1);
    }
    return lines;
  };

  assert.deepEqual(trace('one'), trace('one'));
  assert.notDeepEqual(trace('one'), trace('two'));
});
