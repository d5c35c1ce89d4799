// A process that writes until the disk takes no more, and says what came of it. Run by `lmdb-crash.slow.test.ts`.

import { openLmdbBackend } from '@kontiki/kv/node';

const [path = ''] = process.argv.slice(2);
const line = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

openLmdbBackend({ path }, (opened) => {
  if (opened.kind === 'failed') throw opened.error;
  const { backend } = opened;
  let applied = 0;
  const write = (): void => {
    applied += 1;
    const value = new Uint8Array(100_000).fill(applied);
    const key = new Uint8Array([applied >> 8, applied & 255]);
    backend.commit(
      [
        { kind: 'put', space: 'rows', key, value },
        { kind: 'put', space: 'meta', key: new Uint8Array([1]), value: key },
      ],
      (error) => error && line(`committed: ${error.message}`),
      (error) => {
        if (error === undefined) {
          line(`durable ${applied}`);
          if (applied === 1000) throw new Error('the disk never filled');
          write();
          return;
        }
        line(`durable: ${error.message}`);
        try {
          backend.view();
        } catch {
          line('no view');
        }
        backend.commit(
          [],
          () => {},
          (again) => {
            line(`then: ${again?.message}`);
            backend.close((closing) => line(`closed ${closing?.message ?? ''}`));
          },
        );
      },
    );
  };
  write();
});
