// Worker threads that play runs, as many as there are cores. A run is one job; results come back in any order.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Numbers } from '../labs/raft-lab.ts';
import type { SettingName } from '../labs/settings.ts';
import type { Size } from '../plan.ts';
import type { PlantedFault } from '../planted.ts';
import type { Report, Violation } from '../run.ts';
import type { RunStory } from '../run-story.ts';
import type { Counted } from '../sessions/counting.ts';
import type { Shrunk } from '../shrink.ts';

export type Job =
  | {
      readonly kind: 'seed';
      readonly seed: number;
      readonly size: Size;
      readonly mutant?: string;
      readonly planted?: readonly PlantedFault[];
    }
  | { readonly kind: 'sessions'; readonly seed: number; readonly mutant?: string }
  | { readonly kind: 'story'; readonly story: RunStory }
  | { readonly kind: 'shrink'; readonly story: RunStory; readonly runsMax: number }
  | {
      readonly kind: 'lab';
      readonly test: string;
      readonly setting: SettingName;
      readonly from: number;
      readonly seeds: number;
    };

export interface Played {
  readonly violations: readonly Violation[];
  /** Inputs only where something was found. */
  readonly report: Report;
}

/** Several seeds of one test of the labs. */
export interface PlayedLab {
  readonly failures: readonly { readonly seed: number; readonly text: string }[];
  /** Of the last seed that passed. */
  readonly numbers: Numbers | undefined;
  /** Of all seeds together, those that failed left out. */
  readonly virtualMs: number;
  readonly realMs: number;
}

interface Waiting {
  readonly job: Job;
  readonly secondsMax: number | undefined;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** A run makes much garbage that lives for a moment: with room for more of it at once a sixth of the time is saved. */
const maxYoungGenerationSizeMb = 192;

export class Pool {
  readonly size: number;
  readonly #file: URL;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Waiting>();
  readonly #timers = new Map<Worker, NodeJS.Timeout>();
  readonly #queue: Waiting[] = [];
  #isClosed = false;

  constructor(size: number = availableParallelism()) {
    this.size = size;
    // Threads run what was built, also when a test runs from source: the loader of TypeScript does not reach into them.
    const file = import.meta.url.endsWith('.ts') ? '../../dist/node/worker.js' : './worker.js';
    this.#file = new URL(file, import.meta.url);
    for (let at = 0; at < size; at++) this.#idle.push(this.#open());
  }

  /** Rejects when the run breaks its worker, or takes longer than it may. */
  play(job: Extract<Job, { readonly kind: 'seed' | 'story' }>, secondsMax?: number): Promise<Played> {
    return this.#run(job, secondsMax);
  }

  playSessions(seed: number, mutant: string | undefined, secondsMax?: number): Promise<Counted> {
    return this.#run({ kind: 'sessions', seed, ...(mutant === undefined ? {} : { mutant }) }, secondsMax);
  }

  shrink(story: RunStory, runsMax: number): Promise<Shrunk> {
    return this.#run({ kind: 'shrink', story, runsMax });
  }

  playLab(job: Extract<Job, { readonly kind: 'lab' }>, secondsMax?: number): Promise<PlayedLab> {
    return this.#run(job, secondsMax);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all([...this.#idle, ...this.#busy.keys()].map((worker) => worker.terminate()));
  }

  #run<T>(job: Job, secondsMax?: number): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, secondsMax, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    const worker = this.#queue.length === 0 ? undefined : this.#idle.pop();
    if (worker === undefined) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) return;
    this.#busy.set(worker, waiting);
    const { secondsMax } = waiting;
    if (secondsMax !== undefined) this.#limit(worker, waiting, secondsMax);
    worker.postMessage(waiting.job);
  }

  /** Whoever does not come to an end is replaced. */
  #limit(worker: Worker, waiting: Waiting, secondsMax: number): void {
    const timer = setTimeout(() => {
      this.#busy.delete(worker);
      this.#timers.delete(worker);
      void worker.terminate();
      this.#replace();
      waiting.reject(new Error(`the run took longer than ${secondsMax} s`));
    }, secondsMax * 1000);
    this.#timers.set(worker, timer);
  }

  #replace(): void {
    if (this.#isClosed) return;
    this.#idle.push(this.#open());
    this.#next();
  }

  #open(): Worker {
    const worker = new Worker(this.#file, { execArgv: [], resourceLimits: { maxYoungGenerationSizeMb } });
    const settle = (act: (waiting: Waiting) => void): void => {
      const waiting = this.#busy.get(worker);
      this.#busy.delete(worker);
      clearTimeout(this.#timers.get(worker));
      this.#timers.delete(worker);
      if (waiting !== undefined) act(waiting);
    };
    worker.on('message', (answer: { readonly value?: never; readonly error?: string }) => {
      settle(({ resolve, reject }) => {
        if (answer.error !== undefined) reject(new Error(answer.error));
        else resolve(answer.value as never);
      });
      this.#idle.push(worker);
      this.#next();
    });
    worker.on('error', (error: Error) =>
      settle(({ reject }) => {
        this.#replace();
        reject(error);
      }),
    );
    return worker;
  }
}
