// A process that writes batches until it is killed, and prints the number of each that is durable. Every batch puts as
// many rows as it names and the number of rows in all, so that whoever looks afterwards sees a batch cut short. Run by
// `lmdb-crash.slow.test.ts`.

import { openLmdbBackend } from '@kontiki/kv/node';

const [path = ''] = process.argv.slice(2);
const number = (value: number): Uint8Array => {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setFloat64(0, value);
  return key;
};

openLmdbBackend({ path }, (opened) => {
  if (opened.kind === 'failed') throw opened.error;
  const { backend } = opened;
  const view = backend.view();
  const found = view.get('meta', number(1));
  view.close();
  let rows = found === undefined ? 0 : new DataView(found.buffer, found.byteOffset).getFloat64(0);
  const write = (): void => {
    const count = 1 + ((rows * 7919) % 3000);
    const batch = Array.from(
      { length: count },
      (_, at) => ({ kind: 'put', space: 'rows', key: number(1 + rows + at), value: new Uint8Array(64) }) as const,
    );
    rows += count;
    backend.commit(
      [...batch, { kind: 'put', space: 'meta', key: number(1), value: number(rows) }],
      () => {},
      (error) => {
        if (error !== undefined) throw error;
        process.stdout.write(`${rows}\n`);
        write();
      },
    );
  };
  write();
});
