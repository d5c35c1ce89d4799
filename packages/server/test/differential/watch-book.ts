/**
 * All watch streams of a run. Events arrive when they like, so the tool keeps its own record of what happened on the
 * reference and knows how many events every watcher is owed; `sync` waits until both sides have delivered them, and
 * compares. Late, missing, doubled and extra events are all seen, without a pause anywhere.
 *
 * A watcher that starts in the past may be owed nothing, and so nothing tells when it has caught up; until then a
 * compaction would cancel it. A `fence` tells: a watcher made after it, in the same store, that is owed one event.
 */

import { create } from '@bufbuild/protobuf';
import { type WatchCreateRequest, WatchRequestSchema } from '@kontiki/etcd-proto';
import type { Coverage } from './coverage.ts';
import type { Judge } from './judge.ts';
import { fromKeyOn } from './keys.ts';
import type { Model, ModelStream } from './model.ts';
import { type Sides, StreamPair } from './stream-pair.ts';
import { summarize } from './transcripts.ts';
import type { WatchStream } from './watch-stream.ts';

/** A stream that is open on both sides. */
interface OpenStream {
  readonly pair: StreamPair;
  readonly model: ModelStream;
}

export class WatchBook {
  readonly #sides: Sides;
  readonly #model: Model;
  readonly #judge: Judge;
  readonly #coverage: Coverage;
  readonly #pairs = new Map<number, StreamPair>();
  /** Watches every key of the reference from its first revision. */
  readonly #recorder: WatchStream;
  /** Members of the target at which watchers may still be catching up. */
  readonly #catchingUp = new Set<number>();

  constructor(sides: Sides, model: Model, judge: Judge, coverage: Coverage) {
    this.#sides = sides;
    this.#model = model;
    this.#judge = judge;
    this.#coverage = coverage;
    this.#recorder = sides.reference.openWatch(0, { isRecorded: true });
    const everything = { key: fromKeyOn, rangeEnd: fromKeyOn, startRevision: 1n };
    this.#recorder.send(create(WatchRequestSchema, { requestUnion: { case: 'createRequest', value: everything } }));
  }

  open(stream: number, at: number): void {
    this.#pairs.set(stream, new StreamPair(this.#sides, at));
    this.#model.streams.set(stream, { at, watchers: new Map(), compacted: new Set() });
  }

  async close(stream: number): Promise<void> {
    await this.sync();
    this.#pairs.get(stream)?.close();
    this.#pairs.delete(stream);
    this.#model.streams.delete(stream);
  }

