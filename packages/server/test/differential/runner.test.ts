/** The runner sees a wrong status, and watch events that are lost, doubled, late in order or made up; no etcd is needed. */

import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { create, type DescMessage, type DescMethodUnary, type MessageShape } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import {
  type Event,
  EventSchema,
  KV,
  PutRequestSchema,
  PutResponseSchema,
  WatchCreateRequestSchema,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
} from '@kontiki/etcd-proto';
import type { Discrepancy } from './compare.ts';
import { Coverage } from './coverage.ts';
import { Differences } from './differences.ts';
import { Identities } from './identities.ts';
import { Model } from './model.ts';
import { Runner } from './runner.ts';
import type { Outcome, Side } from './side.ts';
import { type Step, unaryCall } from './steps.ts';
import { WatchStream } from './watch-stream.ts';

const header = { clusterId: 1n, memberId: 2n, raftTerm: 3n };
const key = Buffer.from('a');
const put: Step = { kind: 'call', at: 0, call: unaryCall(KV.method.put, create(PutRequestSchema, { key })) };
const openStream: Step = { kind: 'openStream', at: 0, stream: 1 };
const watch: Step = { kind: 'watch', stream: 1, create: create(WatchCreateRequestSchema, { key }) };
const closeStream: Step = { kind: 'closeStream', stream: 1 };

/** A store of one key that can be put and watched, with a fault at choice. */
class ScriptedSide implements Side {
  readonly name = 'scripted';
  readonly #fault: Fault;
  readonly #streams: ScriptedStream[] = [];
  #revision = 1n;

  constructor(fault: Fault = {}) {
    this.#fault = fault;
  }

  endpoint(): number {
    return 0;
  }

  call<I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>): Promise<Outcome<MessageShape<O>>> {
    if (this.#fault.status !== undefined) return Promise.resolve({ kind: 'error', status: this.#fault.status });
    this.#revision += 1n;
    const event = create(EventSchema, {
      kv: { key, modRevision: this.#revision, createRevision: 2n, version: this.#revision },
    });
    for (const stream of this.#streams) stream.tell(event, this.#revision, this.#fault);
    const reply = create(PutResponseSchema, { header: { ...header, revision: this.#revision } });
    // Only KV.Put is called here, and PutResponse is its output.
    assert.equal(method.output.typeName, PutResponseSchema.typeName);
    return Promise.resolve({ kind: 'ok', message: reply as unknown as MessageShape<O> });
  }

  callRaw(): Promise<Outcome<Uint8Array>> {
    return Promise.resolve({ kind: 'error', status: this.#fault.status ?? 'Internal: nothing here' });
  }

  keepAlive(): Promise<readonly []> {
    return Promise.resolve([]);
  }

  openWatch(_at: number, options = { isRecorded: false }): WatchStream {
    const stream = new ScriptedStream(this.#revision);
    this.#streams.push(stream);
    return new WatchStream(stream.call, options);
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }
}

interface Fault {
  readonly status?: string;
  /** What becomes of the responses that carry one event. */
  readonly events?: (responses: readonly WatchResponse[]) => readonly WatchResponse[];
}

class ScriptedStream {
  readonly call: ClientDuplexStream<WatchRequest, WatchResponse>;
  #isWatching = false;

  constructor(revision: bigint) {
    const duplex = new Duplex({
      objectMode: true,
      read: () => undefined,
      write: (_request, _encoding, done) => {
        this.#isWatching = true;
        duplex.push(create(WatchResponseSchema, { header: { ...header, revision }, created: true }));
        done();
      },
    });
    const cancel = (): void => {
      this.#isWatching = false;
    };
    // The part of a gRPC call that a WatchStream uses.
    this.call = Object.assign(duplex, { cancel }) as unknown as ClientDuplexStream<WatchRequest, WatchResponse>;
  }

  tell(event: Event, revision: bigint, fault: Fault): void {
    if (!this.#isWatching) return;
    const response = create(WatchResponseSchema, { header: { ...header, revision }, events: [event] });
    for (const each of fault.events?.([response]) ?? [response]) this.call.push(each);
  }
}

async function play(fault: Fault, steps: readonly Step[]): Promise<readonly Discrepancy[]> {
  const runner = new Runner(
    { reference: new ScriptedSide(), target: new ScriptedSide(fault), answerSecondsMax: 0.3 },
    { identities: new Identities(), differences: Differences.none, coverage: new Coverage() },
    new Model(),
  );
  const found: Discrepancy[] = [];
  for (const step of steps) found.push(...(await runner.run(step)));
  return [...found, ...(await runner.finish())];
}

const watched = [openStream, watch, put, put, put, closeStream];

test('two sides that answer alike are equal', async () => {
  assert.deepEqual(await play({}, watched), []);
});

test('an error in place of an answer is seen', async () => {
  const [found] = await play({ status: 'InvalidArgument: etcdserver: key is not provided' }, [put]);
  assert.deepEqual(found, {
    path: 'status etcdserverpb.KV/Put',
    reference: 'OK',
    target: 'InvalidArgument: etcdserver: key is not provided',
  });
});

test('another code or another text is seen', async () => {
  const raw: Step = { kind: 'raw', at: 0, path: '/x', bytes: new Uint8Array() };
  assert.equal((await play({}, [raw])).length, 0);
  for (const status of ['Unknown: nothing here', 'Internal: nothing here!']) {
    assert.equal((await play({ status }, [raw])).length, 1, status);
  }
});

const faults: readonly (readonly [claim: string, events: NonNullable<Fault['events']>])[] = [
  ['a lost event', () => []],
  ['a doubled event', ([response]) => (response === undefined ? [] : [response, response])],
  [
    'an event of another key',
    (responses) =>
      responses.map((response) => ({ ...response, events: [create(EventSchema, { kv: { key: Buffer.from('b') } })] })),
  ],
  ['a response on another id', (responses) => responses.map((response) => ({ ...response, watchId: 7n }))],
  ['a cancel that nobody asked for', (responses) => responses.map((response) => ({ ...response, canceled: true }))],
  [
    'a response that nobody asked for',
    (responses) => [...responses, create(WatchResponseSchema, { header, watchId: -1n })],
  ],
];

for (const [claim, events] of faults) {
  test(`${claim} is seen`, async () => {
    assert.notEqual((await play({ events }, watched)).length, 0);
  });
}

test('events in another order are seen', async () => {
  let held: WatchResponse | undefined;
  const swap = ([response]: readonly WatchResponse[]): readonly WatchResponse[] => {
    if (response === undefined) return [];
    if (held === undefined) {
      held = response;
      return [];
    }
    const both = [response, held];
    held = undefined;
    return both;
  };
  assert.notEqual((await play({ events: swap }, [openStream, watch, put, put, closeStream])).length, 0);
});
