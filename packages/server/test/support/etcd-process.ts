/** A real etcd for tests: the reference that ours is compared with. */

import { type ClusterProcess, startCluster } from './cluster-process.ts';

/** `path` as `requirePart('etcd')` found it. */
export function startEtcd(path: string, members: number): Promise<ClusterProcess> {
  return startCluster({
    command: [path],
    members,
    flags: ['--logger', 'zap', '--log-outputs', 'stderr', '--log-level', 'info'],
    // 3.4's words; 3.5 and later say "ready to serve client requests".
    readyLine: 'serving client traffic insecurely',
  });
}
