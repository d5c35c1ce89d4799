// Real processes and SIGKILL: the lock goes with its holder, and what was acknowledged stays.

import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('appender.ts', import.meta.url));

class Appender {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  last = 0;

  constructor(directory: string, kind: string) {
    this.#child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', script, directory, kind], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    return done === true ? '' : value;
  }

  /** Reads acknowledgements until this many entries are in, kills the process, and reads what it had said until then. */
  async killAfter(entries: number): Promise<number> {
    let last = 0;
    while (last < entries) last = Number((await this.line()).replace('acknowledged ', ''));
    await this.kill();
    for (let line = await this.line(); line.startsWith('acknowledged'); line = await this.line()) {
      last = Number(line.replace('acknowledged ', ''));
    }
    return last;
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

function withDirectory(body: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kontiki-wal-'));
    try {
      await body(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

test(
  'a second process is refused with the pid of the first, and let in when that was killed',
  withDirectory(async (directory) => {
    const first = new Appender(directory, 'plain');
    assert.equal(await first.line(), 'opened 0');

    const second = new Appender(directory, 'plain');
    assert.equal(
      await second.line(),
      `cannot lock ${directory}: process ${first.pid} has it open. Stop that first, or use another directory`,
    );
    await first.kill();
    const third = new Appender(directory, 'plain');
    assert.equal(await third.line(), 'opened 0');

    await Promise.all([second.kill(), third.kill()]);
  }),
);

test(
  'a killed process whose unsynced bytes die with it has lost nothing it acknowledged',
  withDirectory(async (directory) => {
    const killed = new Appender(directory, 'unsynced');
    assert.equal(await killed.line(), 'opened 0');
    const acknowledged = await killed.killAfter(400);

    const next = new Appender(directory, 'unsynced');
    const opened = Number((await next.line()).replace('opened ', ''));
    await next.kill();

    assert.ok(opened >= acknowledged, `${acknowledged} entries were acknowledged, ${opened} are there`);
  }),
);

test(
  'the same without fdatasync loses acknowledged entries',
  withDirectory(async (directory) => {
    const killed = new Appender(directory, 'lying');
    assert.equal(await killed.line(), 'opened 0');
    const acknowledged = await killed.killAfter(400);

    const next = new Appender(directory, 'unsynced');
    const line = await next.line();
    await next.kill();

    assert.ok(line.startsWith('the log is corrupt') || Number(line.replace('opened ', '')) < acknowledged, line);
  }),
);
