/**
 * Sends each step to both sides, has what comes back compared, and keeps the model. Requests go one after the other; the
 * two sides answer at the same time. Watches have their own file, watch-book.ts.
 */

import { create, isMessage, type Message } from '@bufbuild/protobuf';
import {
  CompactionRequestSchema,
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
} from '@kontiki/etcd-proto';
import type { Discrepancy } from './compare.ts';
import { type Grounds, Judge } from './judge.ts';
import { fromKeyOn } from './keys.ts';
import type { Model } from './model.ts';
import type { Outcome, Side } from './side.ts';
import { settleTies, settleTiesInTxn } from './sort-ties.ts';
import { type Step, type TranscriptName, type UnaryCall, unaryCall } from './steps.ts';
import { type Sides, StreamPair } from './stream-pair.ts';
import { summarize, transcriptOf } from './transcripts.ts';
import { WatchBook } from './watch-book.ts';

const expirySecondsMax = 30;
const stepsBetweenSyncs = 20;

export class Runner {
  readonly #sides: Sides;
  readonly #grounds: Grounds;
  readonly #model: Model;
  readonly #judge: Judge;
  readonly #watches: WatchBook;
  #sinceSync = 0;

  constructor(sides: Sides, grounds: Grounds, model: Model) {
    this.#sides = sides;
    this.#grounds = grounds;
    this.#model = model;
    this.#judge = new Judge(grounds);
    this.#watches = new WatchBook(sides, model, this.#judge, grounds.coverage);
  }

  /** What the two sides do not agree on, after this step. */
  async run(step: Step): Promise<readonly Discrepancy[]> {
    await this.#execute(step);
    this.#sinceSync += 1;
    if (this.#sinceSync >= stepsBetweenSyncs) {
      this.#sinceSync = 0;
      await this.#watches.sync();
    }
    return this.#judge.take();
  }

  /** The last comparison; afterwards all streams are closed. */
  async finish(): Promise<readonly Discrepancy[]> {
    await this.#watches.sync();
    this.#watches.closeAll();
    return this.#judge.take();
  }

