import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { commandsIn, DocCluster, docCommands } from '../doc-commands.ts';

let cluster: DocCluster;
before(async () => {
  cluster = await DocCluster.start();
});
after(() => cluster.stop());

const hasEtcdctl = spawnSync('etcdctl', ['version']).error === undefined;
const required = (process.env.KONTIKI_REQUIRE ?? '').split(',').includes('etcdctl');

for (const commands of docCommands().filter(({ long }) => !long)) {
  const needsEtcdctl = commands.script.includes('etcdctl');
  const skip = needsEtcdctl && !hasEtcdctl && !required ? 'etcdctl is not installed (Debian: etcd-client)' : false;
  test(`${commands.page}:${commands.line} runs as it stands`, { skip }, async () => {
    const { code, output } = await cluster.run(commands);

    assert.equal(code, 0, output);
  });
}

test('the docs have commands to run', () => {
  assert.ok(docCommands().filter(({ long }) => !long).length >= 2);
});

test('a command that fails is seen', async () => {
  const [commands] = commandsIn('page.md', '```sh\nnpx kontiki get a --limit x\n```\n');
  assert.ok(commands !== undefined);

  assert.notEqual((await cluster.run(commands)).code, 0);
});
