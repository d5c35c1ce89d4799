// The options of a story's node: the story's settings, what its disk holds, and a source of chance that is no chance.

import type { NodeId, Options } from '../core/api.ts';
import type { Settings } from './grammar.ts';
import type { LogImage } from './log-image.ts';

export function nodeOptions(
  id: NodeId,
  settings: Settings,
  image: LogImage,
  why: (rule: string, data: unknown) => void,
): Options {
  return {
    id,
    electionTicks: settings.electionTicks,
    heartbeatTicks: settings.heartbeatTicks,
    preVote: settings.preVote,
    checkQuorum: settings.checkQuorum,
    leaseReads: settings.leaseReads,
    limits: {
      inflightMessages: settings.inflightMessages,
      messageBytes: settings.messageBytes,
      uncommittedBytes: settings.uncommittedBytes,
      logBytes: settings.logBytes,
      applyBytes: 1 << 20,
    },
    // Keyed by node and counter, so that what one node draws does not depend on what others did before.
    draw: (purpose, counter, below) => keyedDraw(`${settings.seed} ${id} ${purpose} ${counter}`, below),
    why,
    restore: { hardState: image.hardState, base: image.base, entries: image.entries, applied: image.base.last.index },
  };
}

/** A number below `below`, a pure function of the key (FNV-1a, then mixed so that near keys differ in all bits). */
function keyedDraw(key: string, below: number): number {
  let hash = 0x811c9dc5;
  for (const character of key) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % below;
}
