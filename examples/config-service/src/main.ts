// Five chunk servers want to be the primary of the same chunk. One becomes it; it dies, and another takes over.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalCluster } from '@kontiki/example-counter/cluster';
import { ConfigurationClient } from './client.ts';
import { Configuration } from './configuration.ts';

const directory = process.argv[2] ?? join(tmpdir(), 'kontiki-config-service');
const ports = [7411, 7412, 7413];
const cluster = await LocalCluster.start({ cluster: 'config', directory, ports, machine: () => new Configuration() });
const client = new ConfigurationClient(cluster);
const chunk = 'primary of chunk 17';
const servers = ['s1', 's2', 's3', 's4', 's5'];

const answers = await Promise.all(servers.map((server) => client.claim(chunk, server)));
const [primary] = answers;
console.log(`all five agree on the ${chunk}: ${answers.join(' ')}`);

if (primary !== undefined) {
  await client.release(chunk, primary);
  const others = servers.filter((server) => server !== primary);
  console.log(`${primary} is declared dead; now it is ${await client.claim(chunk, others[0] ?? primary)}`);
}
await cluster.stop();
