// Time that passes only when a test says so. One `VirtualTime` serves any number of nodes; everything deferred runs in
// the order in which it was deferred, so a run is the same each time.

import type { Cancel, Ticker } from '../driver/ports.ts';

/** More turns than this without a tick passing is a loop, not work. */
const turnsMax = 1_000_000;

interface Timer {
  readonly task: () => void;
  isCancelled: boolean;
}

interface Listener {
  readonly tick: (elapsed: number) => void;
  /** Ticks that passed while the process stood still. */
  missed: number;
}

export class VirtualTime {
  #now = 0;
  #deferred: (() => void)[] = [];
  /** By the tick they are due at, in the order in which they were set. */
  readonly #timers = new Map<number, Timer[]>();
  readonly #listeners = new Set<(elapsed: number) => void>();

  /** Ticks since the beginning. */
  get now(): number {
    return this.#now;
  }

  /** A ticker on this time. `stall` keeps ticks from it, as from a process that was stopped, until `resume`. */
  ticker(): VirtualTicker {
    return new VirtualTicker(this);
  }

  defer(task: () => void): void {
    this.#deferred.push(task);
  }

  after(ticks: number, task: () => void): Cancel {
    const due = this.#now + Math.max(1, Math.ceil(ticks));
    const timer: Timer = { task, isCancelled: false };
    const others = this.#timers.get(due);
    if (others === undefined) this.#timers.set(due, [timer]);
    else others.push(timer);
    return () => {
      timer.isCancelled = true;
    };
  }

  onTick(listener: (elapsed: number) => void): Cancel {
    const entry = (elapsed: number): void => listener(elapsed);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Runs everything deferred, and what that defers, until nothing is left. No time passes. */
  settle(): void {
    for (let turns = 0; this.#deferred.length > 0; turns++) {
      if (turns > turnsMax)
        throw new Error(`after ${turnsMax} turns there is still work: something defers itself for ever`);
      const tasks = this.#deferred;
      this.#deferred = [];
      for (const task of tasks) task();
    }
  }

  /** Lets ticks pass one by one, and settles after each. */
  advance(ticks: number): void {
    this.settle();
    for (let passed = 0; passed < ticks; passed++) {
      this.#now += 1;
      for (const listener of [...this.#listeners]) listener(1);
      this.#runDue();
      this.settle();
    }
  }

  /** Advances until `condition` holds; throws when it does not within `ticksMax`. */
  until(condition: () => boolean, what: string, ticksMax = 10_000): void {
    this.settle();
    for (let passed = 0; !condition(); passed++) {
      if (passed >= ticksMax) throw new Error(`after ${ticksMax} ticks still not: ${what}`);
      this.advance(1);
    }
  }

  #runDue(): void {
    const due = this.#timers.get(this.#now);
    if (due === undefined) return;
    this.#timers.delete(this.#now);
    // One that is due in the same tick as another that cancels it does not run.
    for (const timer of due) if (!timer.isCancelled) timer.task();
  }
}

export class VirtualTicker implements Ticker {
  readonly #time: VirtualTime;
  readonly #listeners = new Set<Listener>();
  #isStalled = false;
  #isFrozen = false;
  /** Awake, and does not know yet for how long it was not. */
  #isBehind = false;
  #isArrival = false;
  #held: (() => void)[] = [];

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  start(tick: (elapsed: number) => void): Cancel {
    const listener: Listener = { tick, missed: 0 };
    this.#listeners.add(listener);
    const cancel = this.#time.onTick((elapsed) => {
      if (this.#isFrozen) return;
      if (this.#isStalled || this.#isBehind) listener.missed += elapsed;
      else tick(elapsed);
    });
    return () => {
      this.#listeners.delete(listener);
      cancel();
    };
  }

  defer(task: () => void): void {
    const isArrival = this.#isArrival;
    this.#time.defer(() => (isArrival ? task() : this.#whenAwake(task)));
  }

  after(ticks: number, task: () => void): Cancel {
    let isCancelled = false;
    const cancel = this.#time.after(ticks, () =>
      this.#whenAwake(() => {
        if (!isCancelled) task();
      }),
    );
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  /** Its clock stands still while the process works on: a drift beyond any bound. Timers are not touched. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** The process stands still: neither ticks nor tasks run. */
  stall(): void {
    this.#isStalled = true;
  }

  /** It goes on: first every listener learns how much time has passed, then it does what has waited. */
  resume(): void {
    this.#isStalled = false;
    this.#tellTime();
    this.#time.defer(() => this.#release());
  }

  /**
   * It goes on the other way round, as an event loop may: first it looks after what has just come, whatever `arrivals` calls
   * and defers, then after what has waited longer, and only then at its clock.
   */
  resumeBehind(arrivals: () => void): void {
    this.#isStalled = false;
    this.#isBehind = true;
    this.#isArrival = true;
    arrivals();
    this.#isArrival = false;
    this.#time.defer(() => {
      this.#release();
      this.#isBehind = false;
      if (!this.#isStalled) this.#tellTime();
    });
  }

  #tellTime(): void {
    for (const listener of this.#listeners) {
      const { missed } = listener;
      listener.missed = 0;
      if (missed > 0) listener.tick(missed);
    }
  }

  /** Nothing overtakes what has waited. */
  #whenAwake(task: () => void): void {
    if (this.#isStalled || this.#held.length > 0) this.#held.push(task);
    else task();
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const [at, task] of held.entries()) {
      if (this.#isStalled) {
        this.#held = held.slice(at);
        return;
      }
      task();
    }
  }
}
