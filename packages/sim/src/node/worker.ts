// One worker thread: plays what it is given and answers what came of it.

import { parentPort } from 'node:worker_threads';
import { mutantNamed } from '../mutants.ts';
import { type Report, run, ViolationError } from '../run.ts';
import { playStory, type Shrunk, shrink } from '../shrink.ts';
import { nodeHost } from './node-host.ts';
import type { Job, Played } from './pool.ts';

async function answer(job: Job): Promise<Played | Shrunk> {
  switch (job.kind) {
    case 'seed': {
      const { seed, size, mutant, planted = [] } = job;
      const rules = mutant === undefined ? {} : { rules: mutantNamed(mutant).rules };
      try {
        const report = await run(seed, { host: nodeHost, size, planted, ...rules });
        return { violations: [], report: withoutInputs(report) };
      } catch (error: unknown) {
        if (error instanceof ViolationError) return { violations: error.violations, report: error.report };
        throw error;
      }
    }
    case 'story': {
      const { violations, report } = await playStory(job.story, nodeHost);
      return { violations, report: withoutInputs(report) };
    }
    case 'shrink':
      return await shrink(job.story, { host: nodeHost, runsMax: job.runsMax });
  }
}

function withoutInputs(report: Report): Report {
  return { ...report, inputs: [] };
}

parentPort?.on('message', (job: Job) => {
  answer(job).then(
    (value) => parentPort?.postMessage({ value }),
    (error: unknown) => parentPort?.postMessage({ error: error instanceof Error ? error.stack : String(error) }),
  );
});
