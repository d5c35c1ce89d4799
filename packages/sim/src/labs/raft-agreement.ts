// Lab 2B of 6.824, 3B of 6.5840: agreement, and what it may cost.

import { claim, electionTimeoutMs, LabError, type RaftLab } from './raft-lab.ts';
import { raftTest } from './raft-test.ts';
import type { LabTest } from './suite.ts';
import type { Body } from './threads.ts';

const part = { mit6824: '2B', mit65840: '3B' };

export const agreementTests: readonly LabTest[] = [
  raftTest({ name: 'BasicAgree', title: 'basic agreement', part, peers: 3, body: basicAgree }),
  raftTest({ name: 'RPCBytes', title: 'RPC byte count', part, peers: 3, body: rpcBytes }),
  raftTest({
    name: 'FollowerFailure',
    title: 'progressive failure of followers',
    part,
    peers: 3,
    body: followerFailure,
  }),
  raftTest({ name: 'LeaderFailure', title: 'failure of leaders', part, peers: 3, body: leaderFailure }),
  raftTest({ name: 'FailAgree', title: 'agreement after follower reconnects', part, peers: 3, body: failAgree }),
  raftTest({
    name: 'FailNoAgree',
    title: 'no agreement if too many followers disconnect',
    part,
    peers: 5,
    body: failNoAgree,
  }),
  raftTest({ name: 'ConcurrentStarts', title: 'concurrent starts', part, peers: 3, body: concurrentStarts }),
  raftTest({ name: 'Rejoin', title: 'rejoin of partitioned leader', part, peers: 3, body: rejoin }),
  raftTest({
    name: 'Backup',
    title: 'leader backs up quickly over incorrect follower logs',
    part,
    peers: 5,
    body: backup,
  }),
  raftTest({ name: 'Count', title: "RPC counts aren't too high", part, peers: 3, body: count }),
];

function* basicAgree(lab: RaftLab): Body {
  for (let index = 1; index <= 3; index++) {
    claim(lab.nCommitted(index).count === 0, () => `something is committed at ${index} before anything was started`);
    const at = yield* lab.one(index * 100, lab.size, false);
    claim(at === index, () => `agreed on index ${at}, expected ${index}`);
  }
}

/** Each command goes to each peer once. */
function* rpcBytes(lab: RaftLab): Body {
  yield* lab.one(99, lab.size, false);
  const before = lab.bytesTotal;
  let sent = 0;
  for (let index = 2; index < 12; index++) {
    const command = randomText(lab, 5000);
    const at = yield* lab.one(command, lab.size, false);
    claim(at === index, () => `agreed on index ${at}, expected ${index}`);
    sent += command.length;
  }
  const cost = lab.bytesTotal - before;
  const most = lab.size * sent + 50_000;
  claim(cost <= most, () => `${cost} bytes of RPCs, at most ${most} are allowed`);
}

/** The others agree when the one next to the leader by so many places is cut off. */
function* agreeWithoutOne(lab: RaftLab, next: number): Body {
  yield* lab.one(101, lab.size, false);
  const leader = yield* lab.checkOneLeader();
  lab.disconnect(leader + next);
  yield* lab.one(102, lab.size - 1, false);
  yield* lab.c.sleep(electionTimeoutMs);
  yield* lab.one(103, lab.size - 1, false);
}

function* followerFailure(lab: RaftLab): Body {
  yield* agreeWithoutOne(lab, 1);
  const leader = yield* lab.checkOneLeader();
  lab.disconnect(leader + 1);
  lab.disconnect(leader + 2);
  const { index, isLeader } = lab.start(leader, '104');
  claim(isLeader, () => 'the leader refused a command');
  claim(index === 4, () => `the command stands at ${index}, expected 4`);
  yield* lab.c.sleep(2 * electionTimeoutMs);
  const { count } = lab.nCommitted(index);
  claim(count === 0, () => `${count} servers committed without a majority`);
}

