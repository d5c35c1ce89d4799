// All checkers together, fed by whoever runs nodes: a view after every step of a node, and what left it or was applied.

import type { Entry, Index, LogId, Message, NodeId, Term } from '../../core/api.ts';
import { ElectionSafety } from './election-safety.ts';
import { LeaderAppendOnly } from './leader-append-only.ts';
import { LeaderCompleteness } from './leader-completeness.ts';
import { LinearizableReads } from './linearizable-reads.ts';
import { LogMatching } from './log-matching.ts';
import { StateMachineSafety } from './state-machine-safety.ts';
import type { NodeView, Violation } from './view.ts';
import { VoteOncePerTerm } from './vote-once-per-term.ts';

export class Safety {
  readonly #report: (violation: Violation) => void;
  readonly #electionSafety = new ElectionSafety();
  readonly #leaderAppendOnly = new LeaderAppendOnly();
  readonly #logMatching = new LogMatching();
  readonly #leaderCompleteness = new LeaderCompleteness();
  readonly #stateMachineSafety = new StateMachineSafety();
  readonly #voteOncePerTerm = new VoteOncePerTerm();
  readonly #linearizableReads = new LinearizableReads();

  /** `report` is called once for every violation found, while the call that found it runs. */
  constructor(report: (violation: Violation) => void) {
    this.#report = report;
  }

  /** After every step of a node, with what it is and has now. */
  observe(view: NodeView): void {
    this.#tell(this.#electionSafety.observe(view));
    this.#tell(this.#leaderAppendOnly.observe(view));
    this.#tell(this.#logMatching.observe(view));
    this.#tell(this.#leaderCompleteness.observe(view));
    this.#linearizableReads.observe(view);
  }

  /** A message left its sender. */
  sent(message: Message): void {
    this.#tell(this.#voteOncePerTerm.sent(message));
  }

  /** A vote became durable. */
  votedDurably(node: NodeId, term: Term, candidate: NodeId): void {
    this.#tell(this.#voteOncePerTerm.voted(node, term, candidate));
  }

  applied(node: NodeId, entry: Entry): void {
    this.#tell(this.#stateMachineSafety.applied(node, entry));
  }

  restored(node: NodeId, last: LogId): void {
    this.#tell(this.#stateMachineSafety.restored(node, last));
  }

  down(node: NodeId): void {
    this.#leaderAppendOnly.down(node);
    this.#leaderCompleteness.down(node);
  }

  /** The node is back, with a state machine that has applied everything up to `applied`. */
  restarted(node: NodeId, applied: Index): void {
    this.#stateMachineSafety.restarted(node, applied);
  }

  readBegan(node: NodeId, readId: number): void {
    this.#linearizableReads.began(node, readId);
  }

  readServed(node: NodeId, readId: number, index: Index): void {
    this.#tell(this.#linearizableReads.served(node, readId, index));
  }

  readAbandoned(node: NodeId, readId: number): void {
    this.#linearizableReads.abandoned(node, readId);
  }

  /** Drops what concerns entries below an index that every node has applied and compacted. */
  forgetBelow(index: Index): void {
    this.#logMatching.forgetBelow(index);
    this.#leaderCompleteness.forgetBelow(index);
    this.#stateMachineSafety.forgetBelow(index);
  }

  #tell(violation: Violation | undefined): void {
    if (violation !== undefined) this.#report(violation);
  }
}
