// The disk as the log sees it: a few operations on files and directories, each completed by callback. The server's disk,
// the simulator's and the one that forgets all stand behind this seam; nothing else of the package touches a disk.
//
// A completion runs once, and never before the call that started it has returned.

import type { Completion, Done } from '@kontiki/raft';

export type VfsErrorCode = 'NOT_FOUND' | 'NO_SPACE' | 'LOCKED' | 'DENIED' | 'CRASHED' | 'IO';

/** What went wrong, with which file, doing what. */
export class VfsError extends Error {
  readonly code: VfsErrorCode;
  readonly operation: string;
  readonly path: string;

  constructor(code: VfsErrorCode, operation: string, path: string, reason: string, cause?: unknown) {
    super(`cannot ${operation} ${path}: ${reason}`, cause === undefined ? undefined : { cause });
    this.name = 'VfsError';
    this.code = code;
    this.operation = operation;
    this.path = path;
  }
}

/** An open file. Nothing here locks: the caller keeps conflicting operations apart. Bytes handed to a write stay unchanged until it completes. */
export interface VfsFile {
  readonly path: string;
  /** Reads up to `length` bytes; fewer only at the end of the file. */
  read(offset: number, length: number, completion: Completion<Uint8Array>): void;
  /** Writes all bytes, or fails. They may be lost, whole or in part, until `fdatasync` has answered. */
  write(offset: number, bytes: Uint8Array, done: Done): void;
  /** `write` and `fdatasync` of these bytes as one operation. */
  writeThrough(offset: number, bytes: Uint8Array, done: Done): void;
  /** Makes durable what was written, and the size. */
  fdatasync(done: Done): void;
  /** Writes zeros from the end of the file up to `size`, so that later writes within need no new blocks. */
  preallocate(size: number, done: Done): void;
  size(completion: Completion<number>): void;
  close(done: Done): void;
}

export interface VfsLock {
  release(done: Done): void;
}

/** Paths are separated by `/`. A change of a directory may be lost until `syncDirectory` has answered. */
export interface Vfs {
  /** `create` makes an empty file, in place of one that is there; `existing` fails with NOT_FOUND when there is none. */
  open(path: string, mode: 'existing' | 'create', completion: Completion<VfsFile>): void;
  /** Replaces `to` if it is there. */
  rename(from: string, to: string, done: Done): void;
  unlink(path: string, done: Done): void;
  /** Makes the directory and its missing parents durable; one that is there is fine. */
  makeDirectory(path: string, done: Done): void;
  /** Names of the files in a directory, sorted. */
  list(directory: string, completion: Completion<readonly string[]>): void;
  syncDirectory(directory: string, done: Done): void;
  /** One holder at a time, over all processes; freed when the process ends, however it ends. LOCKED names the holder if it can. */
  lock(directory: string, completion: Completion<VfsLock>): void;
  /** Runs the task soon, as completions run. */
  defer(task: () => void): void;
}
