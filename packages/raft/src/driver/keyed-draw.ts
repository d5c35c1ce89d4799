// The node's only chance: a pure function of a seed and what is drawn for. A logged seed replays every draw of a run.

import type { Options } from '../core/api.ts';
import { keyedHash } from '../core/keyed-hash.ts';

/** A whole number from 0 up to and without `below`, the same for the same arguments. */
export function keyedDraw(seed: string): Options['draw'] {
  return (purpose, counter, below) => {
    if (below < 1) throw new RangeError(`nothing can be drawn below ${below}`);
    return Math.floor((keyedHash(`${seed} ${purpose} ${counter}`) / 0x1_0000_0000) * below);
  };
}
