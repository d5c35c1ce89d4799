// The command line of the simulator: `sim`, `mutants`, `labs` and `elections`, as the scripts of the README start them.

import { electionsCommand } from './elections-command.ts';
import { labsCommand } from './labs-command.ts';
import { mutantsCommand } from './mutants-command.ts';
import { simCommand } from './sim-command.ts';

const [command = '', ...rest] = process.argv.slice(2);
// Whoever has read enough (`| head`) has closed the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
const print = (line: string): void => void process.stdout.write(`${line}\n`);
/** One line that is written over and over; only where somebody can see it move. */
const progress = (line: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
};
const commands = { sim: simCommand, mutants: mutantsCommand, labs: labsCommand, elections: electionsCommand };
if (command !== 'sim' && command !== 'mutants' && command !== 'labs' && command !== 'elections') {
  process.stderr.write('usage: main.js sim|mutants|labs|elections [arguments]\n');
  process.exitCode = 2;
} else {
  process.exitCode = await commands[command](rest, print, progress);
}
