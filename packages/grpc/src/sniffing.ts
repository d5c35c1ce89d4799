// Which protocol a client speaks is told by its first bytes: HTTP/2 opens with a preface that nothing else begins with.

import type { Socket } from 'node:net';
import { clientPreface } from './connection/preface.ts';

/**
 * Calls back once, with the bytes read so far, when the preface is whole or cannot be one any more; the socket is paused
 * then. Never, when the socket closes before, or by us because nothing decisive came within `timeoutMs`.
 */
export function sniff(socket: Socket, timeoutMs: number, decide: (isHttp2: boolean, first: Buffer) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  const onData = (chunk: Buffer): void => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const compared = Math.min(seen.length, clientPreface.length);
    const agrees = seen.subarray(0, compared).equals(clientPreface.subarray(0, compared));
    if (agrees && seen.length < clientPreface.length) return;
    settle();
    socket.pause();
    decide(agrees, seen);
  };
  const onEnd = (): void => {
    socket.destroy();
  };
  const settle = (): void => {
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.off('close', settle);
  };
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('close', settle);
}
