// A backend that makes a killed process lose what a power failure would: commits stay in the memory of the process, where
// views show them, and reach the backend below only when their durability is about to be reported. A kill alone shows
// nothing of a missing flush, because the kernel keeps what was written; over this backend it does.
//
//   commit ──> held (shown, lost by a kill) ──> passed to the backend below ──> durable there ──> reported
//                        flush: all that is held · spill: some, early, and not reported until the next flush

import type { Backend, BackendView, BackendWrite } from '../backend.ts';
import { type Held, holdAll, LossyView } from './lossy-view.ts';

export interface LossyOptions {
  /** Keeps what survives. Nothing else may write to it. */
  readonly below: Backend;
  /** Runs a task later, in the order of the calls. Decides when a commit shows. */
  readonly defer: (task: () => void) => void;
  /** Decides when what is held is flushed: the longer, the more a kill takes. */
  readonly deferFlush: (task: () => void) => void;
  /**
   * How many of the `held` oldest batches reach the backend below now, after a commit, without a report: a kernel also
   * writes when it likes. None when absent.
   */
  readonly spill?: (held: number) => number;
  /**
   * Reports a batch as durable as soon as it shows, as a build without fdatasync would. For tests that must see such a
   * build fail.
   */
  readonly reportsEarly?: boolean;
}

interface Batch {
  readonly writes: readonly BackendWrite[];
  readonly bytes: number;
  readonly durable: (error: Error | undefined) => void;
  isDurableBelow: boolean;
}

export class LossyBackend implements Backend {
  readonly #options: LossyOptions;
  /** Committed and not reported, oldest first. The first `passed` of them show below, the first `wanted` shall. */
  #batches: Batch[] = [];
  #passed = 0;
  #wanted = 0;
  /** How many of the oldest a flush has covered: those are reported once they are durable below. */
  #covered = 0;
  #isPassing = false;
  #isCommitting = false;
  #isFlushDue = false;
  /** What views lay over the backend below; made anew after each change. */
  #held: Held | undefined;
  /** The backend below has failed: nothing more is taken or reported. */
  #broken: Error | undefined;
  /** What every call is answered with from now on: broken, or closed. */
  #failure: Error | undefined;
  #closed: ((error: Error | undefined) => void) | undefined;

  constructor(options: LossyOptions) {
    this.#options = options;
  }

  view(): BackendView {
    if (this.#failure !== undefined) throw this.#failure;
    // A batch that is being passed may show below or not; laid over once more it changes nothing.
    this.#held ??= holdAll(this.#batches.slice(this.#passed).map((batch) => batch.writes));
    return new LossyView(this.#options.below.view(), this.#held);
  }

  commit(
    writes: readonly BackendWrite[],
    committed: (error: Error | undefined) => void,
    durable: (error: Error | undefined) => void,
  ): void {
    if (this.#isCommitting) throw new Error('a commit is in progress: one at a time until `committed`');
    this.#isCommitting = true;
    const refusal = this.#failure;
    this.#options.defer(() => {
      this.#isCommitting = false;
      const failure = refusal ?? this.#broken;
      if (failure !== undefined) {
        committed(failure);
        durable(failure);
        return;
      }
      this.#hold({ writes: [...writes], bytes: bytesOf(writes), durable, isDurableBelow: false });
      committed(undefined);
      if (this.#options.reportsEarly === true) durable(undefined);
    });
  }

  size(): { readonly bytes: number; readonly bytesInUse: number } {
    const below = this.#options.below.size();
    const held = this.#batches.slice(this.#passed).reduce((sum, batch) => sum + batch.bytes, 0);
    return { bytes: below.bytes + held, bytesInUse: below.bytesInUse + held };
  }

  close(done: (error: Error | undefined) => void): void {
    this.#failure ??= new Error('the backend is closed');
    this.#closed = done;
    this.#options.defer(() => this.#flush());
  }

  #hold(batch: Batch): void {
    this.#batches.push(batch);
    this.#held = undefined;
    const unwanted = this.#batches.length - this.#wanted;
    this.#wanted += Math.min(unwanted, this.#options.spill?.(unwanted) ?? 0);
    this.#pass();
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#options.deferFlush(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#wanted = this.#batches.length;
    this.#covered = this.#batches.length;
    this.#pass();
    this.#report();
  }

  /** Hands the next wanted batch to the backend below, one at a time. */
  #pass(): void {
    if (this.#isPassing || this.#passed >= this.#wanted) return;
    const batch = this.#batches[this.#passed];
    if (batch === undefined) return;
    this.#isPassing = true;
    this.#options.below.commit(
      batch.writes,
      (error) => {
        this.#isPassing = false;
        if (error !== undefined) {
          this.#break(error);
          return;
        }
        this.#passed += 1;
        this.#held = undefined;
        this.#pass();
      },
      (error) => {
        batch.isDurableBelow = error === undefined;
        if (error === undefined) this.#report();
        else this.#break(error);
      },
    );
  }

  #report(): void {
    while (this.#covered > 0 && this.#batches[0]?.isDurableBelow === true) {
      const batch = this.#batches.shift();
      this.#passed -= 1;
      this.#wanted -= 1;
      this.#covered -= 1;
      if (this.#options.reportsEarly !== true) batch?.durable(undefined);
    }
    if (this.#closed === undefined || this.#batches.length > 0) return;
    const closed = this.#closed;
    this.#closed = undefined;
    this.#options.below.close(closed);
  }

  #break(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#failure ??= error;
    const batches = this.#batches.splice(0);
    this.#passed = 0;
    this.#wanted = 0;
    this.#covered = 0;
    if (this.#options.reportsEarly !== true) for (const batch of batches) batch.durable(error);
    this.#report();
  }
}

function bytesOf(writes: readonly BackendWrite[]): number {
  let bytes = 0;
  for (const write of writes) if (write.kind === 'put') bytes += write.key.length + write.value.length;
  return bytes;
}
