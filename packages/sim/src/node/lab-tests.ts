// All tests of the labs, with those that look at memory: how much is in use after a full collection, V8 says.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memoryTests } from '../labs/kv/single-tests.ts';
import { type LabTest, labTests } from '../labs/suite.ts';

export const allLabTests: readonly LabTest[] = [...labTests, ...memoryTests(heapBytes)];

let collect: (() => void) | undefined;

/** Bytes in use by this thread: of objects, and of the arrays of bytes that they hold. */
function heapBytes(): number {
  collect ??= collector();
  // What the first finds weakly held, the second frees.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The engine's own, which a program sees only in a context made after the flag was set. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('gc');
  if (typeof found !== 'function') throw new Error('this engine does not let its memory be collected on demand');
  return () => void found();
}
