import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryDisk, type Vfs, type VfsFile } from '@kontiki/wal';
import { DataDir, DataDirError, type DataDirOptions, type NewMember } from '../../src/data-dir.ts';
import { answered, completed } from '../../src/promised.ts';

function disk(): MemoryDisk {
  return new MemoryDisk({ schedule: (task) => setImmediate(task) });
}

const founder: NewMember = {
  clusterId: 0xc1n,
  memberId: 0xa1n,
  members: [{ id: 0xa1n, peerUrls: ['http://a:1'] }],
  joins: false,
};

function options(vfs: Vfs, changes: Partial<DataDirOptions> = {}): DataDirOptions {
  const plain = { directory: '/data', walDirectory: undefined, token: 't', flagged: founder };
  return { vfs, ...plain, newMember: async () => founder, ...changes };
}

async function put(vfs: Vfs, directory: string, name: string, text: string): Promise<void> {
  await answered((done) => vfs.makeDirectory(directory, done));
  const file = await completed<VfsFile>((completion) => vfs.open(`${directory}/${name}`, 'create', completion));
  await answered((done) => file.write(0, Buffer.from(text), done));
  await answered((done) => file.fdatasync(done));
  await answered((done) => vfs.syncDirectory(directory, done));
}

function refused(pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof DataDirError && pattern.test(error.message);
}

describe('a data directory', () => {
  it('keeps its incarnation and counts its starts, across power failures', async () => {
    const machine = disk();
    const first = await DataDir.open(options(machine.mount()));
    const { incarnation } = first;
    assert.equal(first.boot, 1);
    assert.match(incarnation, /^[\da-f]{32}$/);

    machine.crash(() => false);
    const second = await DataDir.open(options(machine.mount()));
    assert.equal(second.boot, 2);
    assert.equal(second.incarnation, incarnation);
  });

  it('remembers the incarnations of peers, across power failures', async () => {
    const machine = disk();
    const first = await DataDir.open(options(machine.mount()));
    await Promise.all([first.rememberPeer('b2', 'one'), first.rememberPeer('c3', 'two')]);

    machine.crash(() => false);
    const second = await DataDir.open(options(machine.mount()));
    assert.deepEqual(
      [second.knownPeer('b2'), second.knownPeer('c3'), second.knownPeer('d4')],
      ['one', 'two', undefined],
    );
  });

  it('is held by one process at a time', async () => {
    const machine = disk();
    const first = await DataDir.open(options(machine.mount()));
    await assert.rejects(() => DataDir.open(options(machine.mount())), { code: 'LOCKED' });

    await first.close();
    const second = await DataDir.open(options(machine.mount()));
    assert.equal(second.boot, 2);
  });

  it('is refused to another member of its cluster and under another token, and tells the way out', async () => {
    const machine = disk();
    await (await DataDir.open(options(machine.mount()))).close();

    const way = /belongs to member a1 of cluster c1, but the flags make this member .* or give another --data-dir$/;
    await assert.rejects(
      () => DataDir.open(options(machine.mount(), { flagged: { ...founder, memberId: 0xa2n } })),
      refused(way),
    );
    await assert.rejects(() => DataDir.open(options(machine.mount(), { token: 'u' })), refused(way));
    const again = await DataDir.open(options(machine.mount()));
    assert.equal(again.boot, 2, 'a refusal leaves the directory as it was');
  });

  it('of a newer format is refused', async () => {
    const machine = disk();
    await put(machine.mount(), '/data', 'kontiki.json', '{"format":2,"shape":"unknown"}');

    await assert.rejects(
      () => DataDir.open(options(machine.mount())),
      refused(/says format 2, and this version reads format 1/),
    );
  });

  it('whose file is damaged is refused', async () => {
    for (const text of [
      '',
      '{',
      '[]',
      '{"format":1}',
      '{"format":1,"cluster":"c1","member":"a1","incarnation":"x","boot":1.5,"peers":{}}',
    ]) {
      const machine = disk();
      await put(machine.mount(), '/data', 'kontiki.json', text);
      await assert.rejects(() => DataDir.open(options(machine.mount())), refused(/is damaged/), text);
    }
  });

  it('that holds what is not ours is refused', async () => {
    const machine = disk();
    await put(machine.mount(), '/data/member/snap', 'db', "etcd's");

    await assert.rejects(
      () => DataDir.open(options(machine.mount())),
      refused(/holds member\/snap\/db but no kontiki\.json/),
    );
  });

  it('whose log is gone is refused from the moment the member may have voted', async () => {
    const machine = disk();
    const first = await DataDir.open(options(machine.mount()));
    await first.close();
    const second = await DataDir.open(options(machine.mount()));
    await put(machine.mount(), second.walDirectory, '1.wal', 'a log');
    await second.logIsThere();
    await second.close();
    const third = await DataDir.open(options(machine.mount()));
    await third.close();

    await answered((done) => machine.mount().unlink(`${third.walDirectory}/1.wal`, done));
    await assert.rejects(() => DataDir.open(options(machine.mount())), refused(/^the log of this member is gone: /));
  });

  it('knows who its member is, whatever later flags say of the initial cluster', async () => {
    const machine = disk();
    await (await DataDir.open(options(machine.mount()))).close();
    const never = (): never => assert.fail('who has data is not asked again');

    for (const flagged of [undefined, { clusterId: 0xc2n, memberId: 0xa9n }]) {
      const dir = await DataDir.open(options(machine.mount(), { flagged, newMember: never }));
      assert.deepEqual([dir.clusterId, dir.memberId], [0xc1n, 0xa1n]);
      assert.deepEqual(dir.beginning, { joins: false, members: founder.members });
      await dir.close();
    }
  });

  it('of a member that joins keeps who told it, across power failures', async () => {
    const machine = disk();
    const joiner = { ...founder, memberId: 0xb1n, joins: true };
    await DataDir.open(options(machine.mount(), { flagged: undefined, newMember: async () => joiner }));

    machine.crash(() => false);
    const again = await DataDir.open(options(machine.mount(), { flagged: undefined }));
    assert.equal(again.memberId, 0xb1n);
    assert.deepEqual(again.beginning, { joins: true, members: founder.members });
  });

  it('is not made for a member that its cluster does not know', async () => {
    const machine = disk();
    const unknown = async (): Promise<never> => {
      throw new Error('member count is unequal');
    };
    await assert.rejects(
      () => DataDir.open(options(machine.mount(), { newMember: unknown })),
      /member count is unequal/,
    );

    assert.equal((await DataDir.open(options(machine.mount()))).boot, 1, 'nothing was left behind');
  });

  it('forgets what it knew of members that were removed', async () => {
    const machine = disk();
    const first = await DataDir.open(options(machine.mount()));
    await first.rememberPeer('b2', 'one');
    await first.rememberPeer('c3', 'two');
    await first.forgetPeers(['b2', 'd4']);

    machine.crash(() => false);
    const second = await DataDir.open(options(machine.mount()));
    assert.deepEqual([second.knownPeer('b2'), second.knownPeer('c3')], [undefined, 'two']);
  });
});
