// A disk in memory that fails as disks do: writes are lost sector by sector until they are synced, directory operations
// until their directory is, a failed sync loses what it should have written. Deterministic: completions come when the
// given scheduler runs them. `mount` is what one process sees; `crash` and `kill` end all processes on it.

import type { Completion, Done, Outcome } from '@kontiki/raft';
import { completing } from './sequence.ts';
import { type Vfs, VfsError, type VfsErrorCode, type VfsFile, type VfsLock } from './vfs.ts';

export const sectorBytes = 512;

export type DiskOperation = {
  readonly kind: keyof Vfs | 'read' | 'write' | 'fdatasync' | 'preallocate' | 'size' | 'close' | 'release';
  readonly path: string;
};

/** Something a power failure may take away or leave. */
export type Unsynced =
  | { readonly kind: 'sector'; readonly path: string; readonly sector: number }
  | { readonly kind: 'size'; readonly path: string }
  | { readonly kind: 'entry'; readonly directory: string; readonly operation: string };

export interface MemoryDiskOptions {
  /** Runs the task later, never at once. The operation is for schedulers that give each its own latency. */
  readonly schedule: (task: () => void, operation: DiskOperation) => void;
  /** Asked once for each operation; a code makes it fail. */
  readonly fault?: (operation: DiskOperation) => VfsErrorCode | undefined;
  /** Files together never grow beyond this. */
  readonly capacityBytes?: number;
}

interface Node {
  bytes: Uint8Array;
  size: number;
  durableSize: number;
  /** What the disk holds for a sector that was written since: gone when it is synced. */
  readonly unsynced: Map<number, Uint8Array>;
  /** As `unsynced`, but a failed sync has taken them for clean: no later sync writes them. */
  readonly lost: Map<number, Uint8Array>;
}

interface DirectoryChange {
  readonly operation: string;
  readonly changes: readonly (readonly [string, Node | undefined])[];
}

interface Directory {
  names: Map<string, Node>;
  durable: Map<string, Node>;
  unsynced: DirectoryChange[];
}

export class MemoryDisk {
  readonly options: MemoryDiskOptions;
  readonly directories: Map<string, Directory> = new Map();
  readonly locks: Set<string> = new Set();
  /** Rises when all processes end: what an older one had asked for never completes. */
  epoch = 0;

  constructor(options: MemoryDiskOptions) {
    this.options = options;
  }

  /** The disk as one process sees it, until it ends. */
  mount(): Vfs {
    return new MemoryVfs(this);
  }

  /** The processes end; the kernel, and with it all that was written, stays. */
  kill(): void {
    this.epoch += 1;
    this.locks.clear();
  }

  /** The power fails. Of what was not synced, `keep` says what reached the disk nevertheless; asked in a fixed order. */
  crash(keep: (unsynced: Unsynced) => boolean): void {
    this.kill();
    for (const [path, directory] of this.directories) {
      const names = new Map(directory.durable);
      for (const { operation, changes } of directory.unsynced) {
        if (keep({ kind: 'entry', directory: path, operation })) applyChanges(names, changes);
      }
      directory.names = names;
      directory.durable = new Map(names);
      directory.unsynced = [];
      for (const [name, node] of names) crashNode(node, `${path}/${name}`, keep);
    }
  }

  /** What a power failure could take away now. */
  unsynced(): readonly Unsynced[] {
    const all: Unsynced[] = [];
    for (const [path, directory] of this.directories) {
      for (const { operation } of directory.unsynced) all.push({ kind: 'entry', directory: path, operation });
      for (const [name, node] of directory.names) {
        const file = `${path}/${name}`;
        if (node.size !== node.durableSize) all.push({ kind: 'size', path: file });
        for (const sector of sectorsOf(node)) all.push({ kind: 'sector', path: file, sector });
      }
    }
    return all;
  }

  /** The bytes of a file as a reader would see them. */
  contents(path: string): Uint8Array {
    const node = this.node(path);
    if (node === undefined) throw new VfsError('NOT_FOUND', 'read', path, 'there is no such file');
    return node.bytes.slice(0, node.size);
  }

  /** Puts a file on the disk, whole and durable: for tests that need a certain disk. */
  put(path: string, bytes: Uint8Array): void {
    const [parent, name] = split(path);
    const node: Node = { ...emptyNode(), bytes: bytes.slice(), size: bytes.length, durableSize: bytes.length };
    const directory = this.makeDirectory(parent);
    directory.names.set(name, node);
    directory.durable.set(name, node);
  }

  /** A directory that is there, durably. */
  makeDirectory(path: string): Directory {
    const directory = this.directories.get(path) ?? { names: new Map(), durable: new Map(), unsynced: [] };
    this.directories.set(path, directory);
    return directory;
  }

  /** Takes a file off the disk, durably. */
  remove(path: string): void {
    const [parent, name] = split(path);
    this.directories.get(parent)?.names.delete(name);
    this.directories.get(parent)?.durable.delete(name);
  }

