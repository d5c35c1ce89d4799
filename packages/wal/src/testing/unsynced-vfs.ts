// A disk for crash tests on real processes: what is not synced stays in the memory of this process, so that SIGKILL is a
// power failure. It stands on another Vfs, which gets bytes at `fdatasync` and names at `syncDirectory`, and some of them
// earlier, by chance. It can also lie, as a build without fdatasync would: then the crash tests must fail.

import type { Completion, Done } from '@kontiki/raft';
import { call, completing, run, type Sequence, take } from '../sequence.ts';
import { type Vfs, VfsError, type VfsFile, type VfsLock } from '../vfs.ts';
import { chance } from './chance.ts';

const sectorBytes = 512;

export interface UnsyncedOptions {
  /** For the choice of what reaches the disk by itself. */
  readonly seed: number;
  /** The chance that a written sector, or a change of a directory, reaches the disk unsynced; 0 by default. */
  readonly early?: number;
  /** `fdatasync`: syncs of files are answered and nothing is done. `everything`: those of directories, too. */
  readonly lies?: 'nothing' | 'fdatasync' | 'everything';
}

/** A file of this process. Its sectors are looked for in `unsynced`, then in `synced`, then on the disk below. */
interface FileNode {
  /** Where it is on the disk below; undefined while its directory entry is not synced. */
  below: string | undefined;
  file: VfsFile | undefined;
  handles: number;
  size: number;
  readonly unsynced: Map<number, Uint8Array>;
  /** What was synced of a file that has no durable name yet; written below together with its name. */
  readonly synced: Map<number, Uint8Array>;
  syncedSize: number;
}

type Change =
  | { readonly kind: 'create'; readonly name: string; readonly node: FileNode }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly node: FileNode }
  | { readonly kind: 'unlink'; readonly name: string };

interface DirectoryView {
  readonly names: Map<string, FileNode>;
  unsynced: Change[];
}

/** One for a process, over the Vfs of the real disk. Names and bytes that are on that disk already count as synced. */
export function unsyncedVfs(below: Vfs, options: UnsyncedOptions): Vfs {
  return new UnsyncedVfs(below, options);
}

class UnsyncedVfs implements Vfs {
  readonly #below: Vfs;
  readonly #early: number;
  readonly #lies: 'nothing' | 'fdatasync' | 'everything';
  readonly #directories: Map<string, DirectoryView> = new Map();
  /** Operations run one after another: this is a test bed, and order is worth more here than speed. */
  readonly #queue: (() => void)[] = [];
  readonly #chance: () => number;

  constructor(below: Vfs, options: UnsyncedOptions) {
    this.#below = below;
    this.#early = options.early ?? 0;
    this.#lies = options.lies ?? 'nothing';
    this.#chance = chance(options.seed);
  }

