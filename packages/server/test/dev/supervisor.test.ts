// The supervisor over processes that are no members: they run until they are told otherwise.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { readClusterFile } from '../../src/dev/cluster-file.ts';
import { layOut } from '../../src/dev/layout.ts';
import { Supervisor } from '../../src/dev/supervisor.ts';

const idle = 'console.log(process.argv.join(" ")); setInterval(() => {}, 1000);';
const failStops = 'console.log("disk is wrong"); process.exit(70);';
const ignoresSigterm = 'process.on("SIGTERM", () => {}); console.log("deaf"); setInterval(() => {}, 1000);';

let folder: string;
let supervisor: Supervisor | undefined;
let said: string[];
let onAllDown: () => void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kontiki-supervisor-'));
  said = [];
  onAllDown = () => undefined;
});
afterEach(async () => {
  supervisor?.killAll();
  await supervisor?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function supervise(program: string, members = 2): Promise<Supervisor> {
  supervisor = new Supervisor({
    folder,
    places: await layOut(members, folder, 4000),
    command: [process.execPath, '-e', program, '--'],
    say: (line) => said.push(line),
    onAllDown: () => onAllDown(),
  });
  return supervisor;
}

function pids(): readonly number[] {
  return (readClusterFile(folder) ?? []).map(({ pid }) => pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Looks again until it is so: files and processes give no word. */
async function until(what: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(20_000);
  while (!what()) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('the supervisor', () => {
  it('starts every member with its own flags, and stops them all', async () => {
    const running = await supervise(idle);
    running.start();
    const [first = 0, second = 0] = pids();
    await until(() => readFileSync(join(folder, 'n2.log'), 'utf8').includes('\n'));

    assert.ok(isRunning(first) && isRunning(second) && first !== second);
    const flags = readFileSync(join(folder, 'n2.log'), 'utf8');
    assert.match(flags, /--name n2 --data-dir \S+\/n2 --listen-client-urls http:\/\/127\.0\.0\.1:4002 /);
    assert.match(flags, /--initial-cluster n1=http:\/\/127\.0\.0\.1:4001,n2=http:\/\/127\.0\.0\.1:4003 /);

    await running.stop();

    assert.ok(!isRunning(first) && !isRunning(second));
  });

  it('starts a killed member again and writes its new process into cluster.json', async () => {
    const running = await supervise(idle);
    running.start();
    const [first = 0, second = 0] = pids();

    process.kill(second, 'SIGKILL');
    await until(() => pids()[1] !== second);

    assert.deepEqual(said, ['n2 ended (SIGKILL); starting it again']);
    assert.equal(pids()[0], first);
    assert.ok(isRunning(pids()[1] ?? 0));
  });

  it('leaves a member down that stopped itself, and shows the end of its log', async () => {
    const running = await supervise(failStops, 1);
    const down = new Promise<void>((resolve) => {
      onAllDown = resolve;
    });

    running.start();
    await down;

    assert.match(said[0] ?? '', /^n1 ended \(exit code 70\) and stays down: it stopped itself/);
    assert.deepEqual(said.slice(1), [`the end of ${folder}/n1.log:`, 'disk is wrong']);
    assert.equal(running.staysDown('n1'), true);
  });

  it('kills a member that does not hear', async () => {
    const running = await supervise(ignoresSigterm, 1);
    running.start();
    const [pid = 0] = pids();
    await until(() => readFileSync(join(folder, 'n1.log'), 'utf8').includes('deaf'));

    const stopped = running.stop();
    running.killAll();
    await stopped;

    assert.ok(!isRunning(pid));
  });

  it('tells of a program that is not there', async () => {
    const places = await layOut(1, folder, 4000);
    const down = new Promise<void>((resolve) => {
      onAllDown = resolve;
    });
    supervisor = new Supervisor({
      folder,
      places,
      command: [join(folder, 'absent')],
      say: (line) => said.push(line),
      onAllDown: () => onAllDown(),
    });

    supervisor.start();
    await down;

    assert.match(said[0] ?? '', /^n1 could not be started: spawn .*absent ENOENT$/);
  });
});
