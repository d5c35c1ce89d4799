// What is alive in this process.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

/** Bytes of objects and buffers that something still refers to. */
export function aliveBytes(): number {
  if (typeof collect !== 'function') throw new TypeError('this Node has no gc');
  // What the first finds dead, finalizers included, is gone with the second.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