  open(path: string, mode: 'existing' | 'create', completion: Completion<VfsFile>): void {
    this.enqueue(() => this.#open(path, mode), completion);
  }

  rename(from: string, to: string, done: Done): void {
    this.enqueue(() => this.#rename(from, to), completing(done));
  }

  unlink(path: string, done: Done): void {
    this.enqueue(() => this.#unlink(path), completing(done));
  }

  makeDirectory(path: string, done: Done): void {
    this.enqueue(() => call((made) => this.#below.makeDirectory(path, made)), completing(done));
  }

  list(directory: string, completion: Completion<readonly string[]>): void {
    this.enqueue(() => this.#list(directory), completion);
  }

  syncDirectory(directory: string, done: Done): void {
    this.enqueue(() => this.#syncDirectory(directory), completing(done));
  }

  lock(directory: string, completion: Completion<VfsLock>): void {
    this.#below.lock(directory, completion);
  }

  defer(task: () => void): void {
    this.#below.defer(task);
  }

  /** Runs the steps when all operations before them are over. */
  enqueue<T>(steps: () => Sequence<T>, completion: Completion<T>): void {
    this.#queue.push(() =>
      run(this.#turn(steps), (outcome) => {
        this.#queue.shift();
        this.#queue[0]?.();
        completion(outcome);
      }),
    );
    if (this.#queue.length === 1) this.#queue[0]?.();
  }

  *read(node: FileNode, offset: number, length: number): Sequence<Uint8Array> {
    const end = Math.min(offset + length, node.size);
    if (end <= offset) return new Uint8Array(0);
    const bytes = new Uint8Array(end - offset);
    if (node.below !== undefined) {
      const file = yield* this.#fileBelow(node);
      bytes.set(yield* take<Uint8Array>((completion) => file.read(offset, bytes.length, completion)));
    }
    for (const sectors of [node.synced, node.unsynced]) {
      for (let sector = Math.floor(offset / sectorBytes); sector * sectorBytes < end; sector++) {
        const content = sectors.get(sector);
        if (content === undefined) continue;
        const from = Math.max(offset, sector * sectorBytes);
        const to = Math.min(end, (sector + 1) * sectorBytes);
        bytes.set(content.subarray(from - sector * sectorBytes, to - sector * sectorBytes), from - offset);
      }
    }
    return bytes;
  }

  *write(node: FileNode, offset: number, bytes: Uint8Array): Sequence<void> {
    const end = offset + bytes.length;
    for (let sector = Math.floor(offset / sectorBytes); sector * sectorBytes < end; sector++) {
      const start = sector * sectorBytes;
      const content = new Uint8Array(sectorBytes);
      const isPart = start < offset || start + sectorBytes > end;
      if (isPart) content.set(yield* this.read(node, start, sectorBytes));
      const part = bytes.subarray(Math.max(0, start - offset), Math.min(bytes.length, start + sectorBytes - offset));
      content.set(part, Math.max(0, offset - start));
      node.unsynced.set(sector, content);
    }
    node.size = Math.max(node.size, end);
    yield* this.#flushSectors(
      node,
      [...node.unsynced.keys()].filter(() => this.#byChance()),
    );
  }

  *fdatasync(node: FileNode): Sequence<void> {
    if (this.#lies !== 'nothing') return;
    yield* this.#flushSectors(node, [...node.unsynced.keys()]);
    node.syncedSize = node.size;
    if (node.below === undefined) return;
    const file = yield* this.#fileBelow(node);
    yield* call((done) => file.preallocate(node.size, done));
    yield* call((done) => file.fdatasync(done));
  }

  *close(node: FileNode): Sequence<void> {
    node.handles -= 1;
    if (node.handles > 0) return;
    const { file } = node;
    node.file = undefined;
    if (file !== undefined) yield* call((done) => file.close(done));
  }

  /** One turn before the steps, as some of them have nothing to wait for. */
  *#turn<T>(steps: () => Sequence<T>): Sequence<T> {
    yield* call((done) => this.#below.defer(() => done(undefined)));
    return yield* steps();
  }

  *#open(path: string, mode: 'existing' | 'create'): Sequence<VfsFile> {
    const [parent, name] = split(path);
    const directory = yield* this.#directory(parent);
    if (mode === 'create') {
      const node = emptyNode();
      node.handles = 1;
      directory.names.set(name, node);
      yield* this.#changed(parent, directory, { kind: 'create', name, node });
      return new UnsyncedFile(this, path, node);
    }
    const node = directory.names.get(name);
    if (node === undefined) throw new VfsError('NOT_FOUND', 'open', path, 'there is no such file');
    node.handles += 1;
    // Opened here, so that it can still be read when its name is gone.
    if (node.below !== undefined) yield* this.#fileBelow(node);
    return new UnsyncedFile(this, path, node);
  }

  *#rename(from: string, to: string): Sequence<void> {
    const [parent, name] = split(from);
    const directory = yield* this.#directory(parent);
    const node = directory.names.get(name);
    if (node === undefined) throw new VfsError('NOT_FOUND', 'rename', from, 'there is no such file');
    directory.names.delete(name);
    directory.names.set(split(to)[1], node);
    yield* this.#changed(parent, directory, { kind: 'rename', from: name, to: split(to)[1], node });
  }

  *#unlink(path: string): Sequence<void> {
    const [parent, name] = split(path);
    const directory = yield* this.#directory(parent);
    if (!directory.names.delete(name)) throw new VfsError('NOT_FOUND', 'unlink', path, 'there is no such file');
    yield* this.#changed(parent, directory, { kind: 'unlink', name });
  }

  *#list(path: string): Sequence<readonly string[]> {
    const { names } = yield* this.#directory(path);
    return [...names.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  *#syncDirectory(path: string): Sequence<void> {
    const directory = yield* this.#directory(path);
    if (this.#lies !== 'everything') yield* this.#flushDirectory(path, directory);
  }

  *#changed(path: string, directory: DirectoryView, change: Change): Sequence<void> {
    directory.unsynced.push(change);
    if (this.#byChance()) yield* this.#flushDirectory(path, directory);
  }

  *#flushDirectory(path: string, directory: DirectoryView): Sequence<void> {
    const changes = directory.unsynced;
    directory.unsynced = [];
    for (const change of changes) yield* this.#applyBelow(path, change);
    yield* call((done) => this.#below.syncDirectory(path, done));
  }

  *#applyBelow(path: string, change: Change): Sequence<void> {
    if (change.kind === 'unlink') {
      yield* call((done) => this.#below.unlink(`${path}/${change.name}`, done));
      return;
    }
    const { node } = change;
    if (change.kind === 'rename') {
      yield* call((done) => this.#below.rename(`${path}/${change.from}`, `${path}/${change.to}`, done));
      node.below = `${path}/${change.to}`;
      return;
    }
    const below = `${path}/${change.name}`;
    const file = yield* take<VfsFile>((completion) => this.#below.open(below, 'create', completion));
    for (const [sector, content] of node.synced) {
      const end = Math.min(sectorBytes, node.syncedSize - sector * sectorBytes);
      yield* call((done) => file.write(sector * sectorBytes, content.subarray(0, end), done));
    }
    yield* call((done) => file.preallocate(node.syncedSize, done));
    yield* call((done) => file.fdatasync(done));
    node.below = below;
    node.file = file;
    node.synced.clear();
  }

  /** Neighbours go in one write. */
  *#flushSectors(node: FileNode, chosen: readonly number[]): Sequence<void> {
    const sectors = [...chosen].sort((a, b) => a - b);
    for (let from = 0; from < sectors.length; ) {
      let to = from + 1;
      while (sectors[to] === (sectors[to - 1] ?? 0) + 1) to++;
      yield* this.#flushRun(node, sectors[from] ?? 0, to - from);
      from = to;
    }
  }

  *#flushRun(node: FileNode, first: number, count: number): Sequence<void> {
    const start = first * sectorBytes;
    const bytes = new Uint8Array(Math.min(count * sectorBytes, node.size - start));
    for (let sector = first; sector < first + count; sector++) {
      const content = node.unsynced.get(sector) ?? new Uint8Array(sectorBytes);
      bytes.set(content.subarray(0, bytes.length - (sector - first) * sectorBytes), (sector - first) * sectorBytes);
      if (node.below === undefined) node.synced.set(sector, content);
      node.unsynced.delete(sector);
    }
    if (node.below === undefined) {
      node.syncedSize = Math.max(node.syncedSize, start + bytes.length);
      return;
    }
    const file = yield* this.#fileBelow(node);
    yield* call((done) => file.write(start, bytes, done));
  }

  *#fileBelow(node: FileNode): Sequence<VfsFile> {
    const { below } = node;
    if (node.file !== undefined) return node.file;
    if (below === undefined) throw new VfsError('IO', 'open', 'a file without a name', 'it is not on the disk yet');
    const file = yield* take<VfsFile>((completion) => this.#below.open(below, 'existing', completion));
    node.file = file;
    return file;
  }

  *#directory(path: string): Sequence<DirectoryView> {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const names = yield* take<readonly string[]>((completion) => this.#below.list(path, completion));
    const directory: DirectoryView = { names: new Map(), unsynced: [] };
    for (const name of names) {
      const node: FileNode = { ...emptyNode(), below: `${path}/${name}` };
      const file = yield* this.#fileBelow(node);
      node.size = yield* take<number>((completion) => file.size(completion));
      node.syncedSize = node.size;
      yield* this.close(node);
      directory.names.set(name, node);
    }
    this.#directories.set(path, directory);
    return directory;
  }

  #byChance(): boolean {
    return this.#early > 0 && this.#chance() < this.#early;
  }
}

class UnsyncedFile implements VfsFile {
  readonly path: string;
  readonly #vfs: UnsyncedVfs;
  readonly #node: FileNode;

  constructor(vfs: UnsyncedVfs, path: string, node: FileNode) {
    this.#vfs = vfs;
    this.path = path;
    this.#node = node;
  }

  read(offset: number, length: number, completion: Completion<Uint8Array>): void {
    this.#vfs.enqueue(() => this.#vfs.read(this.#node, offset, length), completion);
  }

  write(offset: number, bytes: Uint8Array, done: Done): void {
    this.#vfs.enqueue(() => this.#vfs.write(this.#node, offset, bytes), completing(done));
  }

  writeThrough(offset: number, bytes: Uint8Array, done: Done): void {
    this.write(offset, bytes, (error) => (error === undefined ? this.fdatasync(done) : done(error)));
  }

  fdatasync(done: Done): void {
    this.#vfs.enqueue(() => this.#vfs.fdatasync(this.#node), completing(done));
  }

  preallocate(size: number, done: Done): void {
    const grow = (): void => {
      this.#node.size = Math.max(this.#node.size, size);
    };
    this.#vfs.enqueue(() => at(grow), completing(done));
  }

  size(completion: Completion<number>): void {
    this.#vfs.enqueue(() => at(() => this.#node.size), completion);
  }

  close(done: Done): void {
    this.#vfs.enqueue(() => this.#vfs.close(this.#node), completing(done));
  }
}

/** Something that waits for its turn and for nothing else. */
// biome-ignore lint/correctness/useYield: a step list without a step is meant
function* at<T>(action: () => T): Sequence<T> {
  return action();
}

function emptyNode(): FileNode {
  return {
    below: undefined,
    file: undefined,
    handles: 0,
    size: 0,
    unsynced: new Map(),
    synced: new Map(),
    syncedSize: 0,
  };
}

function split(path: string): readonly [string, string] {
  const at = path.lastIndexOf('/');
  return [path.slice(0, at), path.slice(at + 1)];
}
