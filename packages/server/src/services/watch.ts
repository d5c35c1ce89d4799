// etcdserverpb.Watch: many watchers on one stream. The state machine decides what each is told and when; here requests are
// read, responses encoded, and a client that reads slowly is felt by its watchers as back-pressure.

import { type WatchCreateRequest as CreateMessage, Watch, WatchRequestSchema } from '@kontiki/etcd-proto';
import type { Call, RequestListener, ResponseStream, Service } from '@kontiki/grpc';
import { keyOfBytes, type WatchCreateRequest, type WatchResponse, type WatchSink, type WatchStream } from '@kontiki/kv';
import { clampInt64 } from '@kontiki/member';
import type { ServiceContext } from './context.ts';
import { Drain } from './drain.ts';
import { readMessage, serviceOf } from './method.ts';
import { encodeWatchResponse } from './watch-responses.ts';

export function watchService(context: ServiceContext): Service {
  return serviceOf(Watch, {
    Watch: { kind: 'bidi', open: (call, responses) => new WatchConnection(context, call, responses) },
  });
}

/** What a watcher takes as long as it lives, with what the heap has to spare for it. */
const watcherBytes = 1024;

class WatchConnection implements RequestListener, WatchSink {
  readonly #context: ServiceContext;
  readonly #call: Call;
  readonly #responses: ResponseStream;
  /** Once the client has fallen behind. */
  #drain: Drain | undefined;
  #waitsForRoom = false;
  readonly #stream: WatchStream;
  /** Watchers that came, less those that went, and are not counted yet. */
  #uncounted = 0;

  constructor(context: ServiceContext, call: Call, responses: ResponseStream) {
    this.#context = context;
    this.#call = call;
    this.#responses = responses;
    this.#stream = context.member.watch(this);
  }

  /** Waits for a client that does not read: its requests have answers, and those are not piled up. */
  message(bytes: Uint8Array): void | Promise<void> {
    this.#obey(bytes);
    this.#count();
    return this.#drain?.wanted();
  }

  /** As in etcd, a client that sends no more is still told everything. */
  halfClose(): void {}

  closed(): void {
    this.#stream.close();
    this.#drain?.release();
  }

  #obey(bytes: Uint8Array): void {
    const { requestUnion } = readMessage(WatchRequestSchema, bytes);
    switch (requestUnion.case) {
      case 'createRequest': {
        const watchId = safeId(requestUnion.value.watchId);
        if (watchId === undefined) this.#refuse('kontiki: a watch_id must lie within 2^53 of zero');
        else this.#stream.create(createRequest(requestUnion.value, watchId));
        return;
      }
      case 'cancelRequest': {
        const watchId = safeId(requestUnion.value.watchId);
        if (watchId !== undefined) this.#stream.cancel(watchId);
        return;
      }
      case 'progressRequest':
        this.#stream.requestProgress();
        return;
      case undefined:
        // etcd passes over what it does not know, and the stream lives on.
        return;
    }
  }

  /** Whoever has too many loses the stream by it. */
  #count(): void {
    const watchers = this.#uncounted;
    this.#uncounted = 0;
    if (watchers !== 0) this.#call.hold(watchers * watcherBytes);
  }

  #refuse(reason: string): void {
    this.send({ kind: 'refused', watchId: -1, revision: this.#context.member.store.revision, reason });
  }

  /** Of the watchers. What they missed is made for a client that has read most of what it was sent before. */
  takesHistory(): boolean {
    if (this.#waitsForRoom) return false;
    const room = this.#call.room(0);
    if (room === undefined) return true;
    this.#waitsForRoom = true;
    void room.then(() => {
      this.#waitsForRoom = false;
      // Otherwise what is full goes on by itself.
      if (this.#drain?.wanted() === undefined) this.#stream.resume();
    });
    return false;
  }

  /** Of the watchers: `false` until the client has read. */
  send(response: WatchResponse): boolean {
    if (response.kind === 'created') this.#uncounted += 1;
    else if (response.kind === 'canceled') this.#uncounted -= 1;
    const header = this.#context.headers.encoded(response.revision);
    const wantsMore = this.#responses.write(encodeWatchResponse(response, header));
    if (wantsMore) return true;
    this.#drain ??= new Drain(this.#responses, () => this.#stream.resume());
    this.#drain.fill();
    return false;
  }
}

function safeId(id: bigint): number | undefined {
  const number = Number(id);
  return Number.isSafeInteger(number) ? number : undefined;
}

const filterNames = ['noPut', 'noDelete'] as const;

function createRequest(message: CreateMessage, watchId: number): WatchCreateRequest {
  return {
    key: keyOfBytes(message.key),
    rangeEnd: keyOfBytes(message.rangeEnd),
    startRevision: clampInt64(message.startRevision),
    watchId,
    prevKv: message.prevKv,
    fragment: message.fragment,
    progressNotify: message.progressNotify,
    filters: message.filters.map((filter) => filterNames[filter]).filter((filter) => filter !== undefined),
  };
}
