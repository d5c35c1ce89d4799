import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpointsOf, layOut, logFile } from '../../src/dev/layout.ts';

async function portsOf(members: number, basePort: number | undefined): Promise<readonly (readonly number[])[]> {
  const places = await layOut(members, '/data', basePort);
  return places.map(({ clientPort, peerPort }) => [clientPort, peerPort]);
}

describe('the layout of a local cluster', () => {
  it('takes etcd’s usual ports, peers one higher each', async () => {
    assert.deepEqual(await portsOf(5, undefined), [
      [2379, 2380],
      [22379, 22380],
      [32379, 32380],
      [42379, 42380],
      [52379, 52380],
    ]);
  });

  it('takes neighbours from a base port on', async () => {
    assert.deepEqual(await portsOf(3, 4000), [
      [4000, 4001],
      [4002, 4003],
      [4004, 4005],
    ]);
  });

  it('takes free ports, all of them different, for base port 0', async () => {
    const ports = (await portsOf(5, 0)).flat();

    assert.equal(new Set(ports).size, 10);
    assert.ok(ports.every((port) => port > 0));
  });

  it('names members and puts each one’s data in its folder, its log beside it', async () => {
    const places = await layOut(2, '/data', 4000);

    assert.deepEqual(
      places.map(({ name, dataDir }) => [name, dataDir]),
      [
        ['n1', '/data/n1'],
        ['n2', '/data/n2'],
      ],
    );
    assert.deepEqual(places.map(logFile), ['/data/n1.log', '/data/n2.log']);
    assert.equal(endpointsOf(places), '127.0.0.1:4000,127.0.0.1:4002');
  });

  const refused: readonly (readonly [members: number, basePort: number | undefined, reason: RegExp])[] = [
    [0, undefined, /--members is 0, but a local cluster has 1 to 5/],
    [6, undefined, /--members is 6, but/],
    [1.5, 0, /--members is 1\.5, but/],
    [3, 65_531, /--base-port 65531 leads to port 65536, but ports go from 1 to 65535/],
    [1, 70_000, /leads to port 70000/],
  ];
  for (const [members, basePort, reason] of refused) {
    it(`refuses ${members} members from port ${basePort}`, async () => {
      await assert.rejects(layOut(members, '/data', basePort), { name: 'RangeError', message: reason });
    });
  }

  it('fits the last port there is', async () => {
    assert.deepEqual((await portsOf(3, 65_530)).at(-1), [65_534, 65_535]);
  });
});
