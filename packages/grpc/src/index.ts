// A gRPC server on node:net and node:tls, with exactly as much HTTP/2 as gRPC needs.

export type {
  Answer,
  Call,
  Method,
  RequestListener,
  ResponseStream,
  Router,
  Service,
  StreamHandler,
  UnaryHandler,
} from './calls/handler.ts';
export type { Metadata } from './calls/metadata.ts';
export { createRouter } from './calls/router.ts';
export type { CallLimits, Clock } from './calls/server-call.ts';
export { type GrpcCode, grpcCode, RpcError, type Status } from './calls/status.ts';
export type { ConnectionEvent } from './connection/events.ts';
export { defaultKeepalive, type KeepaliveOptions } from './connection/keepalive.ts';
export { type ConnectionLimits, defaultLimits, type Rate } from './connection/limits.ts';
export {
  defaultCallLimits,
  defaultConnectionsMax,
  defaultHandshakesMax,
  defaultMemoryBytesMax,
  GrpcServer,
  type GrpcServerOptions,
  type ListenOptions,
  type ServerEvent,
  type TlsOptions,
} from './server.ts';
export { Health, type HealthStatus } from './services/health.ts';
export { reflectionServices } from './services/reflection.ts';