  /** All files with their bytes, sorted by path. */
  files(): readonly (readonly [string, Uint8Array])[] {
    const paths = [...this.directories].flatMap(([path, { names }]) =>
      [...names.keys()].map((name) => `${path}/${name}`),
    );
    return paths.sort(byText).map((path) => [path, this.contents(path)] as const);
  }

  node(path: string): Node | undefined {
    const [parent, name] = split(path);
    return this.directories.get(parent)?.names.get(name);
  }

  room(): number {
    let used = 0;
    for (const { names } of this.directories.values()) for (const { size } of names.values()) used += size;
    return (this.options.capacityBytes ?? Number.MAX_SAFE_INTEGER) - used;
  }
}

class MemoryVfs implements Vfs {
  readonly #disk: MemoryDisk;
  readonly #epoch: number;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
    this.#epoch = disk.epoch;
  }

  open(path: string, mode: 'existing' | 'create', completion: Completion<VfsFile>): void {
    this.perform('open', path, completion, () => {
      if (mode === 'existing') {
        const node = this.#disk.node(path);
        if (node === undefined) throw new VfsError('NOT_FOUND', 'open', path, 'there is no such file');
        return new MemoryFile(this, this.#disk, path, node);
      }
      const node = emptyNode();
      this.#change(path, `create ${path}`, [[split(path)[1], node]]);
      return new MemoryFile(this, this.#disk, path, node);
    });
  }

  rename(from: string, to: string, done: Done): void {
    this.perform('rename', from, completing(done), () => {
      const node = this.#disk.node(from);
      if (node === undefined) throw new VfsError('NOT_FOUND', 'rename', from, 'there is no such file');
      if (split(from)[0] !== split(to)[0]) throw new VfsError('IO', 'rename', from, `${to} is in another directory`);
      this.#change(from, `rename ${from} to ${to}`, [
        [split(from)[1], undefined],
        [split(to)[1], node],
      ]);
    });
  }

  unlink(path: string, done: Done): void {
    this.perform('unlink', path, completing(done), () => {
      if (this.#disk.node(path) === undefined) throw new VfsError('NOT_FOUND', 'unlink', path, 'there is no such file');
      this.#change(path, `unlink ${path}`, [[split(path)[1], undefined]]);
    });
  }

  makeDirectory(path: string, done: Done): void {
    this.perform('makeDirectory', path, completing(done), () => {
      this.#disk.makeDirectory(path);
    });
  }

  list(directory: string, completion: Completion<readonly string[]>): void {
    this.perform('list', directory, completion, () =>
      [...this.#directory(directory, 'list').names.keys()].sort(byText),
    );
  }

  syncDirectory(directory: string, done: Done): void {
    this.perform('syncDirectory', directory, completing(done), () => {
      const found = this.#directory(directory, 'sync');
      found.durable = new Map(found.names);
      found.unsynced = [];
    });
  }

  lock(directory: string, completion: Completion<VfsLock>): void {
    this.perform('lock', directory, completion, () => {
      if (this.#disk.locks.has(directory)) {
        throw new VfsError('LOCKED', 'lock', directory, 'another process has it open');
      }
      this.#disk.locks.add(directory);
      return {
        release: (done: Done) =>
          this.perform('release', directory, completing(done), () => void this.#disk.locks.delete(directory)),
      };
    });
  }

  defer(task: () => void): void {
    this.#schedule(task, { kind: 'defer', path: '' });
  }

  /** Runs the action when the scheduler comes to it, unless the process has ended by then. */
  perform<T>(kind: DiskOperation['kind'], path: string, completion: Completion<T>, action: () => T): void {
    const operation: DiskOperation = { kind, path };
    this.#schedule(() => {
      const code = this.#disk.options.fault?.(operation);
      completion(code === undefined ? attempt(action) : { kind: 'failed', error: faulty(code, operation) });
    }, operation);
  }

  #schedule(task: () => void, operation: DiskOperation): void {
    if (this.#disk.epoch !== this.#epoch) return;
    this.#disk.options.schedule(() => {
      if (this.#disk.epoch === this.#epoch) task();
    }, operation);
  }

  #directory(path: string, operation: string): Directory {
    const found = this.#disk.directories.get(path);
    if (found === undefined) throw new VfsError('NOT_FOUND', operation, path, 'there is no such directory');
    return found;
  }

  #change(path: string, operation: string, changes: DirectoryChange['changes']): void {
    const directory = this.#directory(split(path)[0], operation);
    applyChanges(directory.names, changes);
    directory.unsynced.push({ operation, changes });
  }
}

class MemoryFile implements VfsFile {
  readonly path: string;
  readonly #vfs: MemoryVfs;
  readonly #disk: MemoryDisk;
  readonly #node: Node;

  constructor(vfs: MemoryVfs, disk: MemoryDisk, path: string, node: Node) {
    this.#vfs = vfs;
    this.#disk = disk;
    this.path = path;
    this.#node = node;
  }

