// `cluster.json`: where the members of a local cluster are, for scripts, and for the next run in the same folder. Replaced as
// a whole, so that a reader never sees half of it.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ClusterFileMember {
  readonly name: string;
  /** Of the process that runs as this member, or was the last to. */
  readonly pid: number;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly dataDir: string;
}

export const clusterFileName = 'cluster.json';

export function writeClusterFile(folder: string, members: readonly ClusterFileMember[]): void {
  const path = join(folder, clusterFileName);
  writeFileSync(`${path}.tmp`, `${JSON.stringify({ members }, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/** `undefined` when there is none, or none of ours. */
export function readClusterFile(folder: string): readonly ClusterFileMember[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(join(folder, clusterFileName), 'utf8'));
  } catch {
    return undefined;
  }
  const members = isRecord(parsed) ? parsed.members : undefined;
  return Array.isArray(members) && members.every(isMember) ? members : undefined;
}

function isMember(value: unknown): value is ClusterFileMember {
  return (
    isRecord(value) &&
    typeof value.pid === 'number' &&
    [value.name, value.clientUrl, value.peerUrl, value.dataDir].every((field) => typeof field === 'string')
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
