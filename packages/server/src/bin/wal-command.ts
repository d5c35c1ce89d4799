// `kontiki wal dump`: a member's log in words, also of a member that runs, or that refuses to start on it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { dumpWal, VfsError } from '@kontiki/wal';
import { nodeVfs, zlibChecksum } from '@kontiki/wal/node';
import { completed } from '../promised.ts';

export function walCommand(): CommandUnknownOpts {
  const wal = new Command('wal').description("a member's log on disk");
  wal
    .command('dump')
    .description('print every frame of a log, and what is wrong with it; changes nothing')
    .argument('<dir>', "a member's data dir, or the directory of its log")
    .action(dump);
  return wal;
}

async function dump(dir: string): Promise<void> {
  const inside = join(dir, 'member', 'wal');
  const directory = existsSync(inside) ? inside : dir;
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  try {
    await completed<void>((completion) =>
      dumpWal({ vfs: nodeVfs, directory, checksum: zlibChecksum, write }, completion),
    );
  } catch (error: unknown) {
    if (!(error instanceof VfsError)) throw error;
    process.stderr.write(`Error: ${error.message} (name the data dir of a member, as in .kontiki/n1)\n`);
    process.exitCode = 1;
  }
}
