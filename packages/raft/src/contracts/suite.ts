// What all contract suites share: how they register tests, wait for callbacks, and compare. They bring no test runner and
// no assertion library, so they run wherever an implementation does.

/** `test` of any runner: registers a test that passes when its promise resolves. */
export type Register = (name: string, body: () => Promise<void>) => void;

/** What every `create` gives besides the thing itself. */
export interface Rig {
  /** Lets a little happen: one turn of the event loop, or one tick of virtual time. Called while a suite waits. */
  drive(): Promise<void> | void;
  /** Frees what the rig holds; called at the end of each test. */
  dispose(): Promise<void> | void;
}

/** A wait longer than this many drives is a promise that was not kept. */
const drivesMax = 200_000;

export function check(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`broken: ${claim}`);
}

/** Structural equality over plain data and byte arrays. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [is, shouldBe] = [shown(actual), shown(expected)];
  if (is !== shouldBe) throw new Error(`broken: ${what}\n  expected ${shouldBe}\n  got      ${is}`);
}

function shown(value: unknown): string {
  if (value instanceof Uint8Array) {
    return value.length > 64 ? `bytes ${value.length} #${digest(value)}` : `bytes ${[...value].join(' ')}`;
  }
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (value instanceof Error) return `Error ${value.message}`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([name, field]) => `${name}: ${shown(field)}`).join(', ')}}`;
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function digest(bytes: Uint8Array): number {
  return bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
}

/** Starts something and waits for its callback: which comes once, and not before the call has returned. */
export async function completed<T>(rig: Rig, begin: (done: (value: T) => void) => void): Promise<T> {
  const values: T[] = [];
  let isReturned = false;
  let isEarly = false;
  begin((value) => {
    if (!isReturned) isEarly = true;
    values.push(value);
  });
  isReturned = true;
  check(!isEarly, 'a callback never runs before the call that started it has returned');
  await until(rig, () => values.length > 0, 'the callback comes');
  const [value, ...more] = values;
  check(more.length === 0, 'a callback comes once');
  return value as T;
}

/** `completed` for callbacks that only say whether it worked. */
export async function done(rig: Rig, begin: (done: (error: Error | undefined) => void) => void): Promise<void> {
  const error = await completed(rig, begin);
  if (error !== undefined) throw error;
}

export async function until(rig: Rig, condition: () => boolean, claim: string): Promise<void> {
  for (let drives = 0; !condition(); drives++) {
    check(drives < drivesMax, claim);
    await rig.drive();
  }
}

/** Registers a test that makes a rig, uses it, and disposes of it in any case. */
export function withRig<T extends Rig>(
  test: Register,
  create: () => Promise<T> | T,
): (name: string, body: (rig: T) => Promise<void>) => void {
  return (name, body) =>
    test(name, async () => {
      const rig = await create();
      try {
        await body(rig);
      } finally {
        await rig.dispose();
      }
    });
}
