// The client ports: bound first, so that one in use stops a start before it has begun, and served when the member is ready.

import type { ServerEvent } from '@kontiki/grpc';
import type { RunningMember } from '@kontiki/member';
import type { ServerConfig } from './config/server-config.ts';
import { bindAddress, type MemberUrl } from './config/urls.ts';
import { refusal } from './errors.ts';
import { connectionsMax, grpcSettings, type Patience } from './grpc-settings.ts';
import { healthChecks } from './http/health.ts';
import type { Metrics } from './http/metrics.ts';
import { httpRoutes } from './http/routes.ts';
import type { Logger } from './log.ts';
import { Carrier } from './rpc/carrier.ts';
import { type BoundPort, bindPort } from './rpc/listener.ts';
import { createRouter } from './rpc/router.ts';
import { etcdServices } from './services/all.ts';
import { ServingState } from './services/health.ts';
import { guardOf, OpenStreams } from './services/leader-guard.ts';
import { Headers } from './services/response-header.ts';

const firstWordsMs = 5_000;

export interface Served {
  readonly member: RunningMember;
  readonly config: ServerConfig;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly patience?: Patience;
}

export class ClientPorts {
  readonly #ports: readonly BoundPort[];
  readonly #serving = new ServingState();
  #streams: OpenStreams | undefined;

  /** Rejects with a sentence that names the port; none is left bound then. */
  static async bind(urls: readonly MemberUrl[]): Promise<ClientPorts> {
    const ports: BoundPort[] = [];
    try {
      for (const url of urls) ports.push(await bind(url));
      return new ClientPorts(ports);
    } catch (error: unknown) {
      for (const port of ports) await port.close(0);
      throw error;
    }
  }

  private constructor(ports: readonly BoundPort[]) {
    this.#ports = ports;
  }

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.#ports.map(({ host, port }) => ({ host, port }));
  }

  serve({ member, config, metrics, logger, patience }: Served): void {
    const limits = {
      requestBytesMax: config.maxRequestBytes,
      txnOperationsMax: config.maxTxnOps,
      leaseTtlMin: leaseTtlMin(config),
    };
    const streams = new OpenStreams(member, config.electionMs);
    this.#streams = streams;
    const services = etcdServices({ member, headers: new Headers(member), limits, logger }, this.#serving);
    const passes = guardOf(member);
    let hasEnded = false;
    // Clients shall go to another member at once, and not wait for this process to end.
    const end = (): void => {
      hasEnded = true;
      this.#serving.stop();
      streams.endAll();
    };
    member.onFailure(end);
    member.onRemoved(end);
    const router = createRouter({
      services: services.map((service) => streams.over(service)),
      guard: (path, kind, call) => (hasEnded ? refusal('stopped') : passes(path, kind, call)),
      observer: metrics.calls,
      // Whoever waited for a member that has stopped itself is told that, and not what its disk said.
      stranger: (error) => (hasEnded ? refusal('stopped') : error),
    });
    const checks = healthChecks(member, 5_000 + 2 * config.electionMs);
    const http = httpRoutes({ checks, metrics, logger });
    const grpc = { router, ...grpcSettings(config, patience), onEvent: (event: ServerEvent) => tellOf(event, logger) };
    const carrier = new Carrier({ grpc, http, firstWordsMs });
    for (const port of this.#ports) {
      port.serve(carrier);
      logger.info('serving client traffic insecurely; this is strongly discouraged!', {
        traffic: 'grpc+http',
        address: `${port.host}:${port.port}`,
      });
    }
  }

  /** Says that it closes, ends streams, lets calls in flight end for `graceMs`, and cuts what is left. */
  async close(graceMs: number): Promise<void> {
    this.#serving.stop();
    const closed = this.#ports.map((port) => port.close(graceMs));
    this.#streams?.endAll();
    await Promise.all(closed);
  }
}

async function bind(url: MemberUrl): Promise<BoundPort> {
  const host = bindAddress(url);
  try {
    return await bindPort({ host, port: url.port, connectionsMax });
  } catch (error: unknown) {
    const reason = error instanceof Error ? error.message : String(error);
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    const why = isTaken ? 'another process listens there; stop it, or' : `${reason};`;
    throw new Error(`cannot listen for clients on ${host}:${url.port}: ${why} give other --listen-client-urls`, {
      cause: error,
    });
  }
}

/** etcd's: one and a half election timeouts, counted in whole heartbeats, in seconds rounded up. */
export function leaseTtlMin({ heartbeatMs, electionMs }: Pick<ServerConfig, 'heartbeatMs' | 'electionMs'>): number {
  const electionBeats = Math.floor(electionMs / heartbeatMs);
  return Math.ceil((Math.floor((3 * electionBeats) / 2) * heartbeatMs) / 1000);
}

function tellOf(event: ServerEvent, logger: Logger): void {
  if (event.kind === 'handlerFault') {
    logger.error('a call failed inside', { path: event.path, error: faultText(event.error) });
  } else if (event.kind === 'connection' && event.event.kind === 'fault') {
    logger.error('a connection failed inside', { peer: event.peer, error: faultText(event.event.error) });
  } else if (event.kind === 'connection') {
    logger.debug(`a client's connection: ${event.event.kind}`, { peer: event.peer, ...event.event });
  }
}

function faultText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
