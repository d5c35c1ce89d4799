// The same changes asked of one etcd and of one Kontiki: each refusal has etcd's status and text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import {
  MemberAddRequestSchema,
  MemberAddResponseSchema,
  MemberListRequestSchema,
  MemberListResponseSchema,
  MemberPromoteRequestSchema,
  MemberPromoteResponseSchema,
  MemberRemoveRequestSchema,
  MemberRemoveResponseSchema,
  MemberUpdateRequestSchema,
  MemberUpdateResponseSchema,
} from '@kontiki/etcd-proto';
import { startEtcd } from '../support/etcd-process.ts';
import { startKontiki } from '../support/kontiki-process.ts';
import { requirePart } from '../support/real-parts.ts';

class Asker {
  readonly #client: Client;
  readonly said: string[] = [];

  constructor(endpoint: string) {
    this.#client = new Client(endpoint, credentials.createInsecure());
  }

  async add(peerURLs: string[], isLearner = false): Promise<void> {
    const fields = { peerURLs, isLearner };
    await this.#say('MemberAdd', MemberAddRequestSchema, MemberAddResponseSchema, fields);
  }

  async remove(ID: bigint): Promise<void> {
    await this.#say('MemberRemove', MemberRemoveRequestSchema, MemberRemoveResponseSchema, { ID });
  }

  async update(ID: bigint, peerURLs: string[]): Promise<void> {
    await this.#say('MemberUpdate', MemberUpdateRequestSchema, MemberUpdateResponseSchema, { ID, peerURLs });
  }

  async promote(ID: bigint): Promise<void> {
    await this.#say('MemberPromote', MemberPromoteRequestSchema, MemberPromoteResponseSchema, { ID });
  }

  /** The one member that has started. */
  async self(): Promise<bigint> {
    const list = await this.#call('MemberList', MemberListRequestSchema, {});
    assert.ok(typeof list !== 'string', String(list));
    return fromBinary(MemberListResponseSchema, list).members.find(({ name }) => name !== '')?.ID ?? 0n;
  }

  close(): void {
    this.#client.close();
  }

  /** What came back: the refusal, or who the members are then. */
  async #say<Request extends DescMessage>(
    name: string,
    request: Request,
    response: DescMessage,
    fields: MessageInitShape<Request>,
  ): Promise<void> {
    const answer = await this.#call(name, request, fields);
    if (typeof answer === 'string') this.said.push(`${name}: ${answer}`);
    else {
      // All four answers hold the members; ids and ports are each server's own.
      const { members } = fromBinary(response, answer) as unknown as {
        readonly members: readonly { readonly name: string; readonly isLearner: boolean }[];
      };
      this.said.push(
        `${name}: ${members
          .map((one) => `${one.name}${one.isLearner ? ' learner' : ''}`)
          .sort()
          .join(', ')}`,
      );
    }
  }

  #call<Request extends DescMessage>(
    name: string,
    request: Request,
    fields: MessageInitShape<Request>,
  ): Promise<Uint8Array | string> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        `/etcdserverpb.Cluster/${name}`,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes: Buffer): Uint8Array => bytes,
        toBinary(request, create(request, fields)),
        { deadline: Date.now() + 15_000 },
        (error, bytes) => resolve(error === null && bytes !== undefined ? bytes : `${error?.code} ${error?.details}`),
      );
    });
  }
}

async function askAll(asker: Asker): Promise<readonly string[]> {
  const self = await asker.self();
  await asker.add(['127.0.0.1:1']);
  await asker.add([]);
  await asker.add(['http://127.0.0.1:1/path']);
  await asker.remove(5n);
  await asker.remove(self);
  await asker.promote(self);
  await asker.promote(5n);
  await asker.update(5n, ['http://x:1']);
  await asker.add(['http://127.0.0.1:9'], true);
  await asker.add(['http://127.0.0.1:8'], true);
  await asker.add(['http://127.0.0.1:9', 'http://127.0.0.1:7']);
  await asker.update(self, ['http://127.0.0.1:9']);
  await asker.add(['http://127.0.0.1:6']);
  // etcd's own majority is gone from here on: only what it refuses at once can be compared.
  await asker.add(['http://127.0.0.1:5']);
  return asker.said;
}

const part = requirePart('etcd');
test('each change that is refused is refused as etcd does', {
  skip: part.kind === 'absent' && part.reason,
}, async () => {
  assert.ok(part.kind === 'found');
  const [etcd, kontiki] = await Promise.all([startEtcd(part.path, 1), startKontiki(1)]);
  const askers = [etcd, kontiki].map(({ endpoints }) => new Asker(endpoints[0] ?? ''));
  try {
    const [expected, actual] = await Promise.all(askers.map(askAll));

    assert.deepEqual(actual, expected);
    assert.equal(expected?.filter((line) => line.includes('etcdserver: ')).length, 12);
  } finally {
    for (const asker of askers) asker.close();
    await Promise.all([etcd.stop(), kontiki.stop()]);
  }
});
