// A process that appends to a log until it is killed, and says what was answered: `appender DIRECTORY unsynced|lying|plain`.

import { openWal, type Vfs } from '@kontiki/wal';
import { nodeVfs, zlibChecksum } from '@kontiki/wal/node';
import { unsyncedVfs } from '@kontiki/wal/testing';
import { commands, write } from './rig.ts';

const [, , directory = '', kind = ''] = process.argv;
const vfs: Vfs =
  kind === 'plain'
    ? nodeVfs
    : unsyncedVfs(nodeVfs, { seed: 1, early: 0.05, lies: kind === 'lying' ? 'everything' : 'nothing' });

openWal({ vfs, directory, checksum: zlibChecksum, segmentBytes: 65_536 }, (outcome) => {
  if (outcome.kind === 'failed') {
    console.log(outcome.error.message);
    return;
  }
  const wal = outcome.value;
  let last: number = wal.recovered.entries.at(-1)?.index ?? 0;
  console.log(`opened ${last}`);
  const next = (): void => {
    wal.append(write({ entries: commands(last + 1, last + 5, 1, 500) }), (error) => {
      if (error !== undefined) throw error;
      last += 5;
      console.log(`acknowledged ${last}`);
      next();
    });
  };
  if (kind !== 'plain') next();
});
// A log alone keeps no process running.
setInterval(() => undefined, 1000);
