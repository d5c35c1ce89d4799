// The transitions between roles (§5.1, figure 4), and the election timer. One function per role; each leaves nothing of the
// old role behind.

import type { NodeId, Term } from './api.ts';
import { assert } from './assert.ts';
import { appendOwn } from './commit.ts';
import { members } from './configuration.ts';
import { entryBytes } from './log.ts';
import { configurationOf, type Leader, type Node } from './node.ts';
import { isCount, plus } from './numbers.ts';
import { newPeer } from './progress.ts';
import { loseForwardedReads, loseLeaderReads } from './reads.ts';

/** §5.2: the timeout is drawn anew, so that candidates that collided do not collide again. */
export function drawTimeout(node: Node): void {
  const { electionTicks, draw } = node.settings;
  const drawn = draw('electionTimeout', node.draws, electionTicks);
  assert(isCount(drawn) && drawn < electionTicks, () => `drew ${drawn}, which is not in [0, ${electionTicks})`);
  node.draws += 1;
  node.electionTimeout = node.rules.electionTimeout(electionTicks, drawn);
}

/** thesis §4.2.3, §9.6: whether a leader was heard within the shortest timeout; a leader hears itself. */
export function hearsLeader(node: Node): boolean {
  if (node.role.kind === 'leader') return true;
  return node.leader !== undefined && node.now - node.heardAt < node.settings.electionTicks;
}

/** §5.1: a higher term makes any node a follower, with a vote to give. In the same term, the vote stays given. */
export function becomeFollower(node: Node, term: Term, leader: NodeId | undefined): void {
  assert(term >= node.term, () => `term ${term} is older than ${node.term}`);
  const { role } = node;
  if (term > node.term) {
    node.settings.why?.('all.term', { from: node.term, to: term });
    enterTerm(node, term);
    node.votedFor = node.rules.votedForInNewTerm(node.votedFor);
    drawTimeout(node);
  }
  if (role.kind === 'leader') {
    // A leader had no election timer; it starts one now.
    node.electionElapsed = 0;
    drawTimeout(node);
    loseLeaderReads(node, role);
  }
  node.role = { kind: 'follower' };
  setLeader(node, leader);
}

export function becomePreCandidate(node: Node): void {
  assert(node.role.kind !== 'leader', () => 'a leader does not campaign');
  node.role = { kind: 'preCandidate', votes: [] };
  setLeader(node, undefined);
  startTimer(node);
}

/** Figure 2, candidates 1: a new term and a vote for itself, which both must be durable before anyone hears of them. */
export function becomeCandidate(node: Node, transfer: boolean): void {
  assert(node.role.kind !== 'leader', () => 'a leader does not campaign');
  assert(isCount(node.term + 1), () => `no term can follow ${node.term}`);
  enterTerm(node, (node.term + 1) as Term);
  node.votedFor = node.settings.id;
  node.role = { kind: 'candidate', votes: [], transfer };
  setLeader(node, undefined);
  startTimer(node);
}

/** Figure 2, candidates 2; leaders 1. */
export function becomeLeader(node: Node): Leader {
  const { role, settings, log } = node;
  assert(role.kind === 'candidate', () => `a ${role.kind} cannot become leader`);
  assert(node.votedFor === settings.id, () => `a leader voted for itself, not for ${node.votedFor}`);
  const configuration = configurationOf(node);
  const others = members(configuration).filter((id) => id !== settings.id);
  let uncommittedBytes = 0;
  for (const entry of log.between(plus(node.commit, 1), log.lastIndex)) uncommittedBytes += entryBytes(entry);
  const leader: Leader = {
    kind: 'leader',
    configuration,
    peers: others.map((id) => newPeer(id, plus(log.lastIndex, 1), node.now, 0)),
    transfer: undefined,
    leaseForfeited: false,
    reads: [],
    rounds: [],
    uncommittedBytes,
  };
  node.role = leader;
  setLeader(node, settings.id);
  settings.why?.('lead.first', { term: node.term, last: log.last });
  // §8: an entry of its own term tells a new leader what is committed, and commits what came before it (§5.4.2).
  if (node.rules.appendsNoop()) {
    appendOwn(node, leader, { kind: 'noop', term: node.term, index: plus(log.lastIndex, 1) });
  }
  return leader;
}

function enterTerm(node: Node, term: Term): void {
  node.term = term;
  // What waited belonged to the old term. Not sending is always allowed, and keeps the queue short.
  node.out.held = [];
  node.pendingAck = undefined;
}

/** A leader that is not the one asked before will not answer: whoever waits for it is told. */
function setLeader(node: Node, leader: NodeId | undefined): void {
  if (node.leader !== leader && node.forwardedReads.length > 0) loseForwardedReads(node);
  node.leader = leader;
}

function startTimer(node: Node): void {
  node.electionElapsed = 0;
  drawTimeout(node);
  node.settings.why?.('timer.reset.self', { timeout: node.electionTimeout });
}

/** Figure 2, followers 2: only AppendEntries of the current leader and a granted vote keep a follower quiet. */
export function keepQuiet(node: Node, event: 'appendEntries' | 'voteGranted' | 'voteRefused'): void {
  const why = node.settings.why;
  if (!node.rules.resetsTimer(event)) {
    why?.('timer.keep', { elapsed: node.electionElapsed });
    return;
  }
  node.electionElapsed = 0;
  why?.(event === 'appendEntries' ? 'timer.reset.ae' : 'timer.reset.vote', { timeout: node.electionTimeout });
}
