// What an earlier run has left in the folder of a local cluster: the members and ports it must go on with, and what
// `--fresh` may remove. A mistyped --data-dir must not cost anybody else's files, nor a running cluster its data.

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterFileMember, clusterFileName, readClusterFile } from './cluster-file.ts';
import { DevError } from './dev-error.ts';
import { layOut, type MemberPlace, placeOf, urlOf } from './layout.ts';

export interface Wanted {
  /** undefined: as many as there are, or three. */
  readonly members: number | undefined;
  /** undefined: the ports that the data is for, or etcd's usual ones; 0: the same, or free ones. */
  readonly basePort: number | undefined;
}

const membersDefault = 3;

/** Members know their peers by port, so data goes on with the ports it was made with. @throws DevError, RangeError */
export async function placesIn(folder: string, { members, basePort }: Wanted): Promise<readonly MemberPlace[]> {
  const entries = entriesOf(folder);
  const known = readClusterFile(folder)?.filter(({ name }) => entries.includes(name));
  if (known === undefined || known.length === 0) return await layOut(members ?? membersDefault, folder, basePort);
  const places = known.map((member) => knownPlace(member, folder));
  const way = '--fresh begins anew, another --data-dir leaves it alone';
  if (members !== undefined && members !== places.length) {
    throw new DevError(`${folder} has the data of ${places.length} members, but --members is ${members}: ${way}`);
  }
  if (basePort === undefined || basePort === 0) return places;
  const wanted = await layOut(places.length, folder, basePort);
  const moved = places.find(({ clientPort }, i) => clientPort !== wanted[i]?.clientPort);
  if (moved !== undefined) {
    throw new DevError(
      `${folder} has data of members on other ports (${moved.name} on ${moved.clientPort}): leave out --base-port; ${way}`,
    );
  }
  return places;
}

/** Removes what a run of `kontiki dev` makes. @throws DevError when there is anything else, or when the members run. */
export function removeData(folder: string): void {
  const ours = /^(?:n\d(?:\.log)?|cluster\.json(?:\.tmp)?)$/;
  const entries = entriesOf(folder);
  const foreign = entries.find((name) => !ours.test(name));
  if (foreign !== undefined) {
    throw new DevError(
      `--fresh would empty ${folder}, but ${foreign} in it is not of kontiki dev: move it away, or take another --data-dir`,
    );
  }
  const running = readClusterFile(folder)?.find(({ pid }) => isRunning(pid));
  if (running !== undefined) {
    throw new DevError(
      `--fresh would remove the data of ${running.name}, which still runs as process ${running.pid}: stop that first ` +
        `(if the process is none of kontiki's, remove ${join(folder, clusterFileName)})`,
    );
  }
  for (const name of entries) rmSync(join(folder, name), { recursive: true, force: true });
}

function knownPlace({ name, clientUrl, peerUrl }: ClusterFileMember, folder: string): MemberPlace {
  const place = placeOf({ name, clientPort: portOf(clientUrl), peerPort: portOf(peerUrl) }, folder);
  if (!/^n\d$/.test(name) || urlOf(place.clientPort) !== clientUrl || urlOf(place.peerPort) !== peerUrl) {
    throw new DevError(`${join(folder, clusterFileName)} was not written by kontiki dev: take another --data-dir`);
  }
  return place;
}

function portOf(url: string): number {
  return Number(/:(\d+)$/.exec(url)?.[1]);
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error: unknown) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new DevError(`${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
