// How the members change: joint consensus (thesis §4.3). A change of voters goes through C_old,new, in which a majority of
// the old voters and a majority of the new ones must agree to everything, and ends with C_new.
//
//        C_old           C_old,new appended     C_old,new committed,       C_new committed
//          |                    |                 C_new appended                  |
//   ───────┴────────────────────┴───────────────────────┴─────────────────────────┴──────────
//    old voters alone      both majorities         new voters alone          a leader that is none of
//    decide                decide                  decide                    them steps down
//
// A configuration is in force from when it is in the log, committed or not, and no longer when it is cut off. Which
// one that is, the log knows; who asked for the change and who waits for it, this file does not.

import type { Configuration, InputOf, LogId, Verdict } from './api.ts';
import { advanceCommit, appendOwn } from './commit.ts';
import { flawOf, isVoter, joint, members, sameConfiguration, settled } from './configuration.ts';
import { configurationOf, type Leader, type Node, peerOf, send } from './node.ts';
import { plus } from './numbers.ts';
import { newPeer } from './progress.ts';
import { confirmReads } from './reads.ts';
import { becomeFollower } from './roles.ts';
import { abortTransfer } from './transfer.ts';

/** Answers where the first entry of the change stands; where there is nothing to change, an entry by which that is committed. */
export function onChangeConfiguration(node: Node, { to }: InputOf<'changeConfiguration'>): Verdict {
  const { role, rules, log, settings, leader } = node;
  if (role.kind !== 'leader') return { kind: 'refused', reason: 'notLeader', leader };
  if (flawOf(to, configurationOf(node)) !== undefined) return { kind: 'refused', reason: 'invalid', leader };
  if (role.transfer !== undefined) return { kind: 'refused', reason: 'transferring', leader };
  // Without this: (1) a leader appends a change that nobody gets, (2) another leader changes the same configuration in another
  // way, and commits it, (3) the first leads again, knows only its own change, and commits that. The majorities of (2)
  // and (3) need not meet. An entry of the leader's own term, committed, shows that it knows what was decided before it.
  if (!rules.mayChange(log.termAt(node.commit), node.term)) {
    settings.why?.('cfg.refuse.term', { commit: node.commit, term: node.term });
    return { kind: 'refused', reason: 'noCommitInTerm', leader };
  }
  const { index, configuration: from } = log.newestConfiguration;
  if (rules.isChangePending({ isJoint: from.outgoing.length > 0, index, commit: node.commit })) {
    settings.why?.('cfg.refuse.pending', { index, commit: node.commit });
    return { kind: 'refused', reason: 'changePending', leader };
  }
  if (sameConfiguration(from, to)) return { kind: 'accepted', at: log.idAt(node.commit) };
  const next = rules.firstStep(from, to, joint);
  settings.why?.(next.outgoing.length > 0 ? 'cfg.joint' : 'cfg.active', next);
  return { kind: 'accepted', at: appendConfiguration(node, role, next) };
}

/**
 * Called when a turn ends: what was appended may be committed by now. Whoever leads ends the change, also one that another
 * leader began. (Only a leader that has committed in its own term learns that C_old,new is committed, §5.4.2.)
 */
export function continueChange(node: Node, leader: Leader): void {
  const { log, rules, settings } = node;
  followConfiguration(node, leader);
  const { index, configuration } = log.newestConfiguration;
  if (configuration.outgoing.length === 0 || !rules.mayLeaveJoint({ index, commit: node.commit })) return;
  const next = settled(configuration);
  settings.why?.('cfg.new', next);
  appendConfiguration(node, leader, next);
}

/**
 * Called at the very end of a turn, when the news of the commit has been sent. thesis §4.2.2: a leader that is no voter any more
 * manages the cluster, without counting itself, until C_new is committed. A voter that has everything is told to take over, so
 * that nobody has to wait for a timeout (thesis §3.10).
 */
export function leaveOffice(node: Node, leader: Leader): void {
  const { log, rules, settings } = node;
  const { index, configuration } = log.newestConfiguration;
  if (!rules.stepsDown({ isVoter: isVoter(configuration, settings.id), index, commit: node.commit })) return;
  settings.why?.('cfg.stepdown', { index, commit: node.commit });
  const heir = configuration.voters.find((id) => peerOf(leader, id)?.match === log.lastIndex);
  if (heir !== undefined) send(node, { kind: 'timeoutNow', from: settings.id, to: heir, term: node.term });
  becomeFollower(node, node.term, undefined);
}

function appendConfiguration(node: Node, leader: Leader, configuration: Configuration): LogId {
  const index = plus(node.log.lastIndex, 1);
  const at = appendOwn(node, leader, { kind: 'configuration', term: node.term, index, configuration });
  followConfiguration(node, leader);
  return at;
}

/** Progress is kept for the members of the configuration in force. Who stays, stays as it was. */
function followConfiguration(node: Node, leader: Leader): void {
  const configuration = configurationOf(node);
  if (leader.configuration === configuration) return;
  leader.configuration = configuration;
  const others = members(configuration).filter((id) => id !== node.settings.id);
  // A new voter counts as heard from now: it must not depose its leader before it could answer. No lease gains by that: it
  // also needs the old majority, and C_old,new cannot be left before a majority of the new voters did answer.
  leader.peers = others.map((id) => peerOf(leader, id) ?? newPeer(id, node.log.lastIndex, node.now, node.round));
  const heir = leader.transfer?.to;
  if (heir !== undefined && !configuration.voters.includes(heir)) abortTransfer(node, leader);
  // A smaller quorum may have been reached already.
  confirmReads(node, leader);
  advanceCommit(node, leader);
}
