// Concurrent clients that write, one call at a time each, and write down what they were told. A call without a clear answer
// is `unknown` and never repeated: a key under `once/` is the subject of one call in its life.

import { performance } from 'node:perf_hooks';
import { MemberClient } from './client.ts';
import type { WriteRecord } from './record.ts';

const deadlineMs = 8_000;

export interface Writers {
  readonly records: readonly WriteRecord[];
  acknowledged(): number;
  /** Resolves when every writer's last call has ended. */
  stop(): Promise<void>;
}

/** With `moveEvery`, a writer goes to the next endpoint after so many calls; `endpoints` may change meanwhile. */
export function startWriters(
  endpoints: readonly string[],
  round: number,
  count: number,
  moveEvery = Number.POSITIVE_INFINITY,
): Writers {
  const records: WriteRecord[] = [];
  let running = true;
  let acknowledged = 0;

  const write = async (writer: number): Promise<void> => {
    let at = writer % endpoints.length;
    let client = new MemberClient(endpoints[at] ?? '');
    const move = (): void => {
      client.close();
      at = (at + 1) % endpoints.length;
      client = new MemberClient(endpoints[at] ?? '');
    };
    for (let n = 0; running; n++) {
      if (n % moveEvery === moveEvery - 1) move();
      const key = n % 4 === 3 ? `over/${writer}` : `once/${round}/${writer}/${n}`;
      const value = `${round}.${writer}.${n}`;
      const calledMs = performance.now();
      try {
        const revision = await client.put(key, value, deadlineMs);
        acknowledged++;
        records.push({
          round,
          writer,
          key,
          value,
          outcome: { kind: 'acknowledged', revision },
          calledMs,
          answeredMs: performance.now(),
        });
      } catch (error: unknown) {
        records.push({
          round,
          writer,
          key,
          value,
          outcome: { kind: 'unknown', error: String(error) },
          calledMs,
          answeredMs: performance.now(),
        });
        move();
        // A dead port refuses at once; without a pause the writer would only count refusals.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    client.close();
  };

  const all = Array.from({ length: count }, (_, writer) => write(writer));
  return {
    records,
    acknowledged: () => acknowledged,
    stop: async () => {
      running = false;
      await Promise.all(all);
    },
  };
}
