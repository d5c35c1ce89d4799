// The rows that our server is tested with, sent to a real etcd: what they call etcd's words are etcd's words.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ClusterProcess } from '../support/cluster-process.ts';
import { startEtcd } from '../support/etcd-process.ts';
import { requirePart } from '../support/real-parts.ts';
import { encodingRows } from './encoding-rows.ts';
import { requestRows } from './request-rows.ts';
import { revisionRows } from './revision-rows.ts';
import { prepare } from './row.ts';
import { Wire } from './wire.ts';

const etcd = requirePart('etcd');

describe('a real etcd refuses in these words', { skip: etcd.kind === 'absent' ? etcd.reason : false }, () => {
  let cluster: ClusterProcess;
  let wire: Wire;

  before(async () => {
    cluster = await startEtcd(etcd.kind === 'found' ? etcd.path : '', 1);
    wire = new Wire(Number(cluster.endpoints[0]?.split(':')[1]));
    await prepare(wire);
  });
  after(async () => {
    wire.close();
    await cluster.stop();
  });

  for (const { title, send, answer, old } of [...requestRows, ...revisionRows, ...encodingRows]) {
    it(title, async () => {
      const expected = old ?? answer;
      if (typeof expected === 'string') assert.equal(await send(wire), expected);
      else assert.match(await send(wire), expected);
    });
  }
});
