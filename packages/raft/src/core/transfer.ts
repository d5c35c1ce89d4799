// Leadership transfer (thesis §3.10): bring the target up to date, then tell it that its election timer ran out. Proposals
// are refused meanwhile, so that "up to date" can be reached. Given up after one election timeout.

import type { InputOf, MessageOf, Verdict } from './api.ts';
import { campaign } from './elections.ts';
import { configurationOf, type Leader, type Node, peerOf, send } from './node.ts';

export function onTransferLeadership(node: Node, { to }: InputOf<'transferLeadership'>): Verdict {
  const { role, leader, settings, log } = node;
  // While joint, a voter of the old set only would have to step down again (thesis §4.2.2).
  if (role.kind !== 'leader') return { kind: 'refused', reason: 'notLeader', leader };
  if (!configurationOf(node).voters.includes(to)) return { kind: 'refused', reason: 'notVoter', leader };
  if (to === settings.id) return { kind: 'accepted', at: undefined };
  if (role.transfer !== undefined) {
    if (role.transfer.to === to) return { kind: 'accepted', at: undefined };
    return { kind: 'refused', reason: 'transferring', leader };
  }
  role.transfer = { to, since: node.now, sent: false };
  settings.why?.('xfer.catchup', { to, last: log.lastIndex, match: peerOf(role, to)?.match });
  return { kind: 'accepted', at: undefined };
}

/** The leader keeps leading: whether the target has already been told cannot be undone, and need not be. */
export function abortTransfer(node: Node, leader: Leader): void {
  if (leader.transfer === undefined) return;
  node.settings.why?.('xfer.abort', { to: leader.transfer.to });
  leader.transfer = undefined;
}

/** Called when a turn ends: the target may have caught up in it. */
export function continueTransfer(node: Node, leader: Leader): void {
  const { transfer } = leader;
  if (transfer === undefined || transfer.sent) return;
  if (peerOf(leader, transfer.to)?.match !== node.log.lastIndex) return;
  node.settings.why?.('xfer.timeout-now', { to: transfer.to });
  send(node, { kind: 'timeoutNow', from: node.settings.id, to: transfer.to, term: node.term });
  transfer.sent = true;
  // thesis §6.4.1: from now on another leader may exist before any lease of this one runs out.
  leader.leaseForfeited = true;
}

/** thesis §3.10: if the target has not taken over within an election timeout, something is wrong with it. */
export function expireTransfer(node: Node, leader: Leader): void {
  const { transfer } = leader;
  if (transfer !== undefined && node.now - transfer.since >= node.settings.electionTicks) abortTransfer(node, leader);
}

export function onTimeoutNow(node: Node, message: MessageOf<'timeoutNow'>): void {
  if (node.role.kind === 'follower' && message.from === node.leader) campaign(node, true);
  else node.settings.why?.('drop.odd', { from: message.from, role: node.role.kind, leader: node.leader });
}
