// Where the members of a local cluster live: names, ports, folders. etcd's own example uses 2379, 22379 and 32379 for
// clients and the next port for peers; `--base-port` takes neighbours instead, and 0 takes whatever is free.

import { join } from 'node:path';
import { freePorts } from './free-ports.ts';

export interface MemberPlace {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly dataDir: string;
}

export const membersMax = 5;
const firstClientPort = 2379;
const portsApart = 10_000;

/** `basePort`: undefined for etcd's usual ports, 0 for free ones. @throws RangeError when the ports do not fit. */
export async function layOut(
  members: number,
  folder: string,
  basePort: number | undefined,
): Promise<readonly MemberPlace[]> {
  if (!Number.isInteger(members) || members < 1 || members > membersMax) {
    throw new RangeError(`--members is ${members}, but a local cluster has 1 to ${membersMax}`);
  }
  const ports = basePort === 0 ? await freePorts(2 * members) : fixedPorts(members, basePort);
  return Array.from({ length: members }, (_, i) => {
    const [clientPort = 0, peerPort = 0] = ports.slice(2 * i);
    return placeOf({ name: `n${i + 1}`, clientPort, peerPort }, folder);
  });
}

/** A member's data is in its folder under the cluster's. */
export function placeOf(
  { name, clientPort, peerPort }: { readonly name: string; readonly clientPort: number; readonly peerPort: number },
  folder: string,
): MemberPlace {
  return { name, clientPort, peerPort, dataDir: join(folder, name) };
}

export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** What a member prints is beside its data, which may hold nothing but what the member keeps there. */
export function logFile(place: MemberPlace): string {
  return `${place.dataDir}.log`;
}

export function endpointsOf(places: readonly MemberPlace[]): string {
  return places.map(({ clientPort }) => `127.0.0.1:${clientPort}`).join(',');
}

function fixedPorts(members: number, basePort: number | undefined): readonly number[] {
  const ports = Array.from({ length: members }, (_, i) => {
    // 2379, 22379, 32379, …: the first stands alone.
    const usual = firstClientPort + (i === 0 ? 0 : (i + 1) * portsApart);
    const client = basePort === undefined ? usual : basePort + 2 * i;
    return [client, client + 1];
  }).flat();
  const beyond = ports.find((port) => !Number.isInteger(port) || port < 1 || port > 65_535);
  if (beyond !== undefined) {
    throw new RangeError(`--base-port ${basePort} leads to port ${beyond}, but ports go from 1 to 65535`);
  }
  return ports;
}
