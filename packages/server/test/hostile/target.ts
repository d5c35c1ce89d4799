// A server of etcd's API as what is attacked, and what an ordinary client asks of it.

import { fileURLToPath } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { RangeRequestSchema, RangeResponseSchema } from '@kontiki/etcd-proto';
import type { Target } from '../../../grpc/test/hostile/round.ts';
import { healthyKey, healthyValue } from './stored.ts';

export const etcdTarget: Target = {
  server: fileURLToPath(new URL('server.ts', import.meta.url)),
  // What is measured is what is shipped: run from source, closures take several times as much.
  execArgv: ['--import', 'tsx'],
  attacks: new URL('attacks.ts', import.meta.url).href,
  path: '/etcdserverpb.KV/Range',
  request: Buffer.from(toBinary(RangeRequestSchema, create(RangeRequestSchema, { key: Buffer.from(healthyKey) }))),
  isAnswer: (answer) => {
    const [kv] = fromBinary(RangeResponseSchema, answer).kvs;
    return kv !== undefined && Buffer.from(kv.value).toString() === healthyValue;
  },
};
