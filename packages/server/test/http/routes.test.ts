import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { grpcCode } from '@kontiki/grpc';
import { MemberError } from '@kontiki/member';
import { healthChecks } from '../../src/http/health.ts';
import { Metrics } from '../../src/http/metrics.ts';
import { httpRoutes } from '../../src/http/routes.ts';
import { silentLogger } from '../../src/log.ts';
import { MemoryMember } from '../services/memory-member.ts';

let member: MemoryMember;
let metrics: Metrics;
let server: Server;
let base: string;

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: string;
}

async function ask(path: string, method = 'GET'): Promise<Answer> {
  const response = await fetch(`${base}${path}`, { method });
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

describe('plain HTTP', () => {
  beforeEach(async () => {
    member = new MemoryMember();
    metrics = new Metrics();
    const checks = healthChecks(member, 50);
    server = createServer(httpRoutes({ checks, metrics, logger: silentLogger }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    base = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await member.stop();
  });

  it('says that the member is healthy, after a read through the quorum', async () => {
    const { status, body } = await ask('/health');
    assert.deepEqual([status, body, member.barriers], [200, '{"health":"true","reason":""}', 1]);
    await ask('/health?serializable=true');
    assert.equal(member.barriers, 1);
    assert.equal((await ask('/health?exclude=NOSPACE')).status, 200);
  });

  it('says why the member is not healthy', async () => {
    member.failure = new MemberError('timedOut', 'etcdserver: request timed out');
    const slow = await ask('/health');
    member.setLeader(undefined);
    const leaderless = await ask('/health');
    const local = await ask('/health?serializable=true');

    assert.deepEqual(
      [slow.status, slow.body],
      [503, '{"health":"false","reason":"RANGE ERROR:etcdserver: request timed out"}\n'],
    );
    assert.deepEqual([leaderless.status, leaderless.body], [503, '{"health":"false","reason":"RAFT NO LEADER"}\n']);
    assert.equal(local.status, 200);
  });

  it('does not wait longer for the quorum than a request would', async () => {
    member.linearize = () => new Promise(() => undefined);

    assert.equal((await ask('/health')).status, 503);
  });

  it('probes liveness without the quorum and readiness with it', async () => {
    assert.deepEqual((await ask('/livez')).body, 'ok\n');
    assert.equal((await ask('/livez?verbose')).body, '[+]serializable_read ok\nok\n');
    assert.equal(
      (await ask('/readyz?verbose')).body,
      '[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n',
    );
    member.failure = new MemberError('timedOut', 'nobody answered');
    const unready = await ask('/readyz');

    assert.deepEqual([unready.status, unready.type], [503, 'text/plain; charset=utf-8']);
    assert.match(unready.body, /^\[-\]linearizable_read failed: nobody answered$/m);
    assert.equal((await ask('/livez')).status, 200);
    assert.equal((await ask('/readyz?exclude=linearizable_read')).status, 200);
    assert.equal((await ask('/readyz/linearizable_read')).status, 503);
    assert.equal((await ask('/readyz/serializable_read')).status, 200);
  });

  it('tells the version of the etcd it is', async () => {
    const { status, type, body } = await ask('/version');
    assert.deepEqual(
      [status, type, body],
      [200, 'application/json', '{"etcdserver":"3.6.0","etcdcluster":"3.6.0","storage":"3.6.0"}'],
    );
  });

  it('takes only GET, and knows no other path', async () => {
    for (const path of ['/health', '/version', '/livez', '/readyz/non_learner']) {
      assert.deepEqual(await ask(path, 'POST'), {
        status: 405,
        type: 'text/plain; charset=utf-8',
        body: 'Method Not Allowed\n',
      });
    }
    for (const path of ['/', '/v2/keys', '/v3/kv/range', '/readyz/nothing', '/livez/linearizable_read', '/health/x']) {
      assert.deepEqual([(await ask(path)).status, (await ask(path)).body], [404, '404 page not found\n'], path);
    }
  });

  it('counts calls and checks under the names of etcd', async () => {
    metrics.calls.started('/etcdserverpb.KV/Put', 'unary');
    metrics.calls.finished('/etcdserverpb.KV/Put', 'unary', grpcCode.invalidArgument);
    metrics.walSynced(0.003);
    await ask('/health');
    const { status, body } = await ask('/metrics');

    assert.equal(status, 200);
    for (const line of [
      'grpc_server_handled_total{grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put",grpc_code="InvalidArgument"} 1',
      'etcd_server_health_success 1',
      'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.004"} 1',
      'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.002"} 0',
      'etcd_server_version{server_version="3.6.0"} 1',
      'etcd_cluster_version{cluster_version="3.6"} 1',
    ]) {
      assert.ok(body.includes(`${line}\n`), line);
    }
  });
});
