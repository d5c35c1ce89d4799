// The tests of 6.5840's single server that ask what it keeps in memory. `heap` answers the bytes that are in use after a full
// collection; measuring is the platform's affair. The labs' limits are Go's. They hold here as they are, but for one
// thing: where the labs look at the whole heap of the process, which in V8 holds the compiler's work as well, these look at
// how much it has grown since the server stood empty.
//
// Texts of these tests have one byte for each character in V8 as well as in Go.

import type { Body } from '../threads.ts';
import { type AppendAnswer, AppendMachine, type AppendRequest } from './append-machine.ts';
import { AppendClerk, VersionedClerk } from './clerks.ts';
import type { Ground } from './ground.ts';
import { callsTo, serve } from './single-server.ts';
import { type VersionedAnswer, VersionedMachine, type VersionedRequest } from './versioned-machine.ts';

/** Bytes in use, of everything that can be reached. */
export type Heap = () => number;

const mebibyte = 1024 * 1024;
const largeBytes = 10 * mebibyte;
const manyClients = 100_000;
/** What a server may keep of a client that has put: a line in a table. */
const putBytesMax = 200;
/** What it may keep of one that has only got: nothing, so this allows for the noise of measuring. */
const getBytesMax = 10;

/** A large value that two clients have read, and that was then overwritten, is gone. */
export function* largeGet(ground: Ground, heap: Heap): Body<number> {
  const [one, other] = appendClerks(ground, 2);
  const before = heap();
  yield* one.put('k', large(ground));
  for (const clerk of [one, other]) checkLength(yield* clerk.get('k'), largeBytes);
  yield* one.put('k', '0');
  checkGrowth(before, heap(), largeBytes - 1);
  return 4;
}

/** A large value that another client has overwritten is gone. */
export function* largePut(ground: Ground, heap: Heap): Body<number> {
  const [one, other] = appendClerks(ground, 2);
  const before = heap();
  yield* one.put('k', large(ground));
  yield* other.put('k', '');
  checkGrowth(before, heap(), largeBytes - 1);
  return 2;
}

/** Two large values appended to each other, and the first of them once more: the answer to the second append. */
export function* largeAppend(ground: Ground, heap: Heap): Body<number> {
  const [one, other] = appendClerks(ground, 2);
  const before = heap();
  yield* one.append('k', large(ground));
  yield* other.append('k', large(ground));
  // The labs count whole mebibytes.
  checkGrowth(before, heap(), 3 * largeBytes + mebibyte - 1);
  checkLength(yield* one.get('k'), 2 * largeBytes);
  return 3;
}

/** A hundred thousand clients put once each. */
export function* manyPuts(ground: Ground, heap: Heap): Body<number> {
  const clerks = appendClerks(ground, manyClients);
  const value = textOf(ground, 1000);
  yield* clerks[0].put('k', value);
  const before = heap();
  for (const clerk of clerks) yield* clerk.put('k', value);
  checkGrowth(before, heap(), manyClients * putBytesMax);
  return manyClients;
}

/** A hundred thousand clients get once each. */
export function* manyGets(ground: Ground, heap: Heap): Body<number> {
  const clerks = appendClerks(ground, manyClients);
  yield* clerks[0].put('k', '');
  yield* clerks[0].get('k');
  const before = heap();
  for (const clerk of clerks) yield* clerk.get('k');
  checkGrowth(before, heap(), manyClients * getBytesMax);
  return manyClients;
}

/** A hundred thousand clients put once each, each over the version of the one before. */
export function* manyVersionedPuts(ground: Ground, heap: Heap): Body<number> {
  const { threads, network } = ground;
  serve(network, new VersionedMachine(ground.rules));
  const clerks = Array.from(
    { length: manyClients },
    () => new VersionedClerk(callsTo<VersionedRequest, VersionedAnswer>(threads, network, 'clients')),
  );
  const value = textOf(ground, 1000);
  const before = heap();
  for (const [version, clerk] of clerks.entries()) {
    const outcome = yield* clerk.put('k', value, version);
    if (outcome !== 'ok') throw new Error(`put k at ${version}: ${outcome}`);
  }
  checkGrowth(before, heap(), manyClients * putBytesMax);
  return manyClients;
}

type AtLeastTwo<T> = readonly [T, T, ...T[]];

/** They share the chances of one link: those of links are kept, and would be counted. */
function appendClerks({ threads, network }: Ground, count: number): AtLeastTwo<AppendClerk> {
  serve(network, new AppendMachine({ tellsBefore: true }));
  const newClerk = (client: number): AppendClerk =>
    new AppendClerk(client, callsTo<AppendRequest, AppendAnswer>(threads, network, 'clients'));
  return [newClerk(0), newClerk(1), ...Array.from({ length: count - 2 }, (_, more) => newClerk(more + 2))];
}

function large(ground: Ground): string {
  return textOf(ground, largeBytes);
}

/** Letters that do not repeat soon. */
function textOf({ chance }: Ground, length: number): string {
  const letters = Array.from({ length: 1024 }, () => String.fromCharCode(97 + chance.below(26))).join('');
  return letters.repeat(Math.ceil(length / letters.length)).slice(0, length);
}

function checkLength(text: string, length: number): void {
  if (text.length !== length) throw new Error(`${text.length} characters, not ${length}`);
}

function checkGrowth(before: number, after: number, most: number): void {
  const grown = after - before;
  if (grown > most) throw new Error(`the heap has grown by ${grown} bytes, not at most ${most}`);
}
