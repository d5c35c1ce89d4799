// The core under observation: a node as a story runs it, with its log in view and its invariants checked after every step.

import type { Entry, LogId, Options, Raft } from '../core/api.ts';
import { checkState, checkTransition, observe } from '../core/invariants.ts';
import { createRaftWith } from '../core/raft.ts';
import type { Rules } from '../core/rules.ts';

/** How a world gets its nodes. */
export interface Engine {
  create(options: Options): Specimen;
}

export interface Specimen {
  readonly raft: Raft;
  /** The log the node works with, whatever of it is durable. */
  log(): { readonly base: LogId; readonly entries: readonly Entry[] };
  /** Throws when the node contradicts itself, or what it was when last checked. */
  check(): void;
}

/**
 * Nodes that decide by these rules. With rules that are known to be unsafe, `checked` is false: a node would notice and
 * stop before the cluster shows what comes of it.
 */
export function coreEngine(rules: Rules, checked: boolean): Engine {
  return {
    create(options) {
      const raft = createRaftWith(options, rules);
      let before = observe(raft.node);
      return {
        raft,
        log: () => {
          const { base, entries } = raft.node.log.dump();
          return { base: base.last, entries };
        },
        check: () => {
          if (!checked) return;
          checkState(raft.node);
          checkTransition(before, raft.node);
          before = observe(raft.node);
        },
      };
    },
  };
}