function* leaderFailure(lab: RaftLab): Body {
  yield* agreeWithoutOne(lab, 0);
  const second = yield* lab.checkOneLeader();
  lab.disconnect(second);
  for (const at of lab.cluster.everybody) lab.start(at, '104');
  yield* lab.c.sleep(2 * electionTimeoutMs);
  const { count } = lab.nCommitted(4);
  claim(count === 0, () => `${count} servers committed without a majority`);
}

function* failAgree(lab: RaftLab): Body {
  yield* lab.one(101, lab.size, false);
  const leader = yield* lab.checkOneLeader();
  lab.disconnect(leader + 1);
  yield* lab.one(102, lab.size - 1, false);
  yield* lab.one(103, lab.size - 1, false);
  yield* lab.c.sleep(electionTimeoutMs);
  yield* lab.one(104, lab.size - 1, false);
  yield* lab.one(105, lab.size - 1, false);
  lab.connect(leader + 1);
  yield* lab.one(106, lab.size, true);
  yield* lab.c.sleep(electionTimeoutMs);
  yield* lab.one(107, lab.size, true);
}

function* failNoAgree(lab: RaftLab): Body {
  yield* lab.one(10, lab.size, false);
  const leader = yield* lab.checkOneLeader();
  for (const next of [1, 2, 3]) lab.disconnect(leader + next);
  const started = lab.start(leader, '20');
  claim(started.isLeader, () => 'the leader refused a command');
  claim(started.index === 2, () => `the command stands at ${started.index}, expected 2`);
  yield* lab.c.sleep(2 * electionTimeoutMs);
  const { count } = lab.nCommitted(2);
  claim(count === 0, () => `${count} servers committed without a majority`);

  for (const next of [1, 2, 3]) lab.connect(leader + next);
  // Those who were cut off may have chosen another leader, who does not know of the command.
  const second = yield* lab.checkOneLeader();
  const again = lab.start(second, '30');
  claim(again.isLeader, () => 'the second leader refused a command');
  claim(again.index === 2 || again.index === 3, () => `the command stands at ${again.index}, expected 2 or 3`);
  yield* lab.one(1000, lab.size, true);
}

function* concurrentStarts(lab: RaftLab): Body {
  for (let tries = 0; tries < 5; tries++) {
    if (tries > 0) yield* lab.c.sleep(3000);
    if (yield* startTogether(lab)) return;
  }
  throw new LabError('the term changed too often');
}

/** Answers whether all of it happened in one term. */
function* startTogether(lab: RaftLab): Body<boolean> {
  const leader = yield* lab.checkOneLeader();
  const { term, isLeader } = lab.start(leader, '1');
  if (!isLeader) return false;
  const starters = Array.from({ length: 5 }, (_, at) =>
    lab.c.spawn(function* () {
      yield* lab.c.pause();
      const started = lab.start(leader, String(100 + at));
      return started.isLeader && started.term === term ? started.index : 0;
    }),
  );
  const indexes = (yield* lab.c.joinAll(starters)).filter((index) => index > 0);
  if (lab.cluster.everybody.some((at) => lab.server(at).getState().term !== term)) return false;
  const found: string[] = [];
  for (const index of indexes) {
    const value = yield* lab.wait(index, lab.size, term);
    if (value === undefined) return false;
    found.push(value);
  }
  for (let at = 0; at < 5; at++)
    claim(found.includes(String(100 + at)), () => `command ${100 + at} is missing in ${found.join(', ')}`);
  return true;
}

function* rejoin(lab: RaftLab): Body {
  yield* lab.one(101, lab.size, true);
  const first = yield* lab.checkOneLeader();
  lab.disconnect(first);
  for (const value of ['102', '103', '104']) lab.start(first, value);
  yield* lab.one(103, 2, true);

  const second = yield* lab.checkOneLeader();
  lab.disconnect(second);
  lab.connect(first);
  yield* lab.one(104, 2, true);
  lab.connect(second);
  yield* lab.one(105, lab.size, true);
}

