// Tests of callback ports read as scripts: a generator yields what it waits for. In a package that is synchronous throughout
// this keeps a test in one piece, and its exceptions in one place.

/** Starts something and calls `next` once, when it is over. */
export type Step = (next: (error?: Error) => void) => void;
export type Script = Generator<Step, void, void>;

/** Runs the script to its end, or to its first error. */
export function play(script: Script, done: (error?: Error) => void): void {
  const advance = (): void => {
    let step: IteratorResult<Step, void>;
    try {
      step = script.next();
    } catch (thrown) {
      done(thrown instanceof Error ? thrown : new Error(String(thrown)));
      return;
    }
    if (step.done === true) {
      done();
      return;
    }
    let over = false;
    step.value((error) => {
      if (over) throw new Error('a step of the script ended twice');
      over = true;
      if (error === undefined) advance();
      else done(error);
    });
  };
  advance();
}

/** Fails the test with what was claimed. */
export function claim(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new Error(`not so: ${sentence}`);
}

export function claimEqual(actual: unknown, expected: unknown, sentence: string): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`not so: ${sentence}\n  is     ${is}\n  should ${should}`);
}
