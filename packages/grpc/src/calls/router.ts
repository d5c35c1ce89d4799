// From services to paths. What is said of paths that lead nowhere is grpc-go's wording, which clients know.

import type { Method, Router, Service } from './handler.ts';
import { grpcCode, RpcError } from './status.ts';

export function createRouter(services: readonly Service[]): Router {
  const methods = new Map<string, Method>();
  for (const service of services) {
    for (const [name, method] of Object.entries(service.methods)) methods.set(`/${service.name}/${name}`, method);
  }
  const names = new Set(services.map(({ name }) => name));
  return { methods, unknown: (path) => unknownPath(path, names) };
}

function unknownPath(path: string, services: ReadonlySet<string>): RpcError {
  const slash = path.lastIndexOf('/');
  // CVE-2026-33186: a path without its leading slash is nobody's, whatever it resembles.
  if (slash < 1 || !path.startsWith('/')) {
    return new RpcError(grpcCode.unimplemented, `malformed method name: "${path}"`);
  }
  const service = path.slice(1, slash);
  const method = path.slice(slash + 1);
  const what = services.has(service) ? `unknown method ${method} for service ${service}` : `unknown service ${service}`;
  return new RpcError(grpcCode.unimplemented, what);
}
