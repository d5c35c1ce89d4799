// Runs three replicas, counts, stops the leader, and counts on. Each run goes on where the last one ended.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalCluster } from './cluster.ts';
import { Counters, encodeAdd } from './counter.ts';

const directory = process.argv[2] ?? join(tmpdir(), 'kontiki-counter');
const ports = [7401, 7402, 7403];
const cluster = await LocalCluster.start({ cluster: 'counter', directory, ports, machine: () => new Counters() });
console.log(`three replicas, data in ${directory}`);

const leader = await cluster.leader();
console.log(`${leader.id} leads; visits = ${await leader.read('visits')}`);
console.log(`visits = ${await cluster.propose(encodeAdd({ name: 'visits', amount: 1 }))}`);

await cluster.stopReplica(leader.id);
const next = await cluster.leader();
console.log(`${leader.id} was stopped, ${next.id} leads`);
console.log(`visits = ${await cluster.propose(encodeAdd({ name: 'visits', amount: 1 }))}`);

await cluster.stop();
