// A store and its twin, driven side by side by one seed.

import assert from 'node:assert/strict';
import type { Operation, WatchEvent } from '@kontiki/kv';
import { isReadOnly } from '@kontiki/kv';
import { drawFrom } from '@kontiki/kv/testing';
import { everything, hashOf, install, Machine, rowCount } from './machine.ts';
import { type PlainResult, plain, plainPair } from './plain.ts';
import { RequestDraw } from './requests.ts';
import { type PlainEvent, Twin } from './twin.ts';

const stepsPerRun = 150;

/** One random run: operations, reads, flushes, scrubs, hashes; crashes and snapshots where allowed. */
export function playAgainstTwin(
  runSeed: number,
  allowed: { readonly crash: boolean; readonly install: boolean },
): void {
  const draw = drawFrom(runSeed);
  const requests = new RequestDraw(draw);
  const machine = new Machine();
  const twin = new Twin();
  const results: PlainResult[] = [];
  const where = `run seed ${runSeed}`;
  let told: WatchEvent[] = [];
  const listen = (): void =>
    machine.store.listen({
      applied: (revisions) => {
        told.push(...revisions.flatMap(({ events }) => events));
      },
      compacted: () => {},
      restored: () => {},
    });
  listen();

  for (let step = 0; step < stepsPerRun; step++) {
    requests.revision = twin.revision;
    const dice = draw.below(100);
    if (dice < 40) {
      const operations: Operation[] = Array.from({ length: 1 + draw.below(4) }, () => requests.operation());
      const revisionBefore = twin.revision;
      const expected = operations.map((operation) => twin.apply(operation));
      told = [];
      const actual = machine.apply(...operations).map(plain);
      assert.deepEqual(actual, expected, where);
      assert.deepEqual(
        told.map(plainEvent),
        twin.events
          .slice(revisionBefore + 1)
          .flat()
          .map(bareEvent),
        where,
      );
      results.push(...expected);
    } else if (dice < 60) {
      const request = requests.range();
      assert.deepEqual(plain(machine.store.range(request)), twin.range(request), where);
    } else if (dice < 65) {
      const request = requests.readOnlyTxn();
      assert(isReadOnly(request));
      assert.deepEqual(plain(machine.store.readTxn(request)), twin.apply(request), where);
    } else if (dice < 75) {
      machine.store.flush({ rows: draw.below(20), bytes: 10_000 }, assert.ifError);
    } else if (dice < 85) {
      machine.run(1 + draw.below(3));
    } else if (dice < 90) {
      machine.store.scrub(1 + draw.below(12));
    } else if (dice < 94 && allowed.crash) {
      const durable = machine.store.durable.index;
      machine.crash(draw.below(3));
      assert(machine.store.position.index >= durable, 'what was called durable survives');
      const from = machine.store.position.index;
      assert.deepEqual(machine.replay().map(plain), results.slice(from), `${where}: replay from ${from}`);
      listen();
    } else if (dice < 96 && allowed.install) {
      install(machine, machine);
    } else {
      const replica = new Machine();
      replica.log.push(...machine.log);
      replica.replay();
      const revision = Math.max(0, twin.revision - draw.below(8));
      assert.deepEqual(hashOf(machine.store, revision), hashOf(replica.store, revision), where);
    }
    checkState(machine, twin, where);
  }
  checkHistory(machine, twin, where);
}

function checkState({ store }: Machine, twin: Twin, where: string): void {
  assert.equal(store.revision, twin.revision, where);
  assert.equal(store.compactRevision, twin.compactRevision, where);
  const leases = [...twin.leases].map(([id, ttl]) => ({ id, ttl })).sort((l, r) => (l.id < r.id ? -1 : 1));
  assert.deepEqual(store.leases(), leases, where);
  for (const { id } of leases) {
    assert.deepEqual(new Set(store.lease(id)?.keys), new Set(twin.keysOf(id)), `${where}: keys of lease ${id}`);
  }
}

function checkHistory(machine: Machine, twin: Twin, where: string): void {
  const { store } = machine;
  const oldest = Math.max(0, twin.compactRevision);
  for (let from = oldest; from <= twin.revision + 1; from++) {
    const read = store.eventsFrom(from, everything);
    assert(read.kind === 'events');
    // Of the compacted revision itself, all writes are kept.
    const expected = twin.events.slice(Math.max(from, 2)).flat();
    const events = read.revisions.flatMap(({ events }) => events);
    assert.deepEqual(events.map(plainEvent), expected.map(bareEvent), `${where}: events from ${from}`);
    for (const [at, event] of events.entries()) checkPrevKv(event, expected[at], twin, where);
    assert.equal(read.next, twin.revision + 1);
  }
  if (oldest > 1) {
    assert.deepEqual(store.eventsFrom(oldest - 1, everything), { kind: 'compacted', compactRevision: oldest });
  }
  machine.scrub();
  const before = hashOf(store, 0);
  const rows = store.eventsFrom(0, everything);
  machine.flush();
  assert.equal(rowCount(machine), twin.rowCount(), `${where}: rows left by the scrub`);
  machine.crash();
  assert.deepEqual(hashOf(machine.store, 0), before, `${where}: hash after a crash`);
  assert.deepEqual(plainEvents(machine.store.eventsFrom(0, everything)), plainEvents(rows), where);
}

/** prev_kv has only what is not compacted. */
function checkPrevKv(event: WatchEvent, expected: PlainEvent | undefined, twin: Twin, where: string): void {
  const known = expected?.before !== undefined && event.modRevision - 1 >= twin.compactRevision;
  assert.equal(event.encodedWithPrevKv().length > event.encoded.length, known, `${where}: prev_kv of ${event.key}`);
}

function plainEvents(read: ReturnType<Machine['store']['eventsFrom']>): unknown {
  return read.kind === 'events' ? read.revisions.flatMap(({ events }) => events).map(plainEvent) : read;
}

/** A put's event ends with its pair: type is left out, the tag and a one-byte length go before it. */
function plainEvent(event: WatchEvent): unknown {
  const pair = event.type === 'put' ? plainPair(event.encoded.subarray(event.encoded.length > 129 ? 3 : 2)) : undefined;
  return { type: event.type, key: event.key, revision: event.modRevision, pair };
}

function bareEvent({ type, key, revision, pair }: PlainEvent): unknown {
  return { type, key, revision, pair };
}
