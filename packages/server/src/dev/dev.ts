// `kontiki dev`: a cluster on this machine, each member a process with its own data, until Ctrl-C.

import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { placesIn, removeData } from './data-folder.ts';
import { DevError } from './dev-error.ts';
import type { MemberPlace } from './layout.ts';
import { LiveStatus } from './live-status.ts';
import { portUse } from './port-holder.ts';
import { Supervisor } from './supervisor.ts';
import { Terminal } from './terminal.ts';

export interface DevOptions {
  readonly members: number | undefined;
  readonly dataDir: string;
  readonly basePort: number | undefined;
  readonly fresh: boolean;
  /** Runs one member: the program and its first arguments. */
  readonly command: readonly [string, ...string[]];
}

/** The first Ctrl-C may come more than once: from the terminal, and from each program in between that passes it on. */
const sameSignalMs = 1_000;

/** Resolves with the exit code when everything has ended. @throws DevError, RangeError when nothing was started. */
export async function dev({ members, dataDir, basePort, fresh, command }: DevOptions): Promise<number> {
  const folder = resolve(dataDir);
  if (fresh) removeData(folder);
  const places = await placesIn(folder, { members, basePort });
  await refusePortsInUse(places);
  makeFolder(folder);

  const terminal = new Terminal(process.stdout);
  return await new Promise<number>((finish) => {
    const supervisor = new Supervisor({
      folder,
      places,
      command,
      say: (line) => terminal.say(line),
      onAllDown: () => end(1),
    });
    const status = new LiveStatus({ folder, places, terminal, staysDown: (name) => supervisor.staysDown(name) });
    let endingMs: number | undefined;
    const end = (code: number): void => {
      if (endingMs !== undefined) {
        if (performance.now() - endingMs >= sameSignalMs) supervisor.killAll();
        return;
      }
      endingMs = performance.now();
      status.stop();
      terminal.leaveStatus();
      terminal.say('stopping the members; Ctrl-C again kills them');
      void supervisor.stop().then(() => finish(code));
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(0));
    terminal.say(`starting ${places.length === 1 ? 'one member' : `${places.length} members`}, data in ${folder}`);
    supervisor.start();
    status.start();
  });
}

async function refusePortsInUse(places: readonly MemberPlace[]): Promise<void> {
  const taken: string[] = [];
  for (const port of places.flatMap(({ clientPort, peerPort }) => [clientPort, peerPort])) {
    const use = await portUse(port);
    if (use.kind === 'refused') throw new DevError(`port ${port} cannot be used: ${use.reason}`);
    if (use.kind === 'free') continue;
    const { holder } = use;
    taken.push(
      holder === undefined ? `port ${port}` : `port ${port} (held by process ${holder.pid}: ${holder.command})`,
    );
  }
  if (taken.length === 0) return;
  throw new DevError(
    `in use: ${taken.join(', ')}. Stop what holds it, or begin elsewhere with --base-port 0 and another --data-dir`,
  );
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error: unknown) {
    throw new DevError(`${folder} cannot be made: ${error instanceof Error ? error.message : String(error)}`);
  }
}