  async create(number: number, request: WatchCreateRequest): Promise<void> {
    const stream = await this.#settled(number);
    if (stream === undefined) return;
    const { pair, model } = stream;
    pair.send({ requestUnion: { case: 'createRequest', value: request } }, this.#coverage);
    const [left, right] = await pair.nextCreated();
    if (left === undefined || right === undefined) {
      this.#judge.report('watch create', answered(left), answered(right));
      return;
    }
    this.#judge.comparePairs([left], [right], true, this.#endpoint(model));
    if (left.canceled) return;
    const watcher = this.#model.addWatcher(model, left.watchId, request);
    // Compacted: the cancel follows by itself.
    if (watcher === undefined) await this.#awaitCancel(stream, left.watchId);
    else if (!watcher.isSynced) this.#catchingUp.add(this.#endpoint(model));
  }

  async cancel(number: number, watchId: bigint): Promise<void> {
    const stream = await this.#settled(number);
    if (stream === undefined) return;
    stream.pair.send({ requestUnion: { case: 'cancelRequest', value: { watchId } } }, this.#coverage);
    if (stream.model.watchers.delete(watchId)) await this.#awaitCancel(stream, watchId);
  }

  async progress(number: number): Promise<void> {
    const stream = await this.#settled(number);
    if (stream === undefined) return;
    stream.pair.send({ requestUnion: { case: 'progressRequest', value: {} } }, this.#coverage);
    await stream.pair.waitUntil((side) => side.log(-1n).responses.length > 0);
    this.#compareLogs(stream, -1n, true);
  }

  /** A request without content, which nothing answers. */
  async sendNothing(number: number): Promise<void> {
    const stream = await this.#settled(number);
    stream?.pair.send({}, this.#coverage);
  }

  /** Waits until every watcher on both sides has what it is owed, and compares all that came. */
  async sync(): Promise<void> {
    await this.#recordHistory();
    for (const [number, model] of this.#model.streams) {
      const pair = this.#pairs.get(number);
      if (pair === undefined) continue;
      for (const watcher of model.watchers.values()) {
        const delivered = await pair.waitUntil((side) => side.log(watcher.id).events >= watcher.expected);
        this.#compareLogs({ pair, model }, watcher.id, watcher.isSynced);
        const [reference, target] = pair.ask((side) => side.log(watcher.id).events);
        if (!delivered.includes(false) && reference === target && reference === watcher.expected) continue;
        const path = `events of watch ${watcher.id} on stream ${number}, which is owed ${watcher.expected}`;
        this.#judge.report(path, `${reference}`, `${target}`);
        model.watchers.delete(watcher.id);
      }
      const failures = pair.ask((side) => side.failure ?? 'open');
      if (failures.some((failure) => failure !== 'open')) this.#judge.report(`stream ${number}`, ...failures);
      // Also what came for ids that nobody watches any more, or never did.
      for (const id of pair.ask((side) => side.watchIds).flat()) {
        if (!model.watchers.has(id)) this.#compareLogs({ pair, model }, id, true);
      }
    }
  }

  /** Afterwards every watcher has caught up. The newest revision must not be compacted: see `needsFreshRevision`. */
  async fence(): Promise<void> {
    const newest = { key: fromKeyOn, rangeEnd: fromKeyOn, startRevision: this.#model.revision };
    for (const at of this.#catchingUp) {
      await this.#sides.target.settle(at);
      const fences = new StreamPair(this.#sides, at);
      fences.send({ requestUnion: { case: 'createRequest', value: newest } }, this.#coverage);
      const passed = await fences.waitUntil((side) => side.log(0n).events > 0);
      fences.close();
      if (passed.includes(false)) {
        const [left, right] = passed.map((came) => (came ? 'an event' : 'nothing'));
        this.#judge.report(`watch from revision ${newest.startRevision}`, left ?? '', right ?? '');
      }
    }
    this.#catchingUp.clear();
    await this.sync();
  }

  /** A fence is due, but the events of the newest revision may be compacted already. */
  get needsFreshRevision(): boolean {
    return this.#catchingUp.size > 0 && this.#model.revision <= this.#model.compactRevision;
  }

  closeAll(): void {
    for (const pair of this.#pairs.values()) pair.close();
    this.#recorder.close();
  }

  /** The stream, once nothing is on its way on it and its member knows all that was acknowledged. */
  async #settled(number: number): Promise<OpenStream | undefined> {
    const [pair, model] = [this.#pairs.get(number), this.#model.streams.get(number)];
    if (pair === undefined || model === undefined) return undefined;
    await this.sync();
    await this.#sides.target.settle(model.at);
    return { pair, model };
  }

  async #awaitCancel(stream: OpenStream, watchId: bigint): Promise<void> {
    const cameIn = await stream.pair.waitUntil((side) => side.log(watchId).responses.some(({ canceled }) => canceled));
    if (cameIn.includes(false)) {
      const [left, right] = cameIn.map((came) => (came ? 'canceled' : 'nothing'));
      this.#judge.report(`watch ${watchId}`, left ?? '', right ?? '');
    }
    this.#compareLogs(stream, watchId, true);
  }

  async #recordHistory(): Promise<void> {
    const newest = (): bigint => {
      const last = this.#recorder.transcript.findLast(({ events }) => events.length > 0)?.events.at(-1);
      return (last ?? this.#model.history.at(-1))?.kv?.modRevision ?? 0n;
    };
    // Revision 1 is the empty store.
    const isComplete = (): boolean => this.#model.revision === 1n || newest() >= this.#model.revision;
    if (!(await this.#recorder.waitUntil(isComplete, this.#sides.answerSecondsMax))) {
      throw new Error(`the reference's own events end at ${newest()}, but its revision is ${this.#model.revision}`);
    }
    this.#model.addEvents(this.#recorder.transcript.splice(0).flatMap(({ events }) => events));
  }

  #compareLogs({ pair, model }: OpenStream, watchId: bigint, isSynced: boolean): void {
    const [left, right] = pair.ask((side) => side.log(watchId).responses);
    this.#judge.comparePairs(left, right, isSynced, this.#endpoint(model));
    if (left.length === right.length) return;
    this.#judge.report(`answers on watch ${watchId} without a partner`, summarize(left), summarize(right));
    left.length = 0;
    right.length = 0;
  }

  #endpoint(stream: ModelStream): number {
    return this.#sides.target.endpoint(stream.at);
  }
}

function answered(response: unknown): string {
  return response === undefined ? 'nothing' : 'an answer';
}
