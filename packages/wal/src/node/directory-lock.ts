// One process per directory, until that process ends, however it ends. Node has no flock, and a file with a pid in it is
// either left behind by a kill or taken over in a race. So the lock is a socket name in the kernel (Linux, abstract
// namespace), made of the directory's device and inode: bound by one process at a time, gone with it. The file `lock` only
// tells people who it is. docs/wal-format.md, "Lock", names the limits.

import fs from 'node:fs';
import net from 'node:net';
import type { Completion, Done } from '@kontiki/raft';
import { VfsError, type VfsLock } from '../vfs.ts';

export function lockDirectory(directory: string, completion: Completion<VfsLock>): void {
  const refuse = (code: 'LOCKED' | 'NOT_FOUND' | 'IO', reason: string, cause?: unknown): void =>
    completion({ kind: 'failed', error: new VfsError(code, 'lock', directory, reason, cause) });
  fs.stat(directory, { bigint: true }, (error, stats) => {
    if (error !== null) return refuse(error.code === 'ENOENT' ? 'NOT_FOUND' : 'IO', error.message, error);
    if (process.platform !== 'linux') return lockByFile(directory, completion);
    const server = net.createServer((socket) => socket.destroy());
    server.once('error', (bindError: NodeJS.ErrnoException) => {
      if (bindError.code === 'EADDRINUSE') refuse('LOCKED', heldBy(directory));
      else refuse('IO', bindError.message, bindError);
    });
    // The lock alone keeps no process running. A cluster's workers do not share it.
    server.unref();
    server.listen({ path: `\0kontiki-${stats.dev}-${stats.ino}`, exclusive: true }, () => {
      fs.writeFile(noteIn(directory), `${process.pid}\n`, { mode: 0o600 }, (writeError) => {
        if (writeError === null) {
          completion({ kind: 'done', value: { release: (done: Done) => server.close(() => done(undefined)) } });
          return;
        }
        server.close(() => refuse('IO', writeError.message, writeError));
      });
    });
  });
}

/** Elsewhere: a file that only one process can create, taken over when its process is gone. */
function lockByFile(directory: string, completion: Completion<VfsLock>, retry = true): void {
  fs.writeFile(noteIn(directory), `${process.pid}\n`, { mode: 0o600, flag: 'wx' }, (error) => {
    if (error === null) {
      const release = (done: Done): void => fs.unlink(noteIn(directory), () => done(undefined));
      completion({ kind: 'done', value: { release } });
      return;
    }
    const holder = holderOf(directory);
    if (retry && error.code === 'EEXIST' && holder !== undefined && !isRunning(holder)) {
      fs.unlink(noteIn(directory), () => lockByFile(directory, completion, false));
      return;
    }
    const code = error.code === 'EEXIST' ? 'LOCKED' : 'IO';
    const reason = error.code === 'EEXIST' ? heldBy(directory) : error.message;
    completion({ kind: 'failed', error: new VfsError(code, 'lock', directory, reason, error) });
  });
}

function heldBy(directory: string): string {
  const holder = holderOf(directory);
  const known = holder !== undefined && isRunning(holder);
  const who = known ? (holder === process.pid ? 'this very process' : `process ${holder}`) : 'another process';
  return `${who} has it open. Stop that first, or use another directory`;
}

function holderOf(directory: string): number | undefined {
  try {
    const pid = Number.parseInt(fs.readFileSync(noteIn(directory), 'utf8'), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    // The note is for people; without it the lock holds all the same.
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error: unknown) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function noteIn(directory: string): string {
  return `${directory}/lock`;
}
