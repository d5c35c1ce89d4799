// The real disk beyond the contract: who may read the files, and what errors say.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Completion } from '@kontiki/raft';
import { openWal, VfsError, type Wal } from '@kontiki/wal';
import { nodeVfs, zlibChecksum } from '@kontiki/wal/node';

function value<T>(start: (completion: Completion<T>) => void): Promise<T> {
  return new Promise((resolve, reject) =>
    start((outcome) => (outcome.kind === 'done' ? resolve(outcome.value) : reject(outcome.error))),
  );
}

function inDirectory(body: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kontiki-wal-'));
    try {
      await body(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

function open(directory: string): Promise<Wal> {
  return value((completion) =>
    openWal({ vfs: nodeVfs, directory, checksum: zlibChecksum, segmentBytes: 65_536 }, completion),
  );
}

function close(wal: Wal): Promise<undefined> {
  return value((completion) =>
    wal.close((error) =>
      completion(error === undefined ? { kind: 'done', value: undefined } : { kind: 'failed', error }),
    ),
  );
}

test(
  'files are for their owner only, and have their full size from the start',
  inDirectory(async (parent) => {
    const directory = join(parent, 'member', 'log');
    const wal = await open(directory);

    assert.equal(statSync(join(parent, 'member')).mode & 0o777, 0o700);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    for (const name of ['0000000000000001.wal', 'durable', 'lock']) {
      assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
    }
    assert.equal(statSync(join(directory, '0000000000000001.wal')).size, 65_536);
    assert.equal(readFileSync(join(directory, 'lock'), 'utf8'), `${process.pid}\n`);
    await close(wal);
  }),
);

test(
  'a note of a process that is gone locks nothing',
  inDirectory(async (directory) => {
    writeFileSync(join(directory, 'lock'), '999999999\n');

    await close(await open(directory));
  }),
);

test(
  'an error names the file and what was being done',
  inDirectory(async (directory) => {
    const file = join(directory, 'file');
    writeFileSync(file, '');

    await assert.rejects(
      value((completion) => nodeVfs.open(join(directory, 'no'), 'existing', completion)),
      new VfsError('NOT_FOUND', 'open', join(directory, 'no'), 'there is no such file or directory'),
    );
    await assert.rejects(
      open(join(file, 'log')),
      (error) => error instanceof VfsError && error.message.startsWith(`cannot make the directory ${file}/log`),
    );
  }),
);
