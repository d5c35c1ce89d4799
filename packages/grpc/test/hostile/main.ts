// npm run hostile -- [--seconds 5] [--connections 20] [--only WORD] [--target server]
// Every hostile client against a server in a process of its own; prints what each costs, what an ordinary client notices of
// it, and how it is ended. Fails when something is not as it has to be.

import { attacks } from './attacks.ts';
import { echoTarget } from './round.ts';
import { printTable } from './table.ts';

process.exit((await printTable(echoTarget, attacks)) ? 0 : 1);
