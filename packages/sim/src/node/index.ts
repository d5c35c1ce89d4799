export type { Print } from './command-line.ts';
export { allLabTests } from './lab-tests.ts';
export { labsCommand } from './labs-command.ts';
export { mutantsCommand } from './mutants-command.ts';
export { nodeHost } from './node-host.ts';
export { Pool } from './pool.ts';
export { simCommand } from './sim-command.ts';
