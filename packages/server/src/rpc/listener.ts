// A client port: bound before there is anything to serve.

import { createServer, type Socket } from 'node:net';
import type { Carrier } from './carrier.ts';

export interface BindOptions {
  readonly host: string;
  /** 0 chooses a free one. */
  readonly port: number;
  readonly connectionsMax: number;
}

/** A port that is ours. Connections are taken from the start, and wait until somebody serves them. */
export interface BoundPort {
  readonly host: string;
  readonly port: number;
  serve(carrier: Carrier): void;
  /** Takes no more connections, lets calls in flight end for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** Rejects with the error of `listen` (`EADDRINUSE`, `EACCES`, …) when the port cannot be had. */
export function bindPort({ host, port: wanted, connectionsMax }: BindOptions): Promise<BoundPort> {
  const waiting = new Set<Socket>();
  let serving: Carrier | undefined;
  const server = createServer({ noDelay: true }, (socket) => {
    if (serving === undefined) wait(socket);
    else serving.take(socket);
  });
  server.maxConnections = connectionsMax;

  const wait = (socket: Socket): void => {
    waiting.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => waiting.delete(socket));
  };
  const serve = (carrier: Carrier): void => {
    serving = carrier;
    for (const socket of waiting) carrier.take(socket);
    waiting.clear();
  };
  const close = async (graceMs: number): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of waiting) socket.destroy();
    await serving?.drain(graceMs);
    await closed;
  };

  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(wanted, host, () => {
      server.off('error', reject);
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : wanted;
      resolve({ host, port, serve, close });
    });
  });
}
