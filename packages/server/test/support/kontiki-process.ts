/** Our own server as it is shipped: the built `kontiki` command, one process for each member. */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ClusterProcess, startCluster } from './cluster-process.ts';

const program = fileURLToPath(new URL('../../dist/bin/kontiki.js', import.meta.url));

export function startKontiki(members: number): Promise<ClusterProcess> {
  if (!existsSync(program)) throw new Error(`${program} is not there: run "npm run build" first`);
  return startCluster({
    command: [process.execPath, program, 'server'],
    members,
    readyLine: 'ready to serve client requests',
  });
}
