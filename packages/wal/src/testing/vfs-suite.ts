// What any `Vfs` must hold. Run it on yours: `vfsSuite({ test, create })`. It brings no runner and no assertion library.

import type { Completion, Done, Outcome } from '@kontiki/raft';
import type { Vfs, VfsFile } from '../vfs.ts';

/** A disk for one test. */
export interface VfsRig {
  readonly vfs: Vfs;
  /** An existing, empty, durable directory. */
  readonly directory: string;
  /** Lets a little happen: one turn of the event loop, or one step of a scheduler. */
  drive(): Promise<void> | void;
  /** The process ends and the power fails; the disk as the next process finds it. Absent where that cannot be had. */
  crash?: () => Vfs;
  dispose(): Promise<void> | void;
}

export interface VfsSuite {
  readonly test: (name: string, body: () => Promise<void>) => void;
  readonly create: () => Promise<VfsRig> | VfsRig;
}

const drivesMax = 100_000;

/** The operations of a Vfs as promises, over a rig that has to be driven. */
class Disk {
  readonly #rig: VfsRig;
  readonly vfs: Vfs;

  constructor(rig: VfsRig, vfs: Vfs = rig.vfs) {
    this.#rig = rig;
    this.vfs = vfs;
  }

  path(name: string): string {
    return `${this.#rig.directory}/${name}`;
  }

  async value<T>(start: (completion: Completion<T>) => void): Promise<T> {
    const outcomes: Outcome<T>[] = [];
    start((outcome) => outcomes.push(outcome));
    check(outcomes.length === 0, 'a completion never runs before the call has returned');
    for (let drives = 0; outcomes.length === 0; drives++) {
      check(drives < drivesMax, 'a completion comes');
      await this.#rig.drive();
    }
    await this.#rig.drive();
    const [outcome] = outcomes;
    check(outcome !== undefined && outcomes.length === 1, 'a completion comes once');
    if (outcome.kind === 'failed') throw outcome.error;
    return outcome.value;
  }

  done(start: (done: Done) => void): Promise<undefined> {
    return this.value((completion) =>
      start((error) =>
        completion(error === undefined ? { kind: 'done', value: undefined } : { kind: 'failed', error }),
      ),
    );
  }

  open(name: string, mode: 'existing' | 'create'): Promise<VfsFile> {
    return this.value((completion) => this.vfs.open(this.path(name), mode, completion));
  }

  list(): Promise<readonly string[]> {
    return this.value((completion) => this.vfs.list(this.path('.').slice(0, -2), completion));
  }

  sync(): Promise<undefined> {
    return this.done((done) => this.vfs.syncDirectory(this.path('.').slice(0, -2), done));
  }

  /** A file with these bytes, synced with its name. */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    const file = await this.open(name, 'create');
    await this.done((done) => file.write(0, bytes, done));
    await this.done((done) => file.fdatasync(done));
    await this.done((done) => file.close(done));
    await this.sync();
  }

  async get(name: string): Promise<Uint8Array> {
    const file = await this.open(name, 'existing');
    const size = await this.value<number>((completion) => file.size(completion));
    const bytes = await this.value<Uint8Array>((completion) => file.read(0, size, completion));
    await this.done((done) => file.close(done));
    return bytes;
  }

  async fails(code: string, start: (done: Done) => void): Promise<void> {
    const error = await this.done(start).then(
      () => undefined,
      (caught: unknown) => caught,
    );
    check(
      error instanceof Error && 'code' in error && error.code === code,
      `it fails with ${code}, not with ${String(error)}`,
    );
  }
}

