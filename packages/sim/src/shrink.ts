// Makes a failing run small: inputs are left out, whole kinds of them first and then part by part (delta debugging), and
// the plan is made plain, as long as the same checker still fails.

import type { Host } from './host.ts';
import { isCall, type TimedInput } from './inputs.ts';
import { mutantNamed } from './mutants.ts';
import type { Plan } from './plan.ts';
import { type Report, run, type Violation, ViolationError } from './run.ts';
import type { RunStory } from './run-story.ts';

export interface ShrinkOptions {
  readonly host: Host;
  /** How many runs it may take; it ends with the smallest failing one. */
  readonly runsMax: number;
}

export interface Shrunk {
  readonly story: RunStory;
  readonly runs: number;
  /** Inputs of the story it began with. */
  readonly before: number;
}

/** Plays a story: what was found, or nothing. */
export async function playStory(
  story: RunStory,
  host: Host,
  untilTick?: number,
): Promise<{ readonly violations: readonly Violation[]; readonly report: Report }> {
  const { plan, inputs, mutant, planted } = story;
  try {
    const report = await run(plan.seed, {
      host,
      plan,
      inputs,
      planted,
      ...(mutant === undefined ? {} : { rules: mutantNamed(mutant).rules }),
      ...(untilTick === undefined ? {} : { untilTick }),
    });
    return { violations: [], report };
  } catch (error: unknown) {
    if (error instanceof ViolationError) return { violations: error.violations, report: error.report };
    throw error;
  }
}

export async function shrink(story: RunStory, options: ShrinkOptions): Promise<Shrunk> {
  const shrinking = new Shrinking(story, options);
  return await shrinking.shrink();
}

class Shrinking {
  readonly #options: ShrinkOptions;
  readonly #before: number;
  #best: RunStory;
  /** The tick at which the best one fails. */
  #fails = 0;
  #runs = 0;

  constructor(story: RunStory, options: ShrinkOptions) {
    this.#options = options;
    this.#best = story;
    this.#before = story.inputs.length;
  }

  async shrink(): Promise<Shrunk> {
    const { plan } = this.#best;
    const first = await playStory(this.#best, this.#options.host);
    this.#fails = first.report.ticks;
    if (first.violations.some(({ checker }) => checker === this.#best.checker)) {
      // Nothing after the end has a part in it.
      await this.#try({ inputs: this.#best.inputs.filter(({ at }) => at <= this.#fails) });
      await this.#groups();
      await this.#parts();
      await this.#plainer(plan);
      await this.#parts();
    }
    return { story: this.#best, runs: this.#runs, before: this.#before };
  }

  /** Everything of one kind, then everything of one client. */
  async #groups(): Promise<void> {
    const nameOf = ({ input }: TimedInput): readonly string[] =>
      isCall(input) ? [input.kind, input.client] : [input.kind];
    const names = new Set(this.#best.inputs.flatMap(nameOf));
    for (const name of names) {
      await this.#try({ inputs: this.#best.inputs.filter((timed) => !nameOf(timed).includes(name)) });
    }
  }

  /** Delta debugging (Zeller's ddmin): leaves out ever smaller parts. */
  async #parts(): Promise<void> {
    for (let parts = 2; this.#best.inputs.length > 0 && !this.#isSpent; ) {
      const { inputs } = this.#best;
      const length = Math.ceil(inputs.length / parts);
      let isSmaller = false;
      for (let from = 0; from < this.#best.inputs.length && !this.#isSpent; ) {
        const { inputs: now } = this.#best;
        if (await this.#try({ inputs: [...now.slice(0, from), ...now.slice(from + length)] })) isSmaller = true;
        else from += length;
      }
      if (length === 1 && !isSmaller) return;
      if (!isSmaller) parts = Math.min(inputs.length, parts * 2);
    }
  }

  /** What is drawn in the plan, without being an input: fewer members, a good network, quick disks, no watchers. */
  async #plainer(plan: Plan): Promise<void> {
    const quiet: readonly Partial<Plan>[] = [
      { watchers: 0 },
      { messages: { lost: 0, doubled: 0, held: 0, rare: 0, heldTicks: 10 } },
      { latency: { least: 0, most: 0 } },
      { syncTicks: 0 },
      { flushTicks: 0 },
      ...(plan.members > 3 ? [{ members: 3 }] : []),
    ];
    for (const change of quiet) await this.#try({ plan: { ...this.#best.plan, ...change } });
  }

  get #isSpent(): boolean {
    return this.#runs >= this.#options.runsMax;
  }

  async #try(change: Partial<RunStory>): Promise<boolean> {
    if (this.#isSpent) return false;
    this.#runs += 1;
    const story = { ...this.#best, ...change };
    // What has not failed a while after the best one did, has not failed.
    const untilTick = this.#fails <= story.plan.ticks ? this.#fails + Math.max(500, this.#fails) : undefined;
    const { violations, report } = await playStory(story, this.#options.host, untilTick);
    const found = violations.find(({ checker }) => checker === story.checker);
    if (found === undefined) return false;
    this.#best = { ...story, text: found.text };
    this.#fails = report.ticks;
    return true;
  }
}
