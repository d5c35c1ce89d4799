// A process that writes to a lossy backend until it is killed, and prints what it was told: `c n` when batch n shows, `d n`
// when it is durable. Run by `lossy-backend.slow.test.ts`.

import { openLmdbBackend } from '@kontiki/kv/node';
import { drawFrom, LossyBackend } from '@kontiki/kv/testing';

const [path = '', seed = '0', how = ''] = process.argv.slice(2);

openLmdbBackend({ path }, (opened) => {
  if (opened.kind === 'failed') throw opened.error;
  const draw = drawFrom(Number(seed));
  const lossy = new LossyBackend({
    below: opened.backend,
    defer: (task) => setImmediate(task),
    deferFlush: (task) => setTimeout(task, 20 + draw.below(60)),
    spill: (held) => (draw.oneIn(5) ? draw.below(held + 1) : 0),
    reportsEarly: how === 'early',
  });
  const view = lossy.view();
  let batch = new DataView((view.get('meta', new Uint8Array([1])) ?? new Uint8Array(8)).buffer).getFloat64(0);
  view.close();
  const write = (): void => {
    batch += 1;
    const own = batch;
    const value = new Uint8Array(8);
    new DataView(value.buffer).setFloat64(0, own);
    lossy.commit(
      [
        { kind: 'put', space: 'rows', key: value, value },
        { kind: 'put', space: 'meta', key: new Uint8Array([1]), value },
      ],
      () => {
        process.stdout.write(`c ${own}\n`);
        setTimeout(write, 1);
      },
      (error) => {
        if (error !== undefined) throw error;
        process.stdout.write(`d ${own}\n`);
      },
    );
  };
  write();
});
