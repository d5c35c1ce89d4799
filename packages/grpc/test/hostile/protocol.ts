// What the processes of a hostile run tell each other: the judge starts a server and the offenders, each on its own.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { ConnectionLimits, KeepaliveOptions } from '../../src/index.ts';

export interface ServerSettings {
  readonly handshakeMs: number;
  readonly limits: Partial<ConnectionLimits>;
  readonly keepalive: Partial<KeepaliveOptions>;
  /** PEM, for the port with TLS. */
  readonly key: string;
  readonly cert: string;
}

export interface Ports {
  readonly plain: number;
  readonly tls: number;
}

/** How the server is. */
export interface ServerState {
  readonly connections: number;
  /** Streams that its services have open. */
  readonly streams: number;
  /** By kind and code, since the beginning. */
  readonly events: Readonly<Record<string, number>>;
  /** Of objects and buffers, after a collection. */
  readonly aliveBytes: number;
}

/** One attack, for the offenders. */
export interface Order {
  readonly attack: string;
  readonly ports: Ports;
  /** Connections at a time; one that is ended is opened again. */
  readonly connections: number;
  readonly ms: number;
}

/** How connections ended, in words, and how often. `open`: not at all. */
export type Fates = Readonly<Record<string, number>>;

export type ToChild =
  | { readonly kind: 'state' }
  | { readonly kind: 'attack'; readonly id: number; readonly order: Order }
  | { readonly kind: 'stop' };

export type FromChild =
  | { readonly kind: 'ready'; readonly ports?: Ports }
  | { readonly kind: 'state'; readonly state: ServerState }
  | { readonly kind: 'fates'; readonly id: number; readonly fates: Fates };

/** Starts `file` as a process that talks over IPC; resolves with its first word. */
export async function startChild(
  file: string,
  args: readonly string[],
  execArgv: readonly string[] = ['--conditions=source', '--import', 'tsx'],
): Promise<{ readonly child: ChildProcess; readonly ready: FromChild }> {
  const child = fork(file, args, {
    execArgv: [...execArgv],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  // All attacks of a run may be waited for at once.
  child.setMaxListeners(100);
  const [ready] = (await once(child, 'message')) as [FromChild];
  return { child, ready };
}

/** Sends and waits for the answer that `select` takes. Rejects when the child has ended instead. */
export function ask<T>(
  child: ChildProcess,
  message: ToChild,
  select: (answer: FromChild) => T | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onMessage = (answer: FromChild): void => {
      const selected = select(answer);
      if (selected === undefined) return;
      settle();
      resolve(selected);
    };
    const onExit = (code: number | null, signal: string | null): void => {
      settle();
      reject(new Error(`the process has ended (${code ?? signal})`));
    };
    const settle = (): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
    child.send(message);
  });
}
