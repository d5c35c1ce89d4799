// lease grant, revoke, keep-alive, timetolive and list.

import { setTimeout as wait } from 'node:timers/promises';
import {
  Lease,
  LeaseGrantResponseSchema,
  LeaseKeepAliveResponseSchema,
  LeaseLeasesResponseSchema,
  LeaseRevokeResponseSchema,
  LeaseTimeToLiveResponseSchema,
} from '@kontiki/etcd-proto';
import { ClientError } from './client-error.ts';
import { int64, leaseText, parseLeaseId } from './numbers.ts';
import { cellOf } from './output.ts';
import type { Session } from './session.ts';

export async function grantLease({ connection, output }: Session, ttl: string): Promise<void> {
  const response = await connection.call(Lease.method.leaseGrant, { TTL: int64('the TTL', ttl) });
  const id = leaseText(response.ID);
  output.show(LeaseGrantResponseSchema, response, {
    headings: ['LEASE', 'TTL'],
    rows: [[id, String(response.TTL)]],
    lines: [`lease ${id} granted with TTL(${response.TTL}s)`],
  });
}

export async function revokeLease({ connection, output }: Session, lease: string): Promise<void> {
  const id = parseLeaseId(lease);
  const response = await connection.call(Lease.method.leaseRevoke, { ID: id });
  output.show(LeaseRevokeResponseSchema, response, {
    headings: ['REVOKED LEASE'],
    rows: [[leaseText(id)]],
    lines: [`lease ${leaseText(id)} revoked`],
  });
}

export async function leaseTimeToLive(
  { connection, output }: Session,
  lease: string,
  { keys = false }: { readonly keys?: boolean | undefined },
): Promise<void> {
  const response = await connection.call(Lease.method.leaseTimeToLive, { ID: parseLeaseId(lease), keys });
  const id = leaseText(response.ID);
  const attached = response.keys.map(cellOf).join(' ');
  const life = `lease ${id} granted with TTL(${response.grantedTTL}s), remaining(${response.TTL}s)`;
  const line = keys ? `${life}, attached keys([${attached}])` : life;
  output.show(LeaseTimeToLiveResponseSchema, response, {
    headings: ['LEASE', 'GRANTED', 'REMAINING', 'KEYS'],
    rows: [[id, String(response.grantedTTL), String(response.TTL), attached]],
    lines: [response.TTL < 0n ? `lease ${id} already expired` : line],
  });
}

export async function listLeases({ connection, output }: Session): Promise<void> {
  const response = await connection.call(Lease.method.leaseLeases, {});
  const ids = response.leases.map(({ ID }) => leaseText(ID));
  output.show(LeaseLeasesResponseSchema, response, {
    headings: ['LEASE'],
    rows: ids.map((id) => [id]),
    lines: [`found ${ids.length} leases`, ...ids],
  });
}

/** Renews three times within the TTL until the lease is gone; with `once`, once. */
export async function keepLeaseAlive(
  { connection, output }: Session,
  lease: string,
  { once = false }: { readonly once?: boolean | undefined },
): Promise<void> {
  const request = { ID: parseLeaseId(lease) };
  const exchange = await connection.exchange(Lease.method.leaseKeepAlive);
  exchange.send(request);
  for await (const response of exchange) {
    const id = leaseText(response.ID);
    if (response.TTL <= 0n)
      throw new ClientError(`lease ${id} expired or was revoked: kontiki lease grant makes a new one`);
    output.show(LeaseKeepAliveResponseSchema, response, {
      headings: ['LEASE', 'TTL'],
      rows: [[id, String(response.TTL)]],
      lines: [`lease ${id} keepalived with TTL(${response.TTL})`],
    });
    if (once) return;
    await wait((Number(response.TTL) * 1000) / 3);
    exchange.send(request);
  }
}
