// grpc.health.v1.Health: who asks is told what the server says of its services, once or whenever it changes.

import type { RequestListener, ResponseStream, Service } from '../calls/handler.ts';
import { grpcCode, RpcError } from '../calls/status.ts';
import { numberField, readFields } from './wire-format.ts';

export type HealthStatus = 'serving' | 'notServing';

/** A watcher's name is kept as long as it watches. */
const nameBytesMax = 1024;

const numbers = { serving: 1, notServing: 2, unknown: 3 } as const;

export class Health {
  readonly #statuses = new Map<string, HealthStatus>();
  readonly #watchers = new Map<string, Set<() => void>>();

  /** The empty name is the server as a whole; it is serving from the start. */
  constructor() {
    this.#statuses.set('', 'serving');
  }

  set(service: string, status: HealthStatus): void {
    if (this.#statuses.get(service) === status) return;
    this.#statuses.set(service, status);
    for (const tell of this.#watchers.get(service) ?? []) tell();
  }

  get service(): Service {
    return {
      name: 'grpc.health.v1.Health',
      methods: {
        Check: {
          kind: 'unary',
          handle: async (request) => {
            const status = this.#statuses.get(serviceOf(request));
            if (status === undefined) throw new RpcError(grpcCode.notFound, 'unknown service');
            return numberField(1, numbers[status]);
          },
        },
        Watch: { kind: 'serverStream', open: (_call, responses) => this.#watch(responses) },
      },
    };
  }

  #watch(responses: ResponseStream): RequestListener {
    let service: string | undefined;
    let told: number | undefined;
    let room = true;
    const tell = (): void => {
      const status = this.#statuses.get(service ?? '');
      const number = numbers[status ?? 'unknown'];
      // A slow reader hears the last of several changes.
      if (!room || number === told) return;
      told = number;
      room = responses.write(numberField(1, number));
    };
    responses.onDrain(() => {
      room = true;
      tell();
    });
    return {
      message: (request) => {
        if (service !== undefined) return;
        service = serviceOf(request);
        const watchers = this.#watchers.get(service) ?? new Set();
        this.#watchers.set(service, watchers.add(tell));
        tell();
      },
      halfClose: () => undefined,
      closed: () => {
        const watchers = this.#watchers.get(service ?? '');
        watchers?.delete(tell);
        if (watchers?.size === 0) this.#watchers.delete(service ?? '');
      },
    };
  }
}

function serviceOf(request: Uint8Array): string {
  try {
    let name: Uint8Array = Buffer.alloc(0);
    for (const { number, bytes } of readFields(request)) if (number === 1) name = bytes;
    if (name.length > nameBytesMax) throw new RangeError(`no service has a name of ${name.length} bytes`);
    return Buffer.from(name).toString('utf8');
  } catch (error: unknown) {
    if (error instanceof RangeError) throw new RpcError(grpcCode.invalidArgument, error.message);
    throw error;
  }
}
