export { allLabTests } from './lab-tests.ts';
export { labsCommand } from './labs-command.ts';
export { mutantsCommand } from './mutants-command.ts';
export { nodeHost } from './node-host.ts';
export { Pool } from './pool.ts';
export { type Print, simCommand } from './sim-command.ts';
