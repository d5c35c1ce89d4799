// Servers in this process on disks in memory and free ports, and the clients that talk to them.

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type ChannelOptions, Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { MemoryBackend } from '@kontiki/kv';
import { MemoryDisk, tableChecksum, type VfsErrorCode } from '@kontiki/wal';
import { readFlags } from '../../src/config/flags.ts';
import { type ServerConfig, serverConfig } from '../../src/config/server-config.ts';
import { freePorts } from '../../src/dev/free-ports.ts';
import { type Logger, loggerTo } from '../../src/log.ts';
import type { ServerStorage } from '../../src/storage.ts';
import { same } from '../rpc/port.ts';

/** A disk and a database that outlive the servers started on them. */
export class MemoryMachine {
  readonly disk: MemoryDisk;
  #backend = MemoryMachine.#freshBackend();
  /** From now on every write to the disk fails with it. */
  writesFail: VfsErrorCode | undefined;

  constructor() {
    this.disk = new MemoryDisk({
      schedule: (task) => setImmediate(task),
      fault: ({ kind }) => (kind === 'write' || kind === 'fdatasync' ? this.writesFail : undefined),
    });
  }

  /** What one process sees. */
  storage(): ServerStorage {
    const backend = this.#backend;
    return {
      vfs: this.disk.mount(),
      checksum: tableChecksum,
      segmentBytes: 64 * 1024,
      openBackend: async () => ({
        view: () => backend.view(),
        commit: (writes, committed, durable) => backend.commit(writes, committed, durable),
        size: () => backend.size(),
        // The next process opens it again.
        close: (done) => setImmediate(() => done(undefined)),
      }),
    };
  }

  static #freshBackend(): MemoryBackend {
    return new MemoryBackend({ defer: (task) => setImmediate(task) });
  }
}

export interface ClusterPlan {
  readonly configs: readonly ServerConfig[];
}

/** Configurations of a cluster whose ports are free, timed for tests. */
export async function planCluster(members: number, ...flags: readonly string[]): Promise<readonly ServerConfig[]> {
  const ports = await freePorts(2 * members);
  const url = (port: number): string => `http://127.0.0.1:${ports[port]}`;
  const names = Array.from({ length: members }, (_, i) => `m${i}`);
  const cluster = names.map((name, i) => `${name}=${url(2 * i)}`).join(',');
  return names.map((name, i) =>
    configOf([
      ...['--name', name, '--data-dir', `/${name}`, '--initial-cluster', cluster],
      ...['--listen-peer-urls', url(2 * i), '--initial-advertise-peer-urls', url(2 * i)],
      ...['--listen-client-urls', url(2 * i + 1), '--advertise-client-urls', url(2 * i + 1)],
      ...['--heartbeat-interval', '20', '--election-timeout', '200'],
      ...flags,
    ]),
  );
}

export function configOf(argv: readonly string[]): ServerConfig {
  const line = readFlags(argv, {});
  if (line.kind !== 'settings') throw new Error(line.kind);
  return serverConfig(line.set);
}

/** A logger and what was logged, as parsed lines. */
export function recordingLogger(): {
  readonly logger: Logger;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
} {
  const lines: Readonly<Record<string, unknown>>[] = [];
  return { logger: loggerTo('debug', { write: (line) => lines.push(JSON.parse(line)) }), lines };
}

export class EtcdClient {
  readonly grpc: Client;

  constructor(address: { readonly host: string; readonly port: number }, options: ChannelOptions = {}) {
    this.grpc = new Client(`${address.host}:${address.port}`, credentials.createInsecure(), options);
  }

  call<Request extends DescMessage, Response extends DescMessage>(
    path: string,
    request: Request,
    response: Response,
    fields?: MessageInitShape<Request>,
  ): Promise<MessageShape<Response>> {
    const bytes = toBinary(request, create(request, fields));
    return new Promise((resolve, reject) => {
      this.grpc.makeUnaryRequest(
        `/${path}`,
        same,
        same,
        bytes,
        new Metadata(),
        (error: ServiceError | null, answer?: Uint8Array) => {
          if (error !== null || answer === undefined) reject(error ?? new Error('no answer'));
          else resolve(fromBinary(response, answer));
        },
      );
    });
  }

  close(): void {
    this.grpc.close();
  }
}
