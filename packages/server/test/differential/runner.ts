/**
 * Sends each step to both sides, compares what comes back, and keeps the model. Requests go one after the other; the two
 * sides answer at the same time.
 *
 * Watch events arrive when they like. The tool keeps its own record of all that happened on the reference, so it knows
 * how many events every watcher is owed; before anything that would change a watcher's fate (create, cancel, compaction)
 * and every few requests, it waits until both sides have delivered them, and compares. Late, missing, doubled and extra
 * events are all seen, without a pause anywhere. A watcher that starts in the past may be owed nothing, and so nothing
 * tells when it has caught up; until then a compaction would cancel it. A fence tells: a watcher made after it, in the same
 * store, that is owed one event.
 */

import { create, isMessage, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import {
  CompactionRequestSchema,
  type Event,
  KV,
  Lease,
  LeaseGrantRequestSchema,
  LeaseGrantResponseSchema,
  LeaseKeepAliveRequestSchema,
  LeaseKeepAliveResponseSchema,
  LeaseRevokeRequestSchema,
  LeaseTimeToLiveRequestSchema,
  PutRequestSchema,
  RangeRequestSchema,
  RangeResponseSchema,
  ResponseHeaderSchema,
  TxnRequestSchema,
  TxnResponseSchema,
  type WatchCreateRequest,
  WatchRequestSchema,
  type WatchResponse,
  WatchResponseSchema,
} from '@kontiki/etcd-proto';
import { type CompareContext, compareMessages, type Discrepancy } from './compare.ts';
import type { Coverage } from './coverage.ts';
import type { Differences } from './differences.ts';
import type { Identities } from './identities.ts';
import { fromKeyOn } from './keys.ts';
import type { Model, ModelStream } from './model.ts';
import type { Outcome, Side } from './side.ts';
import { settleTies, settleTiesInTxn } from './sort-ties.ts';
import { type Step, type TranscriptName, type UnaryCall, unaryCall } from './steps.ts';
import { summarize, transcriptOf } from './transcripts.ts';
import { comparePairs } from './watch-compare.ts';
import type { WatchLog, WatchStream } from './watch-stream.ts';

export interface Sides {
  readonly reference: Side;
  readonly target: Side;
  readonly identities: Identities;
  readonly differences: Differences;
  readonly coverage: Coverage;
  readonly model: Model;
  /** How long an answer on a stream may take. */
  readonly answerSecondsMax: number;
}

interface StreamPair {
  readonly reference: WatchStream;
  readonly target: WatchStream;
}

const expirySecondsMax = 30;
const stepsBetweenSyncs = 20;

export class Runner {
  readonly #sides: Sides;
  readonly #streams = new Map<number, StreamPair>();
  /** Watches every key of the reference from its first revision. */
  readonly #recorder: WatchStream;
  /** Members of the target at which watchers may still be catching up. */
  readonly #catchingUp = new Set<number>();
  #sinceSync = 0;
  #found: Discrepancy[] = [];

  constructor(sides: Sides) {
    this.#sides = sides;
    this.#recorder = sides.reference.openWatch(0, { isRecorded: true });
    const everything = { key: fromKeyOn, rangeEnd: fromKeyOn, startRevision: 1n };
    this.#recorder.send(create(WatchRequestSchema, { requestUnion: { case: 'createRequest', value: everything } }));
  }

  /** What the two sides do not agree on, after this step. */
  async run(step: Step): Promise<readonly Discrepancy[]> {
    this.#found = [];
    await this.#execute(step);
    this.#sinceSync += 1;
    if (this.#sinceSync >= stepsBetweenSyncs) await this.#sync();
    return this.#found;
  }

  /** The last comparison; afterwards all streams are closed. */
  async finish(): Promise<readonly Discrepancy[]> {
    this.#found = [];
    await this.#sync();
    for (const { reference, target } of this.#streams.values()) {
      reference.close();
      target.close();
    }
    this.#recorder.close();
    return this.#found;
  }

  async #execute(step: Step): Promise<void> {
    switch (step.kind) {
      case 'call':
        if (step.call.isCompaction) await this.#fence();
        return this.#call(step.call, step.at);
      case 'raw': {
        const { reference, target } = this.#sides;
        const [left, right] = await Promise.all([
          reference.callRaw(step.path, step.bytes, step.at),
          target.callRaw(step.path, step.bytes, step.at),
        ]);
        this.#compareStatus(step.path.slice(1), statusOf(left), statusOf(right));
        return;
      }
      case 'keepAlive':
        return this.#keepAlive(step.leases, step.at);
      case 'openStream':
        this.#streams.set(step.stream, {
          reference: this.#sides.reference.openWatch(step.at),
          target: this.#sides.target.openWatch(step.at),
        });
        this.#sides.model.streams.set(step.stream, { at: step.at, watchers: new Map(), compacted: new Set() });
        return;
      case 'closeStream':
        await this.#sync();
        this.#streams.get(step.stream)?.reference.close();
        this.#streams.get(step.stream)?.target.close();
        this.#streams.delete(step.stream);
        this.#sides.model.streams.delete(step.stream);
        return;
      case 'watch':
      case 'cancel':
      case 'progress':
      case 'emptyWatchRequest': {
        const pair = this.#streams.get(step.stream);
        const stream = this.#sides.model.streams.get(step.stream);
        if (pair === undefined || stream === undefined) return;
        if (step.kind === 'progress') await this.#fence();
        await this.#sync();
        await this.#sides.target.settle(stream.at);
        if (step.kind === 'watch') return this.#watch(pair, stream, step.create);
        if (step.kind === 'cancel') return this.#cancel(pair, stream, step.watchId);
        if (step.kind === 'progress') return this.#progress(pair, stream);
        this.#send(pair, {});
        return;
      }
      case 'awaitExpiry':
        return this.#awaitExpiry(step.lease, step.at);
      case 'transcript':
        return this.#transcript(step.name, step.at);
    }
  }

  #call(call: UnaryCall, at: number): Promise<void> {
    return call.accept(async (method, request) => {
      const { reference, target, coverage, identities } = this.#sides;
      coverage.sawMessage(method.input, request);
      const [left, right] = await Promise.all([reference.call(method, request, at), target.call(method, request, at)]);
      if (left.kind === 'ok') this.#learn(request, left.message);
      if (left.kind === 'error' || right.kind === 'error') {
        this.#compareStatus(call.rpc, statusOf(left), statusOf(right));
        return;
      }
      for (const message of [left.message, right.message]) settleSortTies(request, message);
      if (isMessage(request, LeaseGrantRequestSchema) && request.ID === 0n) {
        const ids = [left.message, right.message].map((message) =>
          isMessage(message, LeaseGrantResponseSchema) ? message.ID : 0n,
        );
        if (!identities.bindLease(ids[0] ?? 0n, ids[1] ?? 0n)) {
          this.#report([
            { path: 'LeaseGrantResponse.ID', reference: String(ids[0]), target: `${ids[1]}, not a fresh id` },
          ]);
        }
      }
      coverage.sawMessage(method.output, left.message);
      this.#report(compareMessages(method.output, left.message, right.message, this.#context(at)));
    });
  }

  async #keepAlive(leases: readonly bigint[], at: number): Promise<void> {
    const { reference, target, coverage } = this.#sides;
    const [left, right] = await Promise.all([reference.keepAlive(leases, at), target.keepAlive(leases, at)]);
    for (const [index, ID] of leases.entries()) {
      coverage.sawMessage(LeaseKeepAliveRequestSchema, create(LeaseKeepAliveRequestSchema, { ID }));
      const [one, other] = [left[index], right[index]];
      if (one?.kind === 'ok' && other?.kind === 'ok') {
        coverage.sawMessage(LeaseKeepAliveResponseSchema, one.message);
        this.#report(compareMessages(LeaseKeepAliveResponseSchema, one.message, other.message, this.#context(at)));
      } else {
        const rpc = `${Lease.typeName}/${Lease.method.leaseKeepAlive.name}`;
        this.#compareStatus(
          rpc,
          one === undefined ? 'no answer' : statusOf(one),
          other === undefined ? 'no answer' : statusOf(other),
        );
      }
    }
  }

  async #watch(pair: StreamPair, stream: ModelStream, request: WatchCreateRequest): Promise<void> {
    this.#send(pair, { requestUnion: { case: 'createRequest', value: request } });
    const [left, right] = await Promise.all(bothOf(pair).map((side) => side.nextCreated(this.#sides.answerSecondsMax)));
    if (left === undefined || right === undefined) {
      this.#report([{ path: 'watch create', reference: answered(left), target: answered(right) }]);
      return;
    }
    this.#compareResponses([left], [right], true, stream.at);
    if (left.canceled) return;
    const watcher = this.#sides.model.addWatcher(stream, left.watchId, request);
    // Compacted: the cancel follows by itself.
    if (watcher === undefined) await this.#awaitCancel(pair, stream, left.watchId);
    else if (!watcher.isSynced) this.#catchingUp.add(this.#sides.target.endpoint(stream.at));
  }

  async #cancel(pair: StreamPair, stream: ModelStream, watchId: bigint): Promise<void> {
    this.#send(pair, { requestUnion: { case: 'cancelRequest', value: { watchId } } });
    if (stream.watchers.delete(watchId)) await this.#awaitCancel(pair, stream, watchId);
  }

  async #awaitCancel(pair: StreamPair, stream: ModelStream, watchId: bigint): Promise<void> {
    const logs = bothOf(pair).map((side) => side.log(watchId));
    const cameIn = await Promise.all(
      bothOf(pair).map((side, index) => side.waitUntil(() => hasCancel(logs[index]), this.#sides.answerSecondsMax)),
    );
    if (cameIn.includes(false)) {
      const [reference, target] = cameIn.map((came) => (came ? 'canceled' : 'nothing'));
      this.#report([{ path: `watch ${watchId}`, reference: reference ?? '', target: target ?? '' }]);
    }
    this.#compareLogs(pair, stream, watchId, true);
  }

  async #progress(pair: StreamPair, stream: ModelStream): Promise<void> {
    this.#send(pair, { requestUnion: { case: 'progressRequest', value: {} } });
    await Promise.all(
      bothOf(pair).map((side) =>
        side.waitUntil(() => side.log(-1n).responses.length > 0, this.#sides.answerSecondsMax),
      ),
    );
    this.#compareLogs(pair, stream, -1n, true);
  }

  /** Both let go of the lease at moments of their own; afterwards both have the same revision again. */
  async #awaitExpiry(lease: bigint, at: number): Promise<void> {
    const { reference, target, model } = this.#sides;
    const request = create(LeaseTimeToLiveRequestSchema, { ID: lease });
    const deadline = Date.now() + expirySecondsMax * 1000;
    const waitFor = async (side: Side): Promise<string> => {
      for (;;) {
        const outcome = await side.call(Lease.method.leaseTimeToLive, request, at);
        if (outcome.kind === 'error') return outcome.status;
        if (outcome.message.TTL < 0n) return 'expired';
        if (Date.now() > deadline) return `${outcome.message.TTL} s left`;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const [left, right] = await Promise.all([waitFor(reference), waitFor(target)]);
    model.forgetLease(lease);
    if (left !== 'expired' || right !== 'expired') {
      this.#report([{ path: `expiry of lease ${lease}`, reference: left, target: right }]);
    }
    const read = unaryCall(
      KV.method.range,
      create(RangeRequestSchema, { key: fromKeyOn, rangeEnd: fromKeyOn, countOnly: true }),
    );
    await this.#call(read, at);
  }

  async #transcript(name: TranscriptName, at: number): Promise<void> {
    const { reference, target, model, differences } = this.#sides;
    const transcript = transcriptOf(name, model);
    await target.settle(at);
    const pair = {
      reference: reference.openWatch(at, { isRecorded: true }),
      target: target.openWatch(at, { isRecorded: true }),
    };
    const creates = transcript.requests.filter(({ requestUnion }) => requestUnion.case === 'createRequest').length;
    for (const request of transcript.requests) this.#send(pair, request);
    for (const side of bothOf(pair)) {
      for (let made = 0; made < creates; made += 1) await side.nextCreated(this.#sides.answerSecondsMax);
    }
    if (transcript.afterCancel !== undefined) {
      const isCanceled = (side: WatchStream): boolean => side.transcript.some((response) => response.canceled);
      await Promise.all(
        bothOf(pair).map((side) => side.waitUntil(() => isCanceled(side), this.#sides.answerSecondsMax)),
      );
      for (const request of transcript.afterCancel) this.#send(pair, request);
    }
    if (transcript.call !== undefined) await this.#call(transcript.call, at);
    await Promise.all(
      bothOf(pair).map((side) =>
        side.waitUntil(() => transcript.isOver(side.transcript), this.#sides.answerSecondsMax),
      ),
    );
    const [left, right] = bothOf(pair).map((side) => summarize(side.transcript));
    for (const side of bothOf(pair)) side.close();
    const listed = differences.transcript(name, left ?? '', right ?? '');
    if (!(listed ?? left === right)) {
      this.#report([{ path: `transcript ${name}`, reference: left ?? '', target: right ?? '' }]);
    }
  }

  /** Waits until every watcher on both sides has what it is owed, and compares all that came. */
  async #sync(): Promise<void> {
    this.#sinceSync = 0;
    await this.#recordHistory();
    for (const [number, stream] of this.#sides.model.streams) {
      const pair = this.#streams.get(number);
      if (pair === undefined) continue;
      for (const watcher of stream.watchers.values()) {
        const delivered = await Promise.all(
          bothOf(pair).map((side) =>
            side.waitUntil(() => side.log(watcher.id).events >= watcher.expected, this.#sides.answerSecondsMax),
          ),
        );
        this.#compareLogs(pair, stream, watcher.id, watcher.isSynced);
        const [reference, target] = bothOf(pair).map((side) => side.log(watcher.id).events);
        if (delivered.includes(false) || reference !== target || reference !== watcher.expected) {
          const path = `events of watch ${watcher.id} on stream ${number}, which is owed ${watcher.expected}`;
          this.#report([{ path, reference: `${reference}`, target: `${target}` }]);
          stream.watchers.delete(watcher.id);
        }
      }
      // Also what came for ids that nobody watches any more, or never did.
      for (const side of bothOf(pair)) {
        if (side.failure !== undefined)
          this.#report([{ path: `stream ${number}`, reference: 'open', target: side.failure }]);
        for (const id of side.watchIds) if (!stream.watchers.has(id)) this.#compareLogs(pair, stream, id, true);
      }
    }
  }

  /** Afterwards every watcher has caught up. */
  async #fence(): Promise<void> {
    const { reference, target, model } = this.#sides;
    if (this.#catchingUp.size > 0 && model.revision <= model.compactRevision) {
      // The event of the newest revision may be compacted already; here is one that is not.
      await this.#call(unaryCall(KV.method.put, create(PutRequestSchema, { key: Buffer.from('fence') })), 0);
    }
    const newest = { key: fromKeyOn, rangeEnd: fromKeyOn, startRevision: model.revision };
    for (const at of this.#catchingUp) {
      await target.settle(at);
      const fences = [reference.openWatch(at), target.openWatch(at)];
      const passed = await Promise.all(
        fences.map((fence) => {
          fence.send(create(WatchRequestSchema, { requestUnion: { case: 'createRequest', value: newest } }));
          return fence.waitUntil(() => fence.log(0n).events > 0, this.#sides.answerSecondsMax);
        }),
      );
      for (const fence of fences) fence.close();
      const [left, right] = passed.map((came) => (came ? 'an event' : 'nothing'));
      if (passed.includes(false)) {
        this.#report([{ path: `watch from revision ${model.revision}`, reference: left ?? '', target: right ?? '' }]);
      }
    }
    this.#catchingUp.clear();
    await this.#sync();
  }

  async #recordHistory(): Promise<void> {
    const { model } = this.#sides;
    const newest = (): bigint => newestRevision(this.#recorder.transcript) ?? newestRevision(model.history) ?? 1n;
    if (!(await this.#recorder.waitUntil(() => newest() >= model.revision, this.#sides.answerSecondsMax))) {
      throw new Error(`the reference's own events end at ${newest()}, but its revision is ${model.revision}`);
    }
    const responses = this.#recorder.transcript.splice(0);
    model.addEvents(responses.flatMap(({ events }) => events));
  }

  #compareLogs(pair: StreamPair, stream: ModelStream, watchId: bigint, isSynced: boolean): void {
    const [left, right] = bothOf(pair).map((side) => side.log(watchId).responses);
    if (left === undefined || right === undefined) return;
    this.#compareResponses(left, right, isSynced, stream.at);
    if (left.length === right.length) return;
    const path = `answers on watch ${watchId} without a partner`;
    this.#report([{ path, reference: summarize(left), target: summarize(right) }]);
    left.length = 0;
    right.length = 0;
  }

  #compareResponses(left: WatchResponse[], right: WatchResponse[], isSynced: boolean, at: number): void {
    for (const response of left) {
      this.#sides.coverage.sawMessage(WatchResponseSchema, response);
      if (response.cancelReason !== '') this.#sides.coverage.sawError(`Watch canceled: ${response.cancelReason}`);
    }
    this.#report(comparePairs(left, right, isSynced, this.#context(at)));
  }

  #compareStatus(rpc: string, reference: string, target: string): void {
    this.#sides.coverage.sawError(reference);
    if (this.#sides.differences.status(rpc, reference, target)) return;
    if (reference !== target) this.#report([{ path: `status ${rpc}`, reference, target }]);
  }

  #learn(request: Message, reply: Message): void {
    const { model } = this.#sides;
    const header = 'header' in reply && isMessage(reply.header, ResponseHeaderSchema) ? reply.header : undefined;
    if (header !== undefined && header.revision > model.revision) model.revision = header.revision;
    if (isMessage(request, CompactionRequestSchema)) model.compactRevision = request.revision;
    if (isMessage(reply, LeaseGrantResponseSchema)) model.leases.add(reply.ID);
    if (isMessage(request, LeaseRevokeRequestSchema)) model.forgetLease(request.ID);
  }

  #send(pair: StreamPair, request: MessageInitShape<typeof WatchRequestSchema>): void {
    const message = create(WatchRequestSchema, request);
    this.#sides.coverage.sawMessage(WatchRequestSchema, message);
    for (const side of bothOf(pair)) side.send(message);
  }

  #context(at: number): CompareContext {
    const { identities, differences, target } = this.#sides;
    return { identities, differences, endpoint: target.endpoint(at) };
  }

  #report(discrepancies: readonly Discrepancy[]): void {
    this.#found.push(...discrepancies);
  }
}

function settleSortTies(request: Message, reply: Message): void {
  if (isMessage(request, RangeRequestSchema) && isMessage(reply, RangeResponseSchema)) settleTies(request, reply);
  if (isMessage(request, TxnRequestSchema) && isMessage(reply, TxnResponseSchema)) settleTiesInTxn(request, reply);
}

function statusOf(outcome: Outcome<unknown>): string {
  return outcome.kind === 'ok' ? 'OK' : outcome.status;
}

function bothOf(pair: StreamPair): readonly [WatchStream, WatchStream] {
  return [pair.reference, pair.target];
}

function answered(response: WatchResponse | undefined): string {
  return response === undefined ? 'nothing' : 'an answer';
}

function hasCancel(log: WatchLog | undefined): boolean {
  return log?.responses.some((response) => response.canceled) ?? false;
}

function newestRevision(items: readonly (WatchResponse | Event)[]): bigint | undefined {
  const last = items.at(-1);
  if (last === undefined) return undefined;
  if (isMessage(last, WatchResponseSchema)) return last.events.at(-1)?.kv?.modRevision;
  return last.kv?.modRevision;
}
