// The ports in memory pass the suites they are meant to help with.

import { test } from 'node:test';
import type { NodeId } from '@kontiki/raft';
import {
  logStoreSuite,
  snapshotStoreSuite,
  stateMachineSuite,
  tickerSuite,
  transportSuite,
} from '@kontiki/raft/contracts';
import { MemoryLogDisk, MemorySnapshotDisk, MessageNetwork, VirtualTime } from '@kontiki/raft/memory';
import { DurableRegister, MemoryRegister } from '../driver/register.ts';

function virtual() {
  const time = new VirtualTime();
  return { time, ticker: time.ticker(), drive: () => time.advance(1), dispose: () => {} };
}

logStoreSuite({
  test,
  create: () => {
    const disk = new MemoryLogDisk();
    const rig = virtual();
    return { ...rig, open: () => Promise.resolve(disk.open(rig.ticker)), crash: () => {} };
  },
});

snapshotStoreSuite({
  test,
  create: () => {
    const disk = new MemorySnapshotDisk();
    const rig = virtual();
    return { ...rig, open: () => Promise.resolve(disk.open(rig.ticker)) };
  },
});

transportSuite({
  test,
  create: () => {
    const network = new MessageNetwork();
    const rig = virtual();
    const [a, b] = [network.at('a' as NodeId, rig.ticker), network.at('b' as NodeId, rig.ticker)];
    return { ...rig, a, b, introduce: () => {} };
  },
});

tickerSuite({ test, create: virtual });

const commands = [3, 1, 4, 1, 5].map((value) => Uint8Array.of(value));

stateMachineSuite({
  test,
  create: () => ({ ...virtual(), fresh: () => new MemoryRegister() }),
  commands,
  whole: 'sum',
});

stateMachineSuite({
  test,
  create: () => {
    const rig = virtual();
    const machines: DurableRegister[] = [];
    return {
      ...rig,
      drive: () => {
        for (const machine of machines) machine.flush();
        rig.drive();
      },
      fresh: () => {
        const machine = new DurableRegister({ content: { at: { term: 0, index: 0 }, values: [] } }, rig.ticker);
        machines.push(machine);
        return machine;
      },
    };
  },
  commands,
  whole: 'sum',
});
