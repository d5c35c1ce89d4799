// The server that is attacked, in a process of its own, so that its memory is its own.

import { createRouter, GrpcServer, type ServerEvent, type Service } from '../../src/index.ts';
import { echo } from '../echo-service.ts';
import { aliveBytes } from '../memory.ts';
import type { FromChild, ServerSettings, ToChild } from './protocol.ts';

/** Every so often each watcher is told so much, whether it reads or not. */
const watchMs = 10;
const watchBytes = 16_384;

const settings = JSON.parse(process.argv[2] ?? '') as ServerSettings;
const events: Record<string, number> = {};
let streams = 0;

const watch: Service = {
  name: 'test.Watch',
  methods: {
    Watch: {
      kind: 'serverStream',
      open: (_call, responses) => {
        streams += 1;
        const timer = setInterval(() => responses.write(Buffer.alloc(watchBytes, 7)), watchMs);
        return {
          message: () => undefined,
          halfClose: () => undefined,
          closed: () => {
            streams -= 1;
            clearInterval(timer);
          },
        };
      },
    },
  },
};

function count(event: ServerEvent): void {
  const name = nameOf(event);
  events[name] = (events[name] ?? 0) + 1;
}

function nameOf(event: ServerEvent): string {
  if (event.kind !== 'connection') return event.kind;
  const inner = event.event;
  switch (inner.kind) {
    case 'offence':
    case 'timeout':
      return `${inner.kind}: ${inner.message}`;
    case 'fault':
      process.stderr.write(`${inner.error instanceof Error ? inner.error.stack : String(inner.error)}\n`);
      return inner.kind;
    default:
      return inner.kind;
  }
}

const server = new GrpcServer({
  router: createRouter([echo, watch]),
  handshakeMs: settings.handshakeMs,
  limits: settings.limits,
  keepalive: settings.keepalive,
  onEvent: count,
});
const say = (message: FromChild): void => {
  process.send?.(message);
};

const plain = await server.listen({ host: '127.0.0.1', port: 0 });
const tls = await server.listen({ host: '127.0.0.1', port: 0, tls: { key: settings.key, cert: settings.cert } });
process.on('message', (message: ToChild) => {
  if (message.kind === 'stop') process.exit(0);
  const state = { connections: server.connections, streams, events, aliveBytes: aliveBytes() };
  say({ kind: 'state', state });
});
// The judge has gone without a word.
process.on('disconnect', () => process.exit(0));
say({ kind: 'ready', ports: { plain: plain.port, tls: tls.port } });
