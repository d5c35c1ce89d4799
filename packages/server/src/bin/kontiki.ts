#!/usr/bin/env node
// The `kontiki` command: `server` runs one member, `dev` a cluster on this machine, the rest is a small client.

import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import { clientCommands } from '../client/program.ts';
import { dev } from '../dev/dev.ts';
import { DevError } from '../dev/dev-error.ts';
import { membersMax } from '../dev/layout.ts';
import { runServer } from '../run-server.ts';
import { kontikiVersion } from '../version.ts';
import { walCommand } from './wal-command.ts';

async function main(argv: readonly string[]): Promise<void> {
  // etcd's flags have a parser of their own.
  if (argv[0] === 'server') {
    endWithDev();
    process.exit(await runServer(argv.slice(1), process.env));
  }
  const program = new Command('kontiki')
    .description('Raft for TypeScript: a drop-in etcd, a cluster on this machine, and a small client.')
    .version(kontikiVersion)
    .showHelpAfterError('(kontiki --help lists the commands)');
  program
    .command('server')
    .description("run one member; takes etcd's flags and ETCD_* variables (kontiki server --help)");
  program
    .command('dev')
    .description('run a cluster on this machine until Ctrl-C: clients on 2379, 22379, 32379')
    .option('--members <n>', `how many members, 1 to ${membersMax}; without it 3`, wholeNumber)
    .option('--data-dir <dir>', 'where the members keep their data, and where cluster.json is written', '.kontiki')
    .option('--base-port <port>', 'take this port and its neighbours; 0 takes free ports', wholeNumber)
    .option('--fresh', 'first remove what an earlier run has left in the data dir', false)
    .action(runDev);
  for (const command of clientCommands()) program.addCommand(command);
  program.addCommand(walCommand());
  await program.parseAsync([...argv], { from: 'user' });
}

/** A member of `kontiki dev` ends with it, however that has ended, and be it while the member was still being loaded. */
function endWithDev(): void {
  const end = (): void => {
    process.kill(process.pid, 'SIGTERM');
  };
  if (process.connected === false) end();
  process.once('disconnect', end);
}

interface DevFlags {
  readonly members?: number | undefined;
  readonly dataDir: string;
  readonly basePort?: number | undefined;
  readonly fresh: boolean;
}

async function runDev({ members, dataDir, basePort, fresh }: DevFlags): Promise<void> {
  const command = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url), 'server'] as const;
  try {
    process.exit(await dev({ members, dataDir, basePort, fresh, command }));
  } catch (error: unknown) {
    if (!(error instanceof DevError) && !(error instanceof RangeError)) throw error;
    process.stderr.write(`Error: ${error.message}\n`);
    process.exitCode = 1;
  }
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number is expected.');
  return Number(text);
}

// Whoever reads us may stop reading: `kontiki watch k | head -1`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});
await main(process.argv.slice(2));
