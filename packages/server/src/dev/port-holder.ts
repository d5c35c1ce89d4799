// Who holds a port, where the system tells: on Linux, /proc names the socket's inode and the process that has it open.

import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';

export interface PortHolder {
  readonly pid: number;
  readonly command: string;
}

export type PortUse =
  | { readonly kind: 'free' }
  /** The holder is undefined when the system does not tell. */
  | { readonly kind: 'held'; readonly holder: PortHolder | undefined }
  /** Nobody holds it, but it is not for us; `reason` is the system's. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Whether a member could listen there now. */
export async function portUse(port: number): Promise<PortUse> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    await once(server.close(), 'close');
    return { kind: 'free' };
  } catch (error: unknown) {
    if (!(error instanceof Error)) throw error;
    if ('code' in error && error.code === 'EADDRINUSE') return { kind: 'held', holder: holderOf(port) };
    return { kind: 'refused', reason: error.message };
  }
}

export function holderOf(port: number): PortHolder | undefined {
  const sockets = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6']
      .flatMap((table) => listeningInodes(text(table), port))
      .map((inode) => `socket:[${inode}]`),
  );
  if (sockets.size === 0) return undefined;
  const pids = entries('/proc').filter((name) => /^\d+$/.test(name));
  const pid = pids.find((candidate) =>
    entries(`/proc/${candidate}/fd`).some((descriptor) => sockets.has(link(`/proc/${candidate}/fd/${descriptor}`))),
  );
  return pid === undefined ? undefined : { pid: Number(pid), command: commandOf(pid) };
}

/** Of a table like /proc/net/tcp: slot, local address:port in hex, remote, state, …, the tenth column is the inode. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const listening = '0A';
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === listening && Number.parseInt(local?.split(':')[1] ?? '', 16) === port)
    .flatMap((columns) => columns[9] ?? []);
}

/** The program and what it was asked to do first; more would fill the terminal. */
function commandOf(pid: string): string {
  const words = text(`/proc/${pid}/cmdline`)
    .split('\0')
    .filter((word) => word !== '');
  return words.slice(0, 3).join(' ');
}

// Processes end while one looks at them, and others belong to somebody else: what cannot be read is not there.
function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
function entries(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
