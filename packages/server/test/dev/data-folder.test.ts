// What a second run finds in the folder of the first.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type ClusterFileMember, readClusterFile, writeClusterFile } from '../../src/dev/cluster-file.ts';
import { placesIn, removeData, type Wanted } from '../../src/dev/data-folder.ts';
import { lastLines } from '../../src/dev/last-lines.ts';
import { layOut, urlOf } from '../../src/dev/layout.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kontiki-dev-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** No process has this id: it is beyond what systems give. */
const nobody = 2 ** 30;

/** As a run of so many members from this port on would leave it. */
async function leave(members: number, basePort: number, pid: number = nobody): Promise<readonly ClusterFileMember[]> {
  const places = await layOut(members, folder, basePort);
  const left = places.map(({ name, clientPort, peerPort, dataDir }) => {
    mkdirSync(dataDir);
    writeFileSync(`${dataDir}.log`, 'log\n');
    return { name, pid, clientUrl: urlOf(clientPort), peerUrl: urlOf(peerPort), dataDir };
  });
  writeClusterFile(folder, left);
  return left;
}

async function portsFor(wanted: Partial<Wanted>): Promise<string> {
  try {
    const places = await placesIn(folder, { members: undefined, basePort: undefined, ...wanted });
    return places.map(({ clientPort }) => clientPort).join(' ');
  } catch (error: unknown) {
    assert.ok(error instanceof Error);
    return error.message;
  }
}

describe('cluster.json', () => {
  it('holds exactly what scripts are promised, and no draft of it stays behind', async () => {
    const members = await leave(2, 4000);

    assert.deepEqual(JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')), { members });
    assert.deepEqual(Object.keys(members[0] ?? {}), ['name', 'pid', 'clientUrl', 'peerUrl', 'dataDir']);
    assert.deepEqual(readdirSync(folder), ['cluster.json', 'n1', 'n1.log', 'n2', 'n2.log']);
    assert.deepEqual(readClusterFile(folder), members);
  });

  for (const text of ['', '[]', '{}', '{"members":1}', '{"members":[{"name":"n1"}]}', '{"members":[null]}']) {
    it(`${JSON.stringify(text)} is none of ours`, () => {
      writeFileSync(join(folder, 'cluster.json'), text);

      assert.equal(readClusterFile(folder), undefined);
    });
  }
});

describe('a folder with data', () => {
  it('goes on with its members and ports when nothing else is asked for', async () => {
    await leave(2, 4000);

    assert.equal(await portsFor({}), '4000 4002');
    assert.equal(await portsFor({ basePort: 0 }), '4000 4002');
    assert.equal(await portsFor({ members: 2, basePort: 4000 }), '4000 4002');
  });

  it('refuses another number of members, and says how to begin anew', async () => {
    await leave(2, 4000);

    assert.match(await portsFor({ members: 3 }), /has the data of 2 members, but --members is 3: --fresh begins anew/);
  });

  it('refuses other ports, by name', async () => {
    await leave(2, 4000);

    assert.match(await portsFor({ basePort: 5000 }), /on other ports \(n1 on 4000\): leave out --base-port/);
  });

  it('is laid out anew when the data was removed by hand', async () => {
    const members = await leave(2, 4000);
    for (const { dataDir } of members) rmSync(dataDir, { recursive: true });

    assert.equal(await portsFor({ basePort: 5000 }), '5000 5002 5004');
  });

  it('does not follow a file that names other places', async () => {
    const [member] = await leave(1, 4000);
    assert.ok(member !== undefined);
    writeClusterFile(folder, [{ ...member, clientUrl: 'http://10.0.0.1:4000' }]);

    assert.match(await portsFor({}), /cluster\.json was not written by kontiki dev/);
  });

  it('is refused when it is a file', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');

    await assert.rejects(placesIn(path, { members: 1, basePort: 0 }), /file cannot be used: ENOTDIR/);
  });
});

describe('--fresh', () => {
  it('removes what a run has left, and nothing is left', async () => {
    await leave(3, 4000);

    removeData(folder);

    assert.deepEqual(readdirSync(folder), []);
  });

  it('has nothing to do in an empty folder or where there is none', () => {
    removeData(folder);
    removeData(join(folder, 'absent'));
  });

  it('removes nothing where there is a file of somebody else', async () => {
    await leave(1, 4000);
    writeFileSync(join(folder, 'thesis.txt'), 'years');

    assert.throws(() => removeData(folder), /thesis\.txt in it is not of kontiki dev/);
    assert.ok(existsSync(join(folder, 'n1')));
  });

  it('removes nothing under a member that runs', async () => {
    await leave(1, 4000, process.pid);

    assert.throws(
      () => removeData(folder),
      new RegExp(`n1, which still runs as process ${process.pid}: stop that first`),
    );
    assert.ok(existsSync(join(folder, 'n1')));
  });
});

describe('the end of a log', () => {
  it('is its last lines, whole', () => {
    const path = join(folder, 'log');
    writeFileSync(path, 'one\ntwo\nthree\n');

    assert.deepEqual(lastLines(path, 2), ['two', 'three']);
    assert.deepEqual(lastLines(path, 9), ['one', 'two', 'three']);
  });

  it('of a large file is read from the end of it', () => {
    const path = join(folder, 'log');
    writeFileSync(path, `${'x'.repeat(1_000_000)}\nlast\n`);

    assert.deepEqual(lastLines(path, 1), ['last']);
  });

  it('is empty for an empty file and for none', () => {
    const path = join(folder, 'log');
    assert.deepEqual(lastLines(path, 3), []);
    writeFileSync(path, '');
    assert.deepEqual(lastLines(path, 3), []);
  });
});