  read(offset: number, length: number, completion: Completion<Uint8Array>): void {
    this.#vfs.perform('read', this.path, completion, () =>
      this.#node.bytes.slice(offset, Math.min(offset + length, this.#node.size)),
    );
  }

  write(offset: number, bytes: Uint8Array, done: Done): void {
    this.#vfs.perform('write', this.path, completing(done), () => this.#write(offset, bytes));
  }

  writeThrough(offset: number, bytes: Uint8Array, done: Done): void {
    // Two steps, so that a crash can come between them.
    this.write(offset, bytes, (error) => (error === undefined ? this.fdatasync(done) : done(error)));
  }

  fdatasync(done: Done): void {
    const node = this.#node;
    this.#vfs.perform(
      'fdatasync',
      this.path,
      (outcome) => {
        if (outcome.kind === 'failed') {
          // As Linux does it: after a failed sync the pages count as clean, though the disk never got them.
          for (const [sector, old] of node.unsynced) if (!node.lost.has(sector)) node.lost.set(sector, old);
          node.unsynced.clear();
        }
        completing(done)(outcome);
      },
      () => {
        node.unsynced.clear();
        node.durableSize = node.size;
      },
    );
  }

  preallocate(size: number, done: Done): void {
    this.#vfs.perform('preallocate', this.path, completing(done), () => this.#grow(size));
  }

  size(completion: Completion<number>): void {
    this.#vfs.perform('size', this.path, completion, () => this.#node.size);
  }

  close(done: Done): void {
    this.#vfs.perform('close', this.path, completing(done), () => undefined);
  }

  #write(offset: number, bytes: Uint8Array): void {
    const node = this.#node;
    const firstSector = Math.floor(offset / sectorBytes);
    const endSector = Math.ceil((offset + bytes.length) / sectorBytes);
    this.#grow(offset + bytes.length);
    for (let sector = firstSector; sector < endSector; sector++) {
      const old = node.lost.get(sector);
      if (old !== undefined) {
        node.lost.delete(sector);
        node.unsynced.set(sector, old);
      } else if (!node.unsynced.has(sector)) {
        node.unsynced.set(sector, node.bytes.slice(sector * sectorBytes, (sector + 1) * sectorBytes));
      }
    }
    node.bytes.set(bytes, offset);
  }

  #grow(size: number): void {
    const node = this.#node;
    if (size <= node.size) return;
    if (size - node.size > this.#disk.room()) throw faulty('NO_SPACE', { kind: 'write', path: this.path });
    const capacity = Math.ceil(size / sectorBytes) * sectorBytes;
    if (capacity > node.bytes.length) {
      const larger = new Uint8Array(Math.max(capacity, Math.min(2 * node.bytes.length, node.bytes.length + 2 ** 20)));
      larger.set(node.bytes);
      node.bytes = larger;
    }
    node.size = size;
  }
}

function emptyNode(): Node {
  return { bytes: new Uint8Array(0), size: 0, durableSize: 0, unsynced: new Map(), lost: new Map() };
}

function applyChanges(names: Map<string, Node>, changes: DirectoryChange['changes']): void {
  for (const [name, node] of changes) {
    if (node === undefined) names.delete(name);
    else names.set(name, node);
  }
}

function sectorsOf(node: Node): readonly number[] {
  return [...node.unsynced.keys()].sort((a, b) => a - b);
}

function crashNode(node: Node, path: string, keep: (unsynced: Unsynced) => boolean): void {
  let size = node.size === node.durableSize || keep({ kind: 'size', path }) ? node.size : node.durableSize;
  for (const sector of sectorsOf(node)) {
    if (keep({ kind: 'sector', path, sector })) {
      size = Math.max(size, Math.min(node.size, (sector + 1) * sectorBytes));
    } else {
      restore(node, sector, node.unsynced.get(sector));
    }
  }
  for (const [sector, old] of node.lost) restore(node, sector, old);
  node.bytes.fill(0, size);
  node.size = size;
  node.durableSize = size;
  node.unsynced.clear();
  node.lost.clear();
}

function restore(node: Node, sector: number, old: Uint8Array | undefined): void {
  const end = Math.min((sector + 1) * sectorBytes, node.bytes.length);
  node.bytes.fill(0, sector * sectorBytes, end);
  if (old !== undefined) node.bytes.set(old.subarray(0, end - sector * sectorBytes), sector * sectorBytes);
}

function attempt<T>(action: () => T): Outcome<T> {
  try {
    return { kind: 'done', value: action() };
  } catch (error: unknown) {
    if (error instanceof VfsError) return { kind: 'failed', error };
    throw error;
  }
}

function faulty(code: VfsErrorCode, { kind, path }: DiskOperation): VfsError {
  const reason = code === 'NO_SPACE' ? 'no space left on the device' : 'the device reports an error';
  return new VfsError(code, kind, path, reason);
}

function split(path: string): readonly [string, string] {
  const at = path.lastIndexOf('/');
  return [path.slice(0, at), path.slice(at + 1)];
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
