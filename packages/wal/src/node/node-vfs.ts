// The real disk, through Node's thread pool. `writeThrough` uses a descriptor opened with O_DSYNC, so that a batch costs one
// trip to the pool instead of two (docs/wal-format.md, "Measured").

import fs from 'node:fs';
import type { Completion, Done, Outcome } from '@kontiki/raft';
import { type Vfs, VfsError, type VfsErrorCode, type VfsFile, type VfsLock } from '../vfs.ts';
import { lockDirectory } from './directory-lock.ts';

const fileMode = 0o600;
const directoryMode = 0o700;
/** Zeros are written in pieces of this size, so that a sync of another file does not queue behind a whole segment. */
const zeros: Uint8Array = new Uint8Array(2 ** 20);

/** The file system of this machine. Stateless: one for the process is enough. */
export const nodeVfs: Vfs = {
  open(path: string, mode: 'existing' | 'create', completion: Completion<VfsFile>): void {
    const { O_RDWR, O_CREAT, O_EXCL } = fs.constants;
    const flags = mode === 'existing' ? O_RDWR : O_RDWR | O_CREAT | O_EXCL;
    fs.open(path, flags, fileMode, (error, fd) => {
      if (error === null) completion({ kind: 'done', value: new NodeFile(path, fd) });
      else if (error.code !== 'EEXIST') completion(failed('open', path, error));
      // A new file and not the old one emptied, which somebody may still read.
      else
        fs.unlink(path, (unlinkError) =>
          unlinkError === null ? this.open(path, mode, completion) : completion(failed('replace', path, unlinkError)),
        );
    });
  },

  rename(from: string, to: string, done: Done): void {
    fs.rename(from, to, answer('rename', from, done));
  },

  unlink(path: string, done: Done): void {
    fs.unlink(path, answer('unlink', path, done));
  },

  makeDirectory(path: string, done: Done): void {
    fs.mkdir(path, { recursive: true, mode: directoryMode }, (error, first) => {
      if (error !== null) done(vfsError('make the directory', path, error));
      else if (first === undefined) done(undefined);
      else syncUpTo(parentOf(first), parentOf(path), done);
    });
  },

  list(directory: string, completion: Completion<readonly string[]>): void {
    fs.readdir(directory, { withFileTypes: true }, (error, entries) => {
      if (error !== null) return completion(failed('list', directory, error));
      const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
      completion({ kind: 'done', value: names.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)) });
    });
  },

  syncDirectory(directory: string, done: Done): void {
    fs.open(directory, fs.constants.O_RDONLY, (openError, fd) => {
      if (openError !== null) return done(vfsError('sync', directory, openError));
      fs.fsync(fd, (syncError) => {
        fs.close(fd, (closeError) => answer('sync', directory, done)(syncError ?? closeError));
      });
    });
  },

  lock(directory: string, completion: Completion<VfsLock>): void {
    lockDirectory(directory, completion);
  },

  defer(task: () => void): void {
    setImmediate(task);
  },
};

class NodeFile implements VfsFile {
  readonly path: string;
  readonly #fd: number;
  /** The same file, opened so that a write returns when it is durable. Made by the first `writeThrough`. */
  #throughFd: number | undefined;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  read(offset: number, length: number, completion: Completion<Uint8Array>): void {
    const bytes = new Uint8Array(length);
    const go = (from: number): void => {
      fs.read(this.#fd, bytes, from, length - from, offset + from, (error, count) => {
        if (error !== null) completion(failed('read', this.path, error));
        else if (count === 0 || from + count === length)
          completion({ kind: 'done', value: bytes.subarray(0, from + count) });
        else go(from + count);
      });
    };
    go(0);
  }

  write(offset: number, bytes: Uint8Array, done: Done): void {
    writeAll(this.#fd, offset, bytes, answer('write', this.path, done));
  }

  writeThrough(offset: number, bytes: Uint8Array, done: Done): void {
    const answered = answer('write', this.path, done);
    if (this.#throughFd !== undefined) {
      writeAll(this.#throughFd, offset, bytes, answered);
      return;
    }
    // By the descriptor and not by the name, which may be another by now.
    fs.open(`/proc/self/fd/${this.#fd}`, fs.constants.O_RDWR | fs.constants.O_DSYNC, (error, fd) => {
      if (error === null) {
        this.#throughFd = fd;
        writeAll(fd, offset, bytes, answered);
        return;
      }
      // No such way to a file on this system: two trips, then.
      this.write(offset, bytes, (writeError) => (writeError === undefined ? this.fdatasync(done) : done(writeError)));
    });
  }

  fdatasync(done: Done): void {
    fs.fdatasync(this.#fd, answer('sync', this.path, done));
  }

  preallocate(size: number, done: Done): void {
    this.size((outcome) => {
      if (outcome.kind === 'failed') done(outcome.error);
      else if (outcome.value >= size) done(undefined);
      else this.#fill(outcome.value, size, done);
    });
  }

  size(completion: Completion<number>): void {
    fs.fstat(this.#fd, (error, stats) => {
      if (error !== null) completion(failed('look at', this.path, error));
      else completion({ kind: 'done', value: stats.size });
    });
  }

  close(done: Done): void {
    const closed = answer('close', this.path, done);
    const through = this.#throughFd;
    if (through === undefined) fs.close(this.#fd, closed);
    else fs.close(through, (error) => (error ? closed(error) : fs.close(this.#fd, closed)));
  }

  #fill(from: number, size: number, done: Done): void {
    const piece = zeros.subarray(0, Math.min(zeros.length, size - from));
    this.write(from, piece, (error) => {
      if (error !== undefined || from + piece.length >= size) done(error);
      else this.#fill(from + piece.length, size, done);
    });
  }
}

function writeAll(fd: number, offset: number, bytes: Uint8Array, done: (error: Error | null) => void): void {
  fs.write(fd, bytes, 0, bytes.length, offset, (error, count) => {
    if (error !== null || count === bytes.length) done(error);
    else writeAll(fd, offset + count, bytes.subarray(count), done);
  });
}

/** Makes durable the directory entries of all directories that were made, from the outermost parent inwards. */
function syncUpTo(outermost: string, innermost: string, done: Done): void {
  nodeVfs.syncDirectory(innermost, (error) => {
    if (error !== undefined || innermost === outermost || innermost.length <= outermost.length) done(error);
    else syncUpTo(outermost, parentOf(innermost), done);
  });
}

function parentOf(path: string): string {
  const at = path.replace(/\/+$/, '').lastIndexOf('/');
  return at < 0 ? '.' : at === 0 ? '/' : path.slice(0, at);
}

function answer(operation: string, path: string, done: Done): (error: Error | null | undefined) => void {
  return (error) => done(error ? vfsError(operation, path, error) : undefined);
}

function failed<T>(operation: string, path: string, error: Error): Outcome<T> {
  return { kind: 'failed', error: vfsError(operation, path, error) };
}

function vfsError(operation: string, path: string, error: NodeJS.ErrnoException): VfsError {
  return new VfsError(codeOf(error), operation, path, reasonOf(error), error);
}

function codeOf(error: NodeJS.ErrnoException): VfsErrorCode {
  switch (error.code) {
    case 'ENOENT':
      return 'NOT_FOUND';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'NO_SPACE';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'DENIED';
    default:
      return 'IO';
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'there is no such file or directory';
    case 'ENOSPC':
      return 'no space left on the device';
    case 'EDQUOT':
      return 'the disk quota is used up';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not';
    case 'EROFS':
      return 'the file system is read-only';
    default:
      return error.message;
  }
}
