// grpc.health.v1.Health, as load balancers and gRPC clients ask it. The one service known is the empty name: the whole server.

import { create, toBinary } from '@bufbuild/protobuf';
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '@kontiki/etcd-proto';
import type { ResponseStream, Service } from '@kontiki/grpc';
import { refusal } from '../errors.ts';
import { readMessage, serviceOf, unary } from './method.ts';

/** Whether this server wants to be sent calls. */
export class ServingState {
  #serving = true;
  readonly #watchers = new Set<() => void>();

  get serving(): boolean {
    return this.#serving;
  }

  /** It is about to close. */
  stop(): void {
    this.#serving = false;
    for (const watcher of this.#watchers) watcher();
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }
}

export function healthService(state: ServingState): Service {
  return serviceOf(Health, {
    Check: unary(HealthCheckRequestSchema, async ({ service }) => {
      if (service !== '') throw refusal('unknownHealthService');
      return encoded(state.serving ? Serving.SERVING : Serving.NOT_SERVING);
    }),

    Watch: {
      kind: 'serverStream',
      open: (_call, responses) => {
        let forget: () => void = () => undefined;
        return {
          message: (bytes) => {
            forget();
            forget = watch(state, readMessage(HealthCheckRequestSchema, bytes).service, responses);
          },
          halfClose: () => undefined,
          closed: () => forget(),
        };
      },
    },
  });
}

/** A service nobody knows is watched too: it might come to be. */
function watch(state: ServingState, service: string, responses: ResponseStream): () => void {
  if (service !== '') {
    responses.write(encoded(Serving.SERVICE_UNKNOWN));
    return () => undefined;
  }
  const tell = (): void => {
    responses.write(encoded(state.serving ? Serving.SERVING : Serving.NOT_SERVING));
  };
  tell();
  return state.watch(tell);
}

function encoded(status: Serving): Uint8Array {
  return toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }));
}
