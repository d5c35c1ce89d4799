// Time, in ticks. Promises to others (leases, quorum windows, timeouts of requests) count every tick that has passed; the
// timer that campaigns moves at most one tick a turn, so that a process that was stopped reads its mail first.

import { electorate, isVoter } from './configuration.ts';
import { isStalled } from './durability.ts';
import { campaign } from './elections.ts';
import { configurationOf, type Leader, type Node } from './node.ts';
import { expireForwardedReads, quorumContact } from './reads.ts';
import { becomeFollower } from './roles.ts';
import { expireSnapshots } from './snapshots.ts';
import { expireTransfer } from './transfer.ts';

export function onTick(node: Node, elapsed: number): void {
  if (elapsed === 0) return;
  node.now += elapsed;
  if (node.commit > node.durability.hardHanded.commit) node.durability.commitDue = true;
  expireForwardedReads(node);
  if (node.role.kind === 'leader') tickLeader(node, node.role);
  else tickTimer(node);
}

function tickLeader(node: Node, leader: Leader): void {
  const { settings } = node;
  if (isStalled(node) && !isOnlyVoter(node)) {
    // A leader whose disk hangs keeps its followers quiet and commits slowly or never: let somebody else lead.
    settings.why?.('lead.stalled', { since: node.durability.flight?.since, now: node.now });
    becomeFollower(node, node.term, undefined);
    return;
  }
  if (settings.checkQuorum) {
    // thesis §6.2: without a round that a majority answered within an election timeout, clients must look elsewhere.
    const contact = quorumContact(node, leader);
    if (node.rules.resigns(node.now - contact, settings.electionTicks)) {
      settings.why?.('cq.stepdown', { contact, now: node.now });
      becomeFollower(node, node.term, undefined);
      return;
    }
  }
  expireTransfer(node, leader);
  expireSnapshots(node);
}

function tickTimer(node: Node): void {
  // Nobody else could vote: there is nothing to wait for.
  const alone = isOnlyVoter(node);
  if (node.electionElapsed < node.electionTimeout) node.electionElapsed += 1;
  if (node.electionElapsed < node.electionTimeout && !(alone && node.role.kind === 'follower')) return;
  if (node.now < node.silentUntil && !alone) return;
  campaign(node, false);
}

function isOnlyVoter(node: Node): boolean {
  const configuration = configurationOf(node);
  return isVoter(configuration, node.settings.id) && electorate(configuration).length === 1;
}
