// Where a cluster is, as people write it.

import { ClientError } from './client-error.ts';

/** Where `kontiki dev` and etcd's own examples have their members. */
export const defaultEndpoints = '127.0.0.1:2379,127.0.0.1:22379,127.0.0.1:32379';

/** `host:port` or `http://host:port`, comma-separated, as etcdctl takes them. @throws ClientError for anything else. */
export function parseEndpoints(text: string): readonly string[] {
  const endpoints = text
    .split(',')
    .map((endpoint) => endpoint.trim())
    .filter((endpoint) => endpoint !== '')
    .map(parseEndpoint);
  if (endpoints.length === 0) throw new ClientError('--endpoints is empty: write host:port, as in 127.0.0.1:2379');
  return [...new Set(endpoints)];
}

function parseEndpoint(text: string): string {
  if (text.startsWith('https://')) {
    throw new ClientError(`${text} asks for TLS, which is not built yet: write http://, or only host:port`);
  }
  const address = text.replace(/^http:\/\//, '').replace(/\/$/, '');
  const port = /^(?:[\w.-]+|\[[\da-fA-F:]+\]):(\d{1,5})$/.exec(address)?.[1];
  if (port === undefined || Number(port) === 0 || Number(port) > 65_535) {
    throw new ClientError(`${text} is no endpoint: write host:port, as in 127.0.0.1:2379`);
  }
  return address;
}
