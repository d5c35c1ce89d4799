// The options of a story's node: the story's settings, what its disk holds, and a source of chance that is no chance.

import type { NodeId, Options } from '../core/api.ts';
import { keyedHash } from '../core/keyed-hash.ts';
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
    draw: (purpose, counter, below) => keyedHash(`${settings.seed} ${id} ${purpose} ${counter}`) % below,
    why,
    restore: { hardState: image.hardState, base: image.base, entries: image.entries, applied: image.base.last.index },
  };
}
