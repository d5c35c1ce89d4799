// What etcd's flags come to in the gRPC server, and its bounds where etcd has none.

import { type ConnectionLimits, defaultKeepalive, type GrpcServerOptions } from '@kontiki/grpc';
import type { ServerConfig } from './config/server-config.ts';

export const connectionsMax = 20_000;
/** What a client's message may be longer than the largest command, as etcd allows. */
const grpcOverheadBytes = 512 * 1024;
/** All watches of a client share a connection, but nobody has as many. */
const concurrentStreamsMax = 65_536;
/**
 * For all clients together. Of answers, one at a time is made beyond it (`LargeAnswers`), so it need not hold what the largest
 * clients ask for.
 */
const memoryBytesMax = 96 * 2 ** 20;
/**
 * Before a watch counts as slow. etcd holds back 128 responses, however large; some of the largest transactions must fit, or
 * watchers would be told of them later than etcd tells, under a later revision.
 */
const streamQueueBytes = 16 * 2 ** 20;
/** etcd's clients read large ranges side by side on one connection. Beyond this their calls would be refused. */
const queueBytesMax = 256 * 2 ** 20;

type Settings = Pick<GrpcServerOptions, 'calls' | 'limits' | 'keepalive' | 'connectionsMax' | 'memoryBytesMax'>;

/** What a connection that does not go on is given. */
export type Patience = Pick<ConnectionLimits, 'stallMs' | 'openingMs' | 'blockMs'>;

export function grpcSettings(config: ServerConfig, patience?: Patience): Settings {
  const { keepaliveIntervalMs, keepaliveTimeoutMs, keepaliveMinTimeMs } = config;
  return {
    calls: { receiveBytesMax: config.maxRequestBytes + grpcOverheadBytes },
    limits: {
      concurrentStreamsMax: Math.min(config.maxConcurrentStreams, concurrentStreamsMax),
      streamQueueBytes,
      queueBytesMax,
      ...patience,
    },
    keepalive: {
      intervalMs: keepaliveIntervalMs,
      // As in etcd, 0 leaves these two to the gRPC library.
      timeoutMs: keepaliveTimeoutMs === 0 ? defaultKeepalive.timeoutMs : keepaliveTimeoutMs,
      clientPingMinMs: keepaliveMinTimeMs === 0 ? defaultKeepalive.clientPingMinMs : keepaliveMinTimeMs,
    },
    connectionsMax,
    memoryBytesMax,
  };
}
