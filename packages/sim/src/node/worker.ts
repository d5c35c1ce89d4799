// One worker thread: plays what it is given and answers what came of it.

import { parentPort } from 'node:worker_threads';
import { labTestsNamed } from '../labs/suite.ts';
import { mutantNamed } from '../mutants.ts';
import { type Report, run, ViolationError } from '../run.ts';
import { type Counted, count } from '../sessions/counting.ts';
import { playStory, type Shrunk, shrink } from '../shrink.ts';
import { allLabTests } from './lab-tests.ts';
import { nodeHost } from './node-host.ts';
import type { Job, Played, PlayedLab } from './pool.ts';

async function answer(job: Job): Promise<Played | Counted | Shrunk | PlayedLab> {
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
    case 'sessions': {
      const { seed, mutant } = job;
      return count(seed, mutant === undefined ? {} : { rules: mutantNamed(mutant).rules });
    }
    case 'story': {
      const { violations, report } = await playStory(job.story, nodeHost);
      return { violations, report: withoutInputs(report) };
    }
    case 'lab':
      return playLab(job);
    case 'shrink':
      return await shrink(job.story, { host: nodeHost, runsMax: job.runsMax });
  }
}

function playLab({ test: name, setting, from, seeds }: Extract<Job, { readonly kind: 'lab' }>): PlayedLab {
  const [test] = labTestsNamed([name], allLabTests);
  const failures: { readonly seed: number; readonly text: string }[] = [];
  const begun = process.hrtime.bigint();
  let numbers: PlayedLab['numbers'];
  let virtualMs = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    try {
      numbers = test?.run(setting, seed);
      virtualMs += numbers?.virtualMs ?? 0;
    } catch (error: unknown) {
      failures.push({ seed, text: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
    }
  }
  return { failures, numbers, virtualMs, realMs: Number(process.hrtime.bigint() - begun) / 1e6 };
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