function* backup(lab: RaftLab): Body {
  const value = (): string => String(lab.below(1_000_000_000));
  yield* lab.one(value(), lab.size, true);

  const first = yield* lab.checkOneLeader();
  for (const next of [2, 3, 4]) lab.disconnect(first + next);
  for (let at = 0; at < 50; at++) lab.start(first, value());
  yield* lab.c.sleep(electionTimeoutMs / 2);
  for (const next of [0, 1]) lab.disconnect(first + next);
  for (const next of [2, 3, 4]) lab.connect(first + next);
  for (let at = 0; at < 50; at++) yield* lab.one(value(), 3, true);

  const second = yield* lab.checkOneLeader();
  const after = (first + 2) % lab.size;
  const other = second === after ? (second + 1) % lab.size : after;
  lab.disconnect(other);
  for (let at = 0; at < 50; at++) lab.start(second, value());
  yield* lab.c.sleep(electionTimeoutMs / 2);
  for (const at of lab.cluster.everybody) lab.disconnect(at);
  for (const at of [first, first + 1, other]) lab.connect(at);
  for (let at = 0; at < 50; at++) yield* lab.one(value(), 3, true);

  for (const at of lab.cluster.everybody) lab.connect(at);
  yield* lab.one(value(), lab.size, true);
}

function* count(lab: RaftLab): Body {
  const rpcs = (): number => lab.cluster.everybody.reduce((sum, at) => sum + lab.rpcCount(at), 0);
  let leader = yield* lab.checkOneLeader();
  const forElection = rpcs();
  // Who asks first asks each of the others once more.
  const mostForElection = 30 + (lab.isPreVoting ? lab.size - 1 : 0);
  claim(
    forElection >= 1 && forElection <= mostForElection,
    () => `${forElection} RPCs to elect a leader, at most ${mostForElection} are allowed`,
  );

  let isCounted = false;
  for (let tries = 0; tries < 5 && !isCounted; tries++) {
    if (tries > 0) {
      yield* lab.c.sleep(3000);
      leader = yield* lab.checkOneLeader();
    }
    isCounted = yield* countAgreement(lab, leader, rpcs);
  }
  claim(isCounted, () => 'the term changed too often');

  const before = rpcs();
  yield* lab.c.sleep(electionTimeoutMs);
  const idle = rpcs() - before;
  claim(idle <= lab.size * 20, () => `${idle} RPCs in a second without work, at most ${lab.size * 20} are allowed`);
}

/** Answers whether all of it happened in one term. */
function* countAgreement(lab: RaftLab, leader: number, rpcs: () => number): Body<boolean> {
  const before = rpcs();
  const commands = 10;
  const { index: first, term, isLeader } = lab.start(leader, '1');
  if (!isLeader) return false;
  const values: string[] = [];
  for (let at = 1; at < commands + 2; at++) {
    const value = String(lab.below(1_000_000_000));
    values.push(value);
    const started = lab.start(leader, value);
    if (started.term !== term || !started.isLeader) return false;
    claim(first + at === started.index, () => `the command stands at ${started.index}, expected ${first + at}`);
  }
  for (let at = 1; at < commands + 1; at++) {
    const value = yield* lab.wait(first + at, lab.size, term);
    if (value === undefined) return false;
    claim(value === values[at - 1], () => `at ${first + at} stands ${value}, expected ${values[at - 1]}`);
  }
  if (lab.cluster.everybody.some((at) => lab.server(at).getState().term !== term)) return false;
  const cost = rpcs() - before;
  const most = (commands + 1 + 3) * 3;
  claim(cost <= most, () => `${cost} RPCs for ${commands + 2} commands, at most ${most} are allowed`);
  return true;
}

function randomText(lab: RaftLab, length: number): string {
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_';
  let text = '';
  for (let at = 0; at < length; at++) text += letters[lab.below(letters.length)];
  return text;
}
