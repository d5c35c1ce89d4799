// What the replicated stores of both courses are held to alike. What a put says beside key and value is the course's own.

import { claim } from '../raft-lab.ts';
import type { Body } from '../threads.ts';
import type { KvGroup } from './kv-group.ts';

/** The labs' heartbeat of 100 ms, by three. */
const msPerOperation = 100 / 3;
/** In bytes, before a snapshot is taken. */
export const logBytesMax = 1000;

/** A client that is the first to put to each of its keys. */
export interface FirstClient {
  put(key: string, value: string): Body;
  expect(key: string, value: string): Body;
}

/** So many operations, one after the other, took less than a third of a heartbeat each. */
export function checkSpeed(operations: number, tookMs: number): void {
  const ms = tookMs / operations;
  claim(ms <= msPerOperation, () => `an operation takes ${ms} ms, more than ${msPerOperation}`);
}

/** Eight hundred operations on one key have left a small log and a small snapshot. */
export function checkSizes<Request, Answer>(group: KvGroup<Request, Answer>, tookMs: number): void {
  group.checkLog(8 * logBytesMax);
  group.checkSnapshot(500);
  claim(tookMs < 20_000, () => `800 operations took ${tookMs} ms`);
}

/** A server that was away gets a snapshot, since the log it needs is gone, and serves with it. */
export function* snapshotRpc<Request, Answer>(
  group: KvGroup<Request, Answer>,
  clientOf: (name: string, servers: readonly number[]) => FirstClient,
): Body {
  const { threads, cluster, everybody } = group;
  const client = clientOf('checker', everybody);
  yield* client.put('a', 'A');
  yield* client.expect('a', 'A');

  cluster.partition([[0, 1], [2]]);
  const first = clientOf('first', [0, 1]);
  for (let key = 0; key < 50; key += 1) yield* first.put(`${key}`, `${key}`);
  yield* threads.sleep(1000);
  yield* first.put('b', 'B');
  group.checkLog(8 * logBytesMax);

  cluster.partition([[0, 2], [1]]);
  const second = clientOf('second', [0, 2]);
  yield* second.put('c', 'C');
  yield* second.put('d', 'D');
  yield* second.expect('a', 'A');
  yield* second.expect('b', 'B');
  yield* second.expect('1', '1');
  yield* second.expect('49', '49');

  cluster.partition([[0, 1, 2]]);
  yield* client.put('e', 'E');
  yield* client.expect('c', 'C');
  yield* client.expect('e', 'E');
  yield* client.expect('1', '1');
}
