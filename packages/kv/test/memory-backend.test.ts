import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BackendWrite, bytesOfKey, keyOfBytes, MemoryBackend } from '@kontiki/kv';
import { backendSuite } from '@kontiki/kv/testing';
import { seed } from './seed.ts';

backendSuite({
  test: (title, body) => {
    test(`memory: ${title}`, (_context, done) => body(done));
  },
  create: (ready) => ready({ backend: new MemoryBackend({ defer: (task) => queueMicrotask(task) }) }),
  seed,
});

function put(key: string): BackendWrite {
  return { kind: 'put', space: 'rows', key: bytesOfKey(key), value: bytesOfKey('') };
}

function keysOf(backend: MemoryBackend): string[] {
  const keys: string[] = [];
  backend.view().scan('rows', bytesOfKey(''), undefined, (key) => keys.push(keyOfBytes(key)) > 0);
  return keys;
}

test('a crash drops what shows and is not durable, but for the survivors', () => {
  const tasks: (() => void)[] = [];
  const flushes: (() => void)[] = [];
  const backend = new MemoryBackend({
    defer: (task) => tasks.push(task),
    deferDurable: (task) => flushes.push(task),
  });
  const told: string[] = [];
  for (const key of ['a', 'b', 'c']) {
    backend.commit(
      [put(key)],
      () => told.push(`committed ${key}`),
      () => told.push(`durable ${key}`),
    );
    tasks.shift()?.();
  }
  flushes.shift()?.();
  assert.deepEqual(keysOf(backend), ['a', 'b', 'c']);

  backend.crash(1);
  for (const task of flushes) task();

  assert.deepEqual(keysOf(backend), ['a', 'b']);
  assert.deepEqual(told, ['committed a', 'committed b', 'committed c', 'durable a']);
  backend.crash();
  assert.deepEqual(keysOf(backend), ['a', 'b']);
});
