// What the client port answers to plain HTTP: health, version and metrics, in etcd's bytes; 404 for everything else. The
// JSON gateway is not built.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Logger } from '../log.ts';
import { clusterVersion, serverVersion, storageVersion } from '../version.ts';
import type { Check, HealthChecks } from './health.ts';
import type { Metrics } from './metrics.ts';

export interface RoutesOptions {
  readonly checks: HealthChecks;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

const jsonType = 'application/json';
const textType = 'text/plain; charset=utf-8';

export function httpRoutes(options: RoutesOptions): RequestListener {
  return (request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.logger.error('HTTP request failed', { path: request.url, error });
      if (response.headersSent) response.destroy();
      else plainError(response, 500, 'Internal Server Error');
    });
  };
}

async function answer(options: RoutesOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = parsed(request.url);
  if (url === undefined) return plainError(response, 400, 'Bad Request');
  const { checks, metrics } = options;
  switch (url.pathname) {
    case '/health':
      return requireGet(request, response) ? health(options, url, response) : undefined;
    case '/version':
      if (!requireGet(request, response)) return;
      return send(response, 200, jsonType, versions());
    case '/metrics':
      return send(response, 200, metrics.contentType, await metrics.text());
  }
  const [, root, name] = /^\/(livez|readyz)(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
  const registered = root === 'livez' ? checks.livez : root === 'readyz' ? checks.readyz : undefined;
  const chosen = registered === undefined ? undefined : choose(registered, name, url);
  if (root === undefined || chosen === undefined) return plainError(response, 404, '404 page not found');
  if (!requireGet(request, response)) return;
  await probe(options, root, chosen, url, response);
}

function versions(): string {
  return JSON.stringify({ etcdserver: serverVersion, etcdcluster: clusterVersion, storage: storageVersion });
}

async function health({ checks, metrics, logger }: RoutesOptions, url: URL, response: ServerResponse): Promise<void> {
  const reason = await checks.health(url.searchParams.get('serializable') === 'true');
  metrics.healthChecked(reason === undefined);
  const body = JSON.stringify({ health: reason === undefined ? 'true' : 'false', reason: reason ?? '' });
  if (reason === undefined) return send(response, 200, textType, body);
  logger.warn('/health error', { output: body, 'status-code': 503 });
  plainError(response, 503, body);
}

type NamedCheck = readonly [name: string, check: Check];

/** One by its name in the path, or all that the query does not exclude. */
function choose(
  registered: ReadonlyMap<string, Check>,
  name: string | undefined,
  url: URL,
): readonly NamedCheck[] | undefined {
  if (name === undefined) {
    const excluded = url.searchParams.getAll('exclude');
    return [...registered].filter(([one]) => !excluded.includes(one));
  }
  const check = registered.get(name);
  return check === undefined ? undefined : [[name, check]];
}

async function probe(
  { metrics, logger }: RoutesOptions,
  type: string,
  checks: readonly NamedCheck[],
  url: URL,
  response: ServerResponse,
): Promise<void> {
  let report = '';
  let failed = false;
  for (const [name, check] of checks) {
    const failure = await check();
    metrics.probed(type, name, failure === undefined);
    report += failure === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${failure}\n`;
    failed ||= failure !== undefined;
  }
  if (failed) {
    logger.error('Health check error', { path: url.pathname, reason: report, 'status-code': 503 });
    return plainError(response, 503, report);
  }
  response.setHeader('X-Content-Type-Options', 'nosniff');
  send(response, 200, textType, url.searchParams.has('verbose') ? `${report}ok\n` : 'ok\n');
}

function requireGet(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.method === 'GET') return true;
  response.setHeader('Allow', 'GET');
  plainError(response, 405, 'Method Not Allowed');
  return false;
}

/** As Go's http.Error writes it. */
function plainError(response: ServerResponse, status: number, message: string): void {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  send(response, status, textType, `${message}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function parsed(target: string | undefined): URL | undefined {
  try {
    return new URL(target ?? '/', 'http://member');
  } catch {
    return undefined;
  }
}
