// etcd's promises about watches under chance: ordered, unique, reliable, atomic, resumable; and progress that is true.
// A naive model knows all events ever made and follows what each watcher is told.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WatchCreateRequest, WatchEvent, WatchResponse, WatchSink, WatchStream } from '@kontiki/kv';
import { type Draw, drawFrom } from '@kontiki/kv/testing';
import { WatchHub } from '../../src/watch-hub.ts';
import { seed } from '../seed.ts';
import { inShort, ScriptedHistory, type Write, watch } from './scripted-history.ts';

/** What a client knows of one watch, and what it must be told next. */
class WatchModel {
  readonly #history: ScriptedHistory;
  readonly #request: WatchCreateRequest;
  /** The first revision not yet seen whole. */
  next: number;
  /** Events of the revision at hand that a fragment still owes. */
  #owed: WatchEvent[] = [];
  #isBetweenFragments = false;
  end: 'running' | 'canceled' | { readonly compacted: number } = 'running';

  constructor(history: ScriptedHistory, request: WatchCreateRequest, createdAt: number) {
    this.#history = history;
    this.#request = request;
    this.next = request.startRevision === 0 ? createdAt + 1 : request.startRevision;
  }

  got(response: WatchResponse): void {
    assert.equal(this.end, 'running', `${inShort(response)} comes after the end`);
    switch (response.kind) {
      case 'events':
        assert.ok(response.events.length > 0, 'a response without events');
        for (const event of response.events) this.#gotEvent(event);
        if (!response.fragment) assert.deepEqual(this.#owed, [], `revision ${this.next - 1} is torn`);
        this.#isBetweenFragments = response.fragment;
        return;
      case 'progress':
        assert.ok(!this.#isBetweenFragments, 'progress between fragments');
        assert.ok(response.revision >= this.#request.startRevision, 'progress below the start');
        assert.equal(this.#nextConcerned(response.revision), undefined, `progress ${response.revision} is ahead`);
        return;
      case 'canceled':
        assert.deepEqual(this.#owed, [], 'canceled within a revision');
        if (response.compactRevision > 0) {
          assert.ok(this.next < response.compactRevision, 'canceled though nothing was lost');
          assert.ok(response.compactRevision <= this.#history.compactRevision);
          this.end = { compacted: response.compactRevision };
        } else this.end = 'canceled';
        return;
      default:
        assert.fail(inShort(response));
    }
  }

  checkComplete(): void {
    assert.equal(this.#nextConcerned(this.#history.revision), undefined, 'an event was never told');
    assert.deepEqual(this.#owed, []);
  }

  #gotEvent(event: WatchEvent): void {
    if (this.#owed.length === 0) {
      const revision = this.#nextConcerned(this.#history.revision);
      assert.ok(revision !== undefined, `revision ${event.modRevision} was told already, or is not wanted`);
      this.#owed = this.#wanted(revision);
      this.next = revision + 1;
    }
    assert.equal(this.#owed.shift(), event, 'the events of a revision, in their order, each once');
  }

  /** The next revision, up to `limit`, of which something must be told. */
  #nextConcerned(limit: number): number | undefined {
    for (let revision = Math.max(2, this.next); revision <= limit; revision++) {
      if (this.#wanted(revision).length > 0) return revision;
    }
    return undefined;
  }

  #wanted(revision: number): WatchEvent[] {
    const { key, rangeEnd, filters } = this.#request;
    const holds = (other: string): boolean =>
      rangeEnd === '' ? other === key : other >= key && (rangeEnd === '\0' || other < rangeEnd);
    const passes = (event: WatchEvent): boolean => !filters.includes(event.type === 'put' ? 'noPut' : 'noDelete');
    return (this.#history.revisions[revision - 2]?.events ?? []).filter((event) => holds(event.key) && passes(event));
  }
}

/** A client with one stream that reads as fast as chance lets it. */
class Client implements WatchSink {
  readonly #history: ScriptedHistory;
  readonly #draw: Draw;
  readonly stream: WatchStream;
  readonly models = new Map<number, WatchModel>();
  readonly #asked: WatchCreateRequest[] = [];
  isFull = false;
  isSlow: boolean;

  constructor(history: ScriptedHistory, hub: WatchHub, draw: Draw) {
    this.#history = history;
    this.#draw = draw;
    this.isSlow = draw.oneIn(2);
    this.stream = hub.openStream(this, { progressTicks: 5 + draw.below(10) });
  }

  create(request: WatchCreateRequest): void {
    this.#asked.push(request);
    this.stream.create(request);
  }

  resume(): void {
    this.isFull = false;
    this.stream.resume();
  }

  send(response: WatchResponse): boolean {
    assert.ok(!this.isFull, 'a full sink was sent something');
    if (response.kind === 'created') {
      const request = this.#asked.shift();
      assert.ok(request !== undefined && !this.models.has(response.watchId));
      this.models.set(response.watchId, new WatchModel(this.#history, request, response.revision));
    } else if (response.kind === 'progress' && response.watchId === -1) {
      for (const model of this.models.values()) if (model.end === 'running') model.got(response);
    } else {
      const model = this.models.get(response.watchId);
      assert.ok(model !== undefined, `${inShort(response)} comes before created`);
      model.got(response);
    }
    this.isFull = this.isSlow && this.#draw.oneIn(3);
    return !this.isFull;
  }
}

function run(runSeed: number): { readonly compactedAway: number; readonly events: number } {
  const draw = drawFrom(runSeed);
  const history = new ScriptedHistory();
  const hub = new WatchHub(history, { fragmentBytes: 60 + draw.below(200) });
  const clients: Client[] = [];
  const key = (): string => String.fromCharCode(97 + draw.below(8));
  const writes = (): Write[] =>
    Array.from({ length: 1 + draw.below(draw.oneIn(4) ? 9 : 2) }, () => [
      draw.oneIn(3) ? 'delete' : 'put',
      key(),
      1 + draw.below(60),
    ]);
  const batch = (): Write[][] => Array.from({ length: 1 + draw.below(4) }, writes);
  const start = (): number => {
    if (draw.oneIn(3)) return 0;
    if (draw.oneIn(4)) return history.revision + 1 + draw.below(6);
    return Math.max(1, history.revision - draw.below(30));
  };
  const oneRunning = (client: Client): number | undefined =>
    [...client.models].filter(([, model]) => model.end === 'running')[draw.below(4)]?.[0];
  let compactedAway = 0;

  for (let step = 0; step < 600; step++) {
    if (clients.length === 0 || (clients.length < 5 && draw.oneIn(30))) clients.push(new Client(history, hub, draw));
    const client = clients[draw.below(clients.length)];
    assert.ok(client !== undefined);
    switch (draw.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        history.apply(batch());
        break;
      case 4: {
        const from = key();
        const to = key();
        const rangeEnd = draw.oneIn(2) ? '' : from < to ? to : '\0';
        const filters = (['noPut', 'noDelete'] as const).filter(() => draw.oneIn(6));
        const [fragment, progressNotify] = [draw.oneIn(2), draw.oneIn(2)];
        client.create(watch(from, { rangeEnd, startRevision: start(), filters, fragment, progressNotify }));
        break;
      }
      case 5:
        if (draw.oneIn(4)) client.stream.cancel(oneRunning(client) ?? 99);
        break;
      case 6:
        client.stream.requestProgress();
        break;
      case 7:
      case 8:
        hub.syncWatchers(1 + draw.below(300));
        break;
      case 9:
        client.resume();
        break;
      case 10:
        hub.advance(draw.below(8));
        break;
      case 11:
        if (draw.oneIn(4)) {
          const compact = Math.max(history.compactRevision, history.revision - draw.below(12));
          if (draw.oneIn(3)) history.restore(batch(), compact);
          else history.compact(compact);
        } else if (draw.oneIn(12)) {
          client.stream.close();
          clients.splice(clients.indexOf(client), 1);
        }
        break;
    }
    // Resumable: whoever is canceled by compaction goes on from the revision it was told.
    for (const each of clients) {
      for (const [id, model] of each.models) {
        if (model.end === 'running') continue;
        each.models.delete(id);
        if (typeof model.end === 'object') {
          compactedAway += 1;
          each.create(watch(key(), { startRevision: model.end.compacted }));
        }
      }
    }
  }

  for (const client of clients) {
    client.isSlow = false;
    client.resume();
  }
  for (let passes = 0; hub.syncWatchers(200); passes++) assert.ok(passes < 10_000, 'watchers never catch up');
  for (const client of clients) {
    for (const model of client.models.values()) if (model.end === 'running') model.checkComplete();
  }
  assert.equal(hub.counts().unsynced, 0);
  for (const client of clients) client.stream.close();
  assert.deepEqual(hub.counts(), { streams: 0, watchers: 0, unsynced: 0 });
  return { compactedAway, events: history.revision };
}

test(`watches keep their promises under chance (seed ${seed})`, () => {
  let compactedAway = 0;
  for (let at = 0; at < 25; at++) {
    try {
      compactedAway += run(seed + at).compactedAway;
    } catch (error) {
      throw new Error(`run ${seed + at} of seed ${seed}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
  assert.ok(compactedAway > 5, `only ${compactedAway} watchers were overtaken by compaction`);
});
