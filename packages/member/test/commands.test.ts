import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Index, LogId, NodeId, Term } from '@kontiki/raft';
import { type Answered, Commands, type ForwardOutcome } from '../src/commands.ts';
import type { Origin } from '../src/envelope.ts';
import { memberRules } from '../src/rules.ts';

const at = (term: number, index: number): LogId => ({ term: term as Term, index: index as Index });
const leader = 'b' as NodeId;

/** A member `a` that is no leader; what it forwards waits for the test's reply. */
function member(): {
  readonly commands: Commands;
  readonly forwarded: ((outcome: ForwardOutcome) => void)[];
  readonly answers: Answered[];
  readonly submit: () => Origin;
} {
  const forwarded: ((outcome: ForwardOutcome) => void)[] = [];
  const answers: Answered[] = [];
  const commands = new Commands({
    rules: memberRules,
    origin: { member: 1n, boot: 1 },
    timeoutTicks: 100,
    pendingMax: 2,
    start: () => assert.fail('a follower starts nothing'),
    forward: (_to, _envelope, _timeoutTicks, back) => forwarded.push(back),
  });
  commands.leaderIs(leader, false);
  const submit = (): Origin => {
    let sent: Origin | undefined;
    commands.submit(
      (origin) => {
        sent = origin;
        return new Uint8Array(0);
      },
      (answered) => answers.push(answered),
      (task) => task(),
    );
    assert.ok(sent !== undefined);
    return sent;
  };
  return { commands, forwarded, answers, submit };
}

const result = { kind: 'none', revision: 7 } as const;
const codeOf = (answered: Answered | undefined): unknown =>
  answered?.kind === 'failed' ? (answered.error as { code?: string }).code : answered?.kind;

test('its own apply answers a command, also before the reply of the leader', () => {
  const { commands, forwarded, answers, submit } = member();
  const origin = submit();

  commands.applied(origin, result);
  forwarded[0]?.({ kind: 'accepted', term: 1, index: 5 });

  assert.deepEqual(answers, [{ kind: 'done', value: result }]);
  assert.equal(forwarded.length, 1);
});

test('a command of a former life of this member answers nobody', () => {
  const { commands, answers, submit } = member();
  const origin = submit();

  commands.applied({ ...origin, boot: 0 }, result);
  commands.applied({ ...origin, member: 2n }, result);

  assert.deepEqual(answers, []);
});

test('a command that another term has overwritten is given to a log again', () => {
  const { commands, forwarded, answers, submit } = member();
  const origin = submit();
  forwarded[0]?.({ kind: 'accepted', term: 1, index: 5 });

  commands.passed(at(1, 4));
  assert.equal(forwarded.length, 1, 'entry 5 may still come');
  commands.passed(at(2, 5));
  assert.equal(forwarded.length, 2, 'entry 5 was another one');

  commands.applied(origin, result);
  assert.equal(codeOf(answers[0]), 'done');
});

test('a refused command is held and given again; one whose link broke is not', () => {
  const { commands, forwarded, answers, submit } = member();
  submit();
  forwarded[0]?.({ kind: 'refused', reason: 'notLeader' });
  commands.advance(1);
  assert.equal(forwarded.length, 2);

  forwarded[1]?.({ kind: 'lost' });
  commands.advance(1);
  commands.leaderIs('c' as NodeId, false);
  assert.equal(forwarded.length, 2);
  commands.advance(100);
  assert.equal(codeOf(answers[0]), 'OUTCOME_UNKNOWN');
});

test('a command that a snapshot may hold is never given to a log again, however late the reply', () => {
  const { commands, forwarded, answers, submit } = member();
  submit();
  commands.jumped(at(2, 9));

  forwarded[0]?.({ kind: 'accepted', term: 1, index: 5 });
  commands.passed(at(2, 10));

  assert.equal(forwarded.length, 1);
  assert.equal(codeOf(answers[0]), 'OUTCOME_UNKNOWN');
});

test('an accepted command beyond the snapshot goes on waiting', () => {
  const { commands, forwarded, answers, submit } = member();
  const origin = submit();
  forwarded[0]?.({ kind: 'accepted', term: 2, index: 12 });

  commands.jumped(at(2, 9));
  commands.passed(at(2, 11));
  assert.deepEqual(answers, []);

  commands.applied(origin, result);
  assert.equal(codeOf(answers[0]), 'done');
});

test('more commands than the bound are refused, without effect', () => {
  const { answers, submit, commands, forwarded } = member();
  submit();
  submit();
  commands.submit(
    () => assert.fail('not even encoded'),
    (answered) => answers.push(answered),
    (task) => task(),
  );

  assert.equal(codeOf(answers[0]), 'OVERLOADED');
  assert.equal(forwarded.length, 2);
});
