// What etcd's flags come to in the gRPC server.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { grpcSettings } from '../../src/grpc-settings.ts';
import { configOf } from './memory-server.ts';

it('the gRPC settings are those of etcd by default', () => {
  const { calls, limits, keepalive } = grpcSettings(configOf([]));

  assert.equal(calls?.receiveBytesMax, 1_572_864 + 512 * 1024);
  assert.equal(limits?.concurrentStreamsMax, 65_536, 'etcd has no bound; nobody comes near this one');
  assert.deepEqual(keepalive, { intervalMs: 7_200_000, timeoutMs: 20_000, clientPingMinMs: 5_000 });
});

it('the gRPC settings follow the flags, and times of 0 mean what they mean to etcd', () => {
  const flags = ['--max-request-bytes=1000', '--max-concurrent-streams=7', '--grpc-keepalive-min-time=1s'];
  const given = grpcSettings(configOf(flags));
  const zero = grpcSettings(
    configOf(['interval', 'timeout', 'min-time'].map((which) => `--grpc-keepalive-${which}=0`)),
  );

  assert.equal(given.calls?.receiveBytesMax, 1000 + 512 * 1024);
  assert.equal(given.limits?.concurrentStreamsMax, 7);
  assert.equal(given.keepalive?.clientPingMinMs, 1000);
  assert.deepEqual(zero.keepalive, { intervalMs: 0, timeoutMs: 20_000, clientPingMinMs: 300_000 });
});