  async #execute(step: Step): Promise<void> {
    switch (step.kind) {
      case 'call':
        if (step.call.isCompaction) await this.#fence();
        return this.#call(step.call, step.at);
      case 'raw':
        return this.#raw(step.path, step.bytes, step.at);
      case 'keepAlive':
        return this.#keepAlive(step.leases, step.at);
      case 'openStream':
        return this.#watches.open(step.stream, step.at);
      case 'closeStream':
        return this.#watches.close(step.stream);
      case 'watch':
        return this.#watches.create(step.stream, step.create);
      case 'cancel':
        return this.#watches.cancel(step.stream, step.watchId);
      case 'progress':
        await this.#fence();
        return this.#watches.progress(step.stream);
      case 'emptyWatchRequest':
        return this.#watches.sendNothing(step.stream);
      case 'awaitExpiry':
        return this.#awaitExpiry(step.lease, step.at);
      case 'transcript':
        return this.#transcript(step.name, step.at);
    }
  }

  async #fence(): Promise<void> {
    if (this.#watches.needsFreshRevision) {
      await this.#call(unaryCall(KV.method.put, create(PutRequestSchema, { key: Buffer.from('fence') })), 0);
    }
    await this.#watches.fence();
  }

  #call(call: UnaryCall, at: number): Promise<void> {
    return call.accept(async (method, request) => {
      const { reference, target } = this.#sides;
      this.#grounds.coverage.sawMessage(method.input, request);
      const [left, right] = await Promise.all([reference.call(method, request, at), target.call(method, request, at)]);
      if (left.kind === 'ok') this.#learn(request, left.message);
      if (left.kind === 'error' || right.kind === 'error') {
        this.#judge.compareStatus(call.rpc, statusOf(left), statusOf(right));
        return;
      }
      for (const message of [left.message, right.message]) settleSortTies(request, message);
      this.#bindLease(request, left.message, right.message);
      this.#judge.compareReplies(method.output, left.message, right.message, target.endpoint(at));
    });
  }

  /** Each side chose an id for a lease that came without one. */
  #bindLease(request: Message, left: Message, right: Message): void {
    if (!isMessage(request, LeaseGrantRequestSchema) || request.ID !== 0n) return;
    if (!isMessage(left, LeaseGrantResponseSchema) || !isMessage(right, LeaseGrantResponseSchema)) return;
    if (this.#grounds.identities.bindLease(left.ID, right.ID)) return;
    this.#judge.report('LeaseGrantResponse.ID', `${left.ID}`, `${right.ID}, not a fresh id`);
  }

  async #raw(path: string, bytes: Uint8Array, at: number): Promise<void> {
    const { reference, target } = this.#sides;
    const outcomes = await Promise.all([reference.callRaw(path, bytes, at), target.callRaw(path, bytes, at)]);
    this.#judge.compareStatus(path.slice(1), statusOf(outcomes[0]), statusOf(outcomes[1]));
  }

  async #keepAlive(leases: readonly bigint[], at: number): Promise<void> {
    const { reference, target } = this.#sides;
    const rpc = `${Lease.typeName}/${Lease.method.leaseKeepAlive.name}`;
    const [left, right] = await Promise.all([reference.keepAlive(leases, at), target.keepAlive(leases, at)]);
    for (const [index, ID] of leases.entries()) {
      this.#grounds.coverage.sawMessage(LeaseKeepAliveRequestSchema, create(LeaseKeepAliveRequestSchema, { ID }));
      const [one, other] = [left[index], right[index]];
      if (one?.kind === 'ok' && other?.kind === 'ok') {
        this.#judge.compareReplies(LeaseKeepAliveResponseSchema, one.message, other.message, target.endpoint(at));
      } else {
        this.#judge.compareStatus(rpc, statusOf(one), statusOf(other));
      }
    }
  }

  /** Both let go of the lease at moments of their own; afterwards both have the same revision again. */
  async #awaitExpiry(lease: bigint, at: number): Promise<void> {
    const { reference, target } = this.#sides;
    const [left, right] = await Promise.all([expiryOf(lease, reference, at), expiryOf(lease, target, at)]);
    this.#model.forgetLease(lease);
    if (left !== 'expired' || right !== 'expired') this.#judge.report(`expiry of lease ${lease}`, left, right);
    const read = create(RangeRequestSchema, { key: fromKeyOn, rangeEnd: fromKeyOn, countOnly: true });
    await this.#call(unaryCall(KV.method.range, read), at);
  }

  async #transcript(name: TranscriptName, at: number): Promise<void> {
    const { coverage } = this.#grounds;
    const transcript = transcriptOf(name, this.#model);
    await this.#sides.target.settle(at);
    const pair = new StreamPair(this.#sides, at, { isRecorded: true });
    const creates = transcript.requests.filter(({ requestUnion }) => requestUnion.case === 'createRequest').length;
    for (const request of transcript.requests) pair.send(request, coverage);
    for (let made = 0; made < creates; made += 1) await pair.nextCreated();
    if (transcript.afterCancel !== undefined) {
      await pair.waitUntil((side) => side.transcript.some((response) => response.canceled));
      for (const request of transcript.afterCancel) pair.send(request, coverage);
    }
    if (transcript.call !== undefined) await this.#call(transcript.call, at);
    await pair.waitUntil((side) => transcript.isOver(side.transcript));
    this.#judge.compareTranscripts(name, ...pair.ask((side) => summarize(side.transcript)));
    pair.close();
  }

  #learn(request: Message, reply: Message): void {
    const model = this.#model;
    const header = 'header' in reply && isMessage(reply.header, ResponseHeaderSchema) ? reply.header : undefined;
    if (header !== undefined && header.revision > model.revision) model.revision = header.revision;
    if (isMessage(request, CompactionRequestSchema)) model.compactRevision = request.revision;
    if (isMessage(reply, LeaseGrantResponseSchema)) model.leases.add(reply.ID);
    if (isMessage(request, LeaseRevokeRequestSchema)) model.forgetLease(request.ID);
  }
}

function settleSortTies(request: Message, reply: Message): void {
  if (isMessage(request, RangeRequestSchema) && isMessage(reply, RangeResponseSchema)) settleTies(request, reply);
  if (isMessage(request, TxnRequestSchema) && isMessage(reply, TxnResponseSchema)) settleTiesInTxn(request, reply);
}

/** `expired`, or what came instead. */
async function expiryOf(lease: bigint, side: Side, at: number): Promise<string> {
  const request = create(LeaseTimeToLiveRequestSchema, { ID: lease });
  const deadline = Date.now() + expirySecondsMax * 1000;
  for (;;) {
    const outcome = await side.call(Lease.method.leaseTimeToLive, request, at);
    if (outcome.kind === 'error') return outcome.status;
    if (outcome.message.TTL < 0n) return 'expired';
    if (Date.now() > deadline) return `${outcome.message.TTL} s left`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function statusOf(outcome: Outcome<unknown> | undefined): string {
  if (outcome === undefined) return 'no answer';
  return outcome.kind === 'ok' ? 'OK' : outcome.status;
}
