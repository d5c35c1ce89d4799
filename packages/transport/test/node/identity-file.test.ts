import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { NodeId } from '@kontiki/raft';
import { type MemberIdentity, openIdentityFile } from '../../src/node/index.ts';

async function place(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kontiki-identity-'));
  t.after(() => rm(directory, { recursive: true }));
  return join(directory, 'identity.json');
}

function remember(identity: MemberIdentity, id: string, incarnation: string): Promise<Error | undefined> {
  return new Promise((resolve) => identity.incarnations.remember(id as NodeId, incarnation, resolve));
}

test('the incarnation stays, the boot counts, peers are remembered', async (t) => {
  const path = await place(t);
  const first = await openIdentityFile(path);
  assert.equal(first.boot, 1);
  assert.equal(first.incarnations.known('b' as NodeId), undefined);
  await Promise.all([remember(first, 'b', 'disk of b'), remember(first, 'c', 'disk of c')]);

  const second = await openIdentityFile(path);

  assert.equal(second.boot, 2);
  assert.equal(second.incarnation, first.incarnation);
  assert.equal(second.incarnations.known('b' as NodeId), 'disk of b');
  assert.equal(second.incarnations.known('c' as NodeId), 'disk of c');
});

test('the first incarnation of a peer is the one that stays', async (t) => {
  const identity = await openIdentityFile(await place(t));

  await Promise.all([remember(identity, 'b', 'first'), remember(identity, 'b', 'second')]);

  assert.equal(identity.incarnations.known('b' as NodeId), 'first');
});

for (const [what, text] of [
  ['cut short', '{"format":1,"incarn'],
  ['of a newer format', '{"format":2,"incarnation":"x","boot":1,"peers":{}}'],
  ['empty', ''],
] as const) {
  test(`a file that is ${what} is refused with what to do, and left as it is`, async (t) => {
    const path = await place(t);
    await writeFile(path, text);

    await assert.rejects(openIdentityFile(path), /restore the file, or remove the member and add it again/);
    assert.equal(await readFile(path, 'utf8'), text);
  });
}
