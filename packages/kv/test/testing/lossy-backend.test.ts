import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Backend, type BackendWrite, bytesOfKey, keyOfBytes, MemoryBackend } from '@kontiki/kv';
import { backendSuite, drawFrom, LossyBackend, type LossyOptions } from '@kontiki/kv/testing';
import { seed } from '../seed.ts';

const later = (task: () => void): void => queueMicrotask(task);
const spillOf = (draw: { below(below: number): number }) => (held: number) => draw.below(held + 1);

for (const spills of [false, true]) {
  backendSuite({
    test: (title, body) => {
      test(`lossy${spills ? ', spilling' : ''}: ${title}`, (_context, done) => body(done));
    },
    seed,
    create: (ready) =>
      ready({
        backend: new LossyBackend({
          below: new MemoryBackend({ defer: later }),
          defer: later,
          deferFlush: (task) => setImmediate(task),
          ...(spills && { spill: spillOf(drawFrom(seed)) }),
        }),
      }),
  });
}

/** A backend over one in memory, with flushes by hand and commits at once. */
function place(options: Partial<LossyOptions> = {}): {
  readonly below: MemoryBackend;
  readonly lossy: LossyBackend;
  readonly told: string[];
  readonly commit: (key: string, ...more: BackendWrite[]) => void;
  readonly flush: () => void;
} {
  const tasks: (() => void)[] = [];
  const flushes: (() => void)[] = [];
  const told: string[] = [];
  const run = (): void => {
    while (tasks.length > 0) tasks.shift()?.();
  };
  const defer = (task: () => void): void => void tasks.push(task);
  const below = new MemoryBackend({ defer });
  const lossy = new LossyBackend({ below, defer, deferFlush: (task) => flushes.push(task), ...options });
  const commit = (key: string, ...more: BackendWrite[]): void => {
    lossy.commit(
      [{ kind: 'put', space: 'rows', key: bytesOfKey(key), value: bytesOfKey(key) }, ...more],
      (error) => told.push(`committed ${key}${error?.message ?? ''}`),
      (error) => told.push(`durable ${key}${error?.message ?? ''}`),
    );
    run();
  };
  const flush = (): void => {
    flushes.shift()?.();
    run();
  };
  return { below, lossy, told, commit, flush };
}

function keysOf(backend: Backend): string {
  let keys = '';
  const view = backend.view();
  view.scan('rows', new Uint8Array(0), undefined, (key) => {
    keys += keyOfBytes(key);
    return true;
  });
  view.close();
  return keys;
}

test('what was not reported durable is not in the backend below', () => {
  const { below, lossy, told, commit, flush } = place();
  for (const key of ['a', 'b', 'c']) commit(key);
  assert.deepEqual([keysOf(lossy), keysOf(below)], ['abc', '']);
  assert.deepEqual(told.splice(0), ['committed a', 'committed b', 'committed c']);

  flush();
  commit('d');
  assert.deepEqual([keysOf(lossy), keysOf(below)], ['abcd', 'abc']);
  assert.deepEqual(told.splice(0), ['durable a', 'durable b', 'durable c', 'committed d']);
});

test('what spills is below in order, and not reported before the next flush', () => {
  const spilled = [0, 2, 0, 1];
  const { below, lossy, told, commit, flush } = place({ spill: () => spilled.shift() ?? 0 });
  const found: string[] = [];
  for (const key of ['a', 'b', 'c', 'd']) {
    commit(key);
    found.push(keysOf(below));
  }
  assert.deepEqual(found, ['', 'ab', 'ab', 'abc']);
  assert.equal(keysOf(lossy), 'abcd');
  assert.ok(told.every((line) => line.startsWith('committed')));

  flush();
  assert.deepEqual(told.slice(4), ['durable a', 'durable b', 'durable c', 'durable d']);
  assert.equal(keysOf(below), 'abcd');
});

test('early reports are what a build without fdatasync tells', () => {
  const { below, told, commit, flush } = place({ reportsEarly: true });
  commit('a');
  assert.deepEqual(told, ['committed a', 'durable a']);
  assert.equal(keysOf(below), '');
  flush();
  assert.equal(told.length, 2);
  assert.equal(keysOf(below), 'a');
});

test('views stay as they are while batches reach the backend below', () => {
  const { lossy, commit, flush } = place();
  commit('a');
  commit('b', { kind: 'delete', space: 'rows', key: bytesOfKey('a') });
  const view = lossy.view();
  commit('c', { kind: 'clear' });
  flush();
  commit('d');

  assert.equal(keysOf(lossy), 'd');
  assert.equal(view.get('rows', bytesOfKey('a')), undefined);
  let seen = '';
  view.scan('rows', new Uint8Array(0), undefined, (key) => {
    seen += keyOfBytes(key);
    return true;
  });
  assert.equal(seen, 'b');
});

test('a failure below fails what is held and all that comes', () => {
  const { below, lossy, told, commit, flush } = place();
  commit('a');
  commit('b');
  below.fail(new Error(': no disk'));
  flush();
  commit('c');

  assert.deepEqual(told.slice(2), [
    'durable a: no disk',
    'durable b: no disk',
    'committed c: no disk',
    'durable c: no disk',
  ]);
  assert.throws(() => lossy.view(), /no disk/);
});
