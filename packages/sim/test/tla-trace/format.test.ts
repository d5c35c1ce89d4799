// What the trace specification's reader takes for granted: every line is an event it knows, of a node whose term and commit
// index do not fall, and nothing is received that was not sent. Whether it is an allowed history, TLC tells (docs/tla-trace.md).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { traceSeed, traceStory } from '@kontiki/sim';
import { nodeHost } from '@kontiki/sim/node';
import { eventNames, type TraceEvent } from '../../src/tla-trace/events.ts';

const stories = new URL('../../../raft/test/stories/', import.meta.url);
const names = readdirSync(stories).filter((name) => name.endsWith('.rscn'));

function tell(name: string): readonly string[] {
  const lines: string[] = [];
  traceStory(readFileSync(new URL(name, stories), 'utf8'), (line) => lines.push(line));
  return lines;
}

interface Line {
  readonly ts: number;
  readonly tag: string;
  readonly event: TraceEvent;
}

function checkShape({ ts, tag, event }: Line, at: number): void {
  const { name, nid, state, role, log, conf, msg } = event;
  assert.equal(tag, 'trace');
  assert.equal(ts, 1_000_000_001 + at, 'lines are in the order of their time, all of one width');
  assert.ok(eventNames.includes(name), name);
  assert.ok(nid !== '0' && nid !== '');
  assert.ok([state.term, state.commit, log].every((value) => Number.isSafeInteger(value) && value >= 0));
  assert.ok(state.commit <= log || name === 'InitState', `commit ${state.commit} beyond ${log}`);
  assert.equal(typeof state.vote, 'string');
  assert.ok(['StateFollower', 'StateCandidate', 'StateLeader'].includes(role));
  assert.equal(conf.length, 2);
  assert.equal(msg !== undefined, name.startsWith('Send') || name.startsWith('Receive'));
  if (msg === undefined) return;
  assert.equal(name.startsWith('Send') ? msg.from : msg.to, nid);
  const kinds = {
    MsgApp: 'AppendEntriesRequest',
    MsgSnap: 'AppendEntriesRequest',
    MsgAppResp: 'AppendEntriesResponse',
  };
  const votes = { MsgVote: 'RequestVoteRequest', MsgVoteResp: 'RequestVoteResponse' };
  assert.equal(name.replace(/^(Send|Receive)/, ''), { ...kinds, ...votes }[msg.type]);
}

/** Within one life; what was not durable may be gone after a restart. */
function checkOrder(events: readonly TraceEvent[]): void {
  const last = new Map<string, TraceEvent>();
  const sent = new Map<string, number>();
  for (const [at, event] of events.entries()) {
    const before = event.name === 'InitState' ? undefined : last.get(event.nid);
    if (before !== undefined) {
      assert.ok(event.state.term >= before.state.term, `line ${at + 1}: the term of ${event.nid} falls`);
      assert.ok(event.state.commit >= before.state.commit, `line ${at + 1}: the commit index of ${event.nid} falls`);
    } else assert.equal(event.name, 'InitState');
    last.set(event.nid, event);
    if (event.msg === undefined) continue;
    const message = JSON.stringify(event.msg);
    const onTheWay = sent.get(message) ?? 0;
    if (event.name.startsWith('Receive')) assert.ok(onTheWay > 0, `line ${at + 1}: ${message} was not sent`);
    sent.set(message, onTheWay + (event.name.startsWith('Send') ? 1 : -1));
  }
}

describe('the trace of a story', () => {
  for (const name of names) {
    test(`${name} is one that the specification can read`, () => {
      const lines = tell(name).map((line) => JSON.parse(line) as Line);

      for (const [at, line] of lines.entries()) checkShape(line, at);
      checkOrder(lines.map(({ event }) => event));
    });
  }

  test('is the same, byte for byte, when it is told again', () => {
    assert.deepEqual(tell('figure-7.rscn'), tell('figure-7.rscn'));
  });

  test('has every kind of event', () => {
    const told = new Set(names.flatMap((name) => tell(name).map((line) => (JSON.parse(line) as Line).event.name)));

    assert.deepEqual([...told].sort(), [...eventNames].sort());
  });

  test('of a story that is not as it says is refused with its line', () => {
    const text = 'raft-story 1\ntitle A claim\nnodes n1\nexpect n1 leader\n';

    assert.throws(() => traceStory(text, () => {}), /line 4: /);
  });
});

describe('the trace of a seed', () => {
  const tellSeed = async (seed: number): Promise<readonly string[]> => {
    const lines: string[] = [];
    await traceSeed(seed, { host: nodeHost, size: { members: 3, seconds: 2 } }, (line) => lines.push(line));
    return lines;
  };

  for (const seed of [3, 6, 8]) {
    test(`seed ${seed} is one that the specification can read, and the same when it is told again`, async () => {
      const told = await tellSeed(seed);
      const lines = told.map((line) => JSON.parse(line) as Line);

      for (const [at, line] of lines.entries()) checkShape(line, at);
      checkOrder(lines.map(({ event }) => event));
      assert.ok(lines.some(({ event }) => event.name === 'Commit'));
      assert.deepEqual(await tellSeed(seed), told);
    });
  }
});

describe('npm run trace', () => {
  const command = fileURLToPath(new URL('../../src/node/trace-command.ts', import.meta.url));
  const trace = (...args: readonly string[]): { readonly status: number | null; readonly stdout: string } =>
    spawnSync(process.execPath, ['--conditions=source', '--import', 'tsx', command, ...args], { encoding: 'utf8' });

  test('writes the trace of a story and nothing else', () => {
    const { status, stdout } = trace('--story', fileURLToPath(new URL('one-command.rscn', stories)));

    assert.equal(status, 0);
    assert.equal(
      stdout,
      tell('one-command.rscn')
        .map((line) => `${line}\n`)
        .join(''),
    );
  });

  test('says how it is used', () => {
    assert.equal(trace().status, 2);
  });
});