export function vfsSuite(suite: VfsSuite): void {
  const test = (name: string, body: (disk: Disk, rig: VfsRig) => Promise<void>): void =>
    suite.test(name, async () => {
      const rig = await suite.create();
      try {
        await body(new Disk(rig), rig);
      } finally {
        await rig.dispose();
      }
    });

  test('a vfs reads back what was written, also over its old bytes and in pieces', async (disk) => {
    const file = await disk.open('a', 'create');
    await disk.done((done) => file.write(0, pattern(1, 3000), done));
    await disk.done((done) => file.write(1000, pattern(2, 1000), done));
    await disk.done((done) => file.writeThrough(2900, pattern(3, 700), done));

    const bytes = await disk.value<Uint8Array>((completion) => file.read(0, 10_000, completion));

    const expected = new Uint8Array(3600);
    expected.set(pattern(1, 3000));
    expected.set(pattern(2, 1000), 1000);
    expected.set(pattern(3, 700), 2900);
    same(bytes, expected);
    same(await disk.value<Uint8Array>((completion) => file.read(990, 20, completion)), expected.subarray(990, 1010));
    same(await disk.value<Uint8Array>((completion) => file.read(3600, 10, completion)), new Uint8Array(0));
    await disk.done((done) => file.close(done));
  });

  test('a vfs fills what was never written with zeros', async (disk) => {
    const file = await disk.open('a', 'create');
    await disk.done((done) => file.write(5, pattern(1, 10), done));
    await disk.done((done) => file.preallocate(3_000_000, done));
    await disk.done((done) => file.preallocate(100, done));

    check((await disk.value<number>((completion) => file.size(completion))) === 3_000_000, 'preallocate only grows');
    same(await disk.value<Uint8Array>((completion) => file.read(0, 5, completion)), new Uint8Array(5));
    same(await disk.value<Uint8Array>((completion) => file.read(5, 10, completion)), pattern(1, 10));
    same(await disk.value<Uint8Array>((completion) => file.read(2_999_000, 2000, completion)), new Uint8Array(1000));
    await disk.done((done) => file.close(done));
  });

  test('a vfs lists, renames over and unlinks', async (disk) => {
    await disk.put('b', pattern(1, 10));
    await disk.put('a', pattern(2, 20));
    await disk.put('c', pattern(3, 30));

    await disk.done((done) => disk.vfs.rename(disk.path('a'), disk.path('b'), done));
    await disk.done((done) => disk.vfs.unlink(disk.path('c'), done));

    check((await disk.list()).join() === 'b', 'one name is left');
    same(await disk.get('b'), pattern(2, 20));
  });

  test('a vfs creates a new file in place of an old one', async (disk) => {
    await disk.put('a', pattern(1, 100));
    const old = await disk.open('a', 'existing');

    const young = await disk.open('a', 'create');

    check((await disk.value<number>((completion) => young.size(completion))) === 0, 'the new file is empty');
    same(await disk.value<Uint8Array>((completion) => old.read(0, 100, completion)), pattern(1, 100));
    await disk.done((done) => old.close(done));
    await disk.done((done) => young.close(done));
  });

  test('a vfs says what is not there', async (disk) => {
    await disk.fails('NOT_FOUND', (done) =>
      disk.vfs.open(disk.path('no'), 'existing', (outcome) =>
        done(outcome.kind === 'failed' ? outcome.error : undefined),
      ),
    );
    await disk.fails('NOT_FOUND', (done) => disk.vfs.unlink(disk.path('no'), done));
    await disk.fails('NOT_FOUND', (done) => disk.vfs.rename(disk.path('no'), disk.path('a'), done));
    await disk.fails('NOT_FOUND', (done) =>
      disk.vfs.list(disk.path('no'), (outcome) => done(outcome.kind === 'failed' ? outcome.error : undefined)),
    );
  });

  test('a vfs makes directories with their parents, and again', async (disk) => {
    for (let times = 0; times < 2; times++) {
      await disk.done((done) => disk.vfs.makeDirectory(disk.path('x/y/z'), done));
    }
    check(
      (await disk.value<readonly string[]>((completion) => disk.vfs.list(disk.path('x/y/z'), completion))).length === 0,
      'it is empty',
    );
    check((await disk.list()).length === 0, 'a directory is not listed as a file');
  });

  test('a vfs locks a directory once', async (disk) => {
    const directory = disk.path('x');
    await disk.done((done) => disk.vfs.makeDirectory(directory, done));
    const lock = await disk.value<{ release(done: Done): void }>((completion) => disk.vfs.lock(directory, completion));

    await disk.fails('LOCKED', (done) =>
      disk.vfs.lock(directory, (outcome) => done(outcome.kind === 'failed' ? outcome.error : undefined)),
    );
    await disk.done((done) => lock.release(done));
    const again = await disk.value<{ release(done: Done): void }>((completion) => disk.vfs.lock(directory, completion));

    await disk.done((done) => again.release(done));
  });

  test('a vfs runs a deferred task after the call has returned', async (disk) => {
    await disk.done((done) => disk.vfs.defer(() => done(undefined)));
  });

  test('what a vfs has synced survives a power failure', async (disk, rig) => {
    if (rig.crash === undefined) return;
    const file = await disk.open('a.tmp', 'create');
    await disk.done((done) => file.preallocate(2000, done));
    await disk.done((done) => file.write(100, pattern(1, 1500), done));
    await disk.done((done) => file.fdatasync(done));
    await disk.done((done) => disk.vfs.rename(disk.path('a.tmp'), disk.path('a'), done));
    await disk.sync();
    await disk.done((done) => file.writeThrough(300, pattern(2, 700), done));

    const after = new Disk(rig, rig.crash());

    const expected = new Uint8Array(2000);
    expected.set(pattern(1, 1500), 100);
    expected.set(pattern(2, 700), 300);
    check((await after.list()).join() === 'a', 'its name is there');
    same(await after.get('a'), expected);
  });

  test('what a vfs has not synced is lost in a power failure', async (disk, rig) => {
    if (rig.crash === undefined) return;
    await disk.put('a', pattern(1, 2000));
    await disk.put('old', pattern(4, 10));
    const file = await disk.open('a', 'existing');
    await disk.done((done) => file.write(500, pattern(2, 3000), done));
    const young = await disk.open('b', 'create');
    await disk.done((done) => young.write(0, pattern(3, 10), done));
    await disk.done((done) => young.fdatasync(done));
    await disk.done((done) => disk.vfs.unlink(disk.path('old'), done));

    const after = new Disk(rig, rig.crash());

    check((await after.list()).join() === 'a,old', 'names are as they were synced');
    same(await after.get('a'), pattern(1, 2000));
    same(await after.get('old'), pattern(4, 10));
  });
}

function pattern(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (seed * 37 + at * 11 + (at >> 8)) & 255);
}

function same(actual: Uint8Array, expected: Uint8Array): void {
  const at = expected.findIndex((byte, index) => actual[index] !== byte);
  check(at < 0, `byte ${at} is ${actual[at]}, ${expected[at]} was written`);
  check(actual.length === expected.length, `${actual.length} bytes, ${expected.length} were written`);
}

function check(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`broken: ${claim}`);
}
