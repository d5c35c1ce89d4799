// The node's only chance: a pure function of a seed and what is drawn for. A logged seed replays every draw of a run.

import type { Options } from '../core/api.ts';

/** A whole number from 0 up to and without `below`, the same for the same arguments. */
export function keyedDraw(seed: string): Options['draw'] {
  return (purpose, counter, below) => {
    if (below < 1) throw new RangeError(`nothing can be drawn below ${below}`);
    return Math.floor((mixed(`${seed} ${purpose} ${counter}`) / 0x1_0000_0000) * below);
  };
}

/** FNV-1a, then a finalizer: neighbouring counters must not give neighbouring draws. */
function mixed(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
