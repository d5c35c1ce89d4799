// Elections (§5.2, §5.4.1), with pre-vote (thesis §9.6) and the rule that protects a leader in contact with a majority
// (thesis §4.2.3, §6.2). Either of the two alone is known not to be live; both are on by default.

import type { MessageOf, NodeId, Term } from './api.ts';
import { electorate } from './configuration.ts';
import { isStalled } from './durability.ts';
import { type Ballot, configurationOf, hold, isElectable, type Node, send } from './node.ts';
import { voteResult } from './quorum.ts';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate, hearsLeader, keepQuiet } from './roles.ts';

/** The election timer ran out, or a leader hands over. Does nothing where a campaign could not end in a durable vote. */
export function campaign(node: Node, transfer: boolean): void {
  if (node.role.kind === 'leader' || !isElectable(node) || isStalled(node)) return;
  const why = node.settings.why;
  if (node.role.kind === 'follower') why?.('fol.timeout', { timeout: node.electionTimeout, transfer });
  else if (!node.rules.campaignsAgain()) return;
  else why?.('cand.again', { role: node.role.kind, term: node.term });
  // thesis §3.10: whoever is told to take over does not ask first; its leader has agreed.
  if (node.settings.preVote && !transfer) askFirst(node);
  else startElection(node, transfer);
}

/** thesis §9.6: ask whether an election could be won, without touching the term of anybody, this node included. */
function askFirst(node: Node): void {
  becomePreCandidate(node);
  const term = (node.term + 1) as Term;
  node.settings.why?.('pv.ask', { term, last: node.log.last });
  for (const to of others(node)) {
    const { id } = node.settings;
    send(node, { kind: 'requestVote', phase: 'preVote', from: id, to, term, last: node.log.last, transfer: false });
  }
  recordBallot(node, node.settings.id, true);
}

function startElection(node: Node, isTransfer: boolean): void {
  becomeCandidate(node, isTransfer);
  const transfer = node.rules.tellsOfTransfer(isTransfer);
  const { term } = node;
  node.settings.why?.('cand.start', { term, last: node.log.last });
  for (const to of others(node)) {
    // If a request left before term and vote are durable: (1) it is granted, (2) this node wins and appends entries,
    // (3) it loses power and its term, (4) it campaigns in the same term again, (5) whoever voted for it votes again,
    // (6) it leads the same term twice, with different entries at the same index.
    const { id } = node.settings;
    hold(node, { kind: 'requestVote', phase: 'vote', from: id, to, term, last: node.log.last, transfer });
  }
}

function others(node: Node): readonly NodeId[] {
  return electorate(configurationOf(node)).filter((id) => id !== node.settings.id);
}

/** A candidate's own vote counts from when it is durable, like anybody's. Called after each write. */
export function countOwnVote(node: Node): void {
  const { role, durability, settings } = node;
  if (role.kind !== 'candidate') return;
  const { term, votedFor } = durability.hardDurable;
  if (term === node.term && votedFor === settings.id) recordBallot(node, settings.id, true);
}

/** thesis §4.2.3: a vote request that comes while the leader is alive does not even raise the term, unless it hands over. */
export function passesOver(node: Node, message: MessageOf<'requestVote'>): boolean {
  if (isSilent(node, message)) return true;
  return message.phase === 'vote' && !message.transfer && node.settings.checkQuorum && hearsLeader(node);
}

/** thesis §6.4.1: this node's former life may have promised a leader silence that a lease still counts on. */
function isSilent(node: Node, message: MessageOf<'requestVote'>): boolean {
  return node.now < node.silentUntil && !message.transfer;
}

export function onRequestVote(node: Node, message: MessageOf<'requestVote'>): void {
  if (isSilent(node, message)) node.settings.why?.('rv.lease', { from: message.from, silentUntil: node.silentUntil });
  else if (message.phase === 'preVote') answerPreVote(node, message);
  else answerVote(node, message);
}

function answerPreVote(node: Node, message: MessageOf<'requestVote'>): void {
  const why = node.settings.why;
  node.votedFor = node.rules.votedForAfterPreVote(node.votedFor);
  const { from, term, last } = message;
  if (hearsLeader(node)) {
    why?.('pv.deny.lease', { from, leader: node.leader });
    refuse(node, message);
  } else if (term < node.term || (term === node.term && node.votedFor !== undefined && node.votedFor !== from)) {
    why?.('pv.deny.term', { from, term, current: node.term, votedFor: node.votedFor });
    refuse(node, message);
  } else if (!node.rules.isUpToDate(last, node.log.last)) {
    why?.('pv.deny.log', { from, theirs: last, ours: node.log.last });
    refuse(node, message);
  } else {
    // Not a vote and not a promise: term, vote and timer stay as they are, so nothing needs to be durable.
    why?.('pv.grant', { from, term });
    const { id } = node.settings;
    send(node, { kind: 'requestVoteReply', phase: 'preVote', from: id, to: from, term, granted: true });
  }
}

function answerVote(node: Node, message: MessageOf<'requestVote'>): void {
  const { rules, log, settings } = node;
  const { from, last } = message;
  if (message.term < node.term) {
    settings.why?.('rv.1', { from, term: message.term, current: node.term }); // §5.1
    refuse(node, message);
    return;
  }
  const question = { candidate: from, candidateLast: last, votedFor: node.votedFor, ownLast: log.last };
  const answer = rules.answerVote(question, rules.isUpToDate);
  if (answer === 'grant') {
    settings.why?.('rv.2.grant', { from, theirs: last, ours: log.last });
    if (node.role.kind !== 'follower') becomeFollower(node, node.term, undefined);
    node.votedFor = from;
    keepQuiet(node, 'voteGranted');
    const { id } = settings;
    hold(node, { kind: 'requestVoteReply', phase: 'vote', from: id, to: from, term: node.term, granted: true });
  } else {
    if (answer === 'voted') settings.why?.('rv.2.voted', { from, votedFor: node.votedFor });
    else settings.why?.('rv.2.log', { from, theirs: last, ours: log.last });
    keepQuiet(node, 'voteRefused');
    refuse(node, message);
  }
}

/** A refusal promises nothing, so it leaves at once; its term frees a candidate that is stuck behind. */
function refuse(node: Node, { from, phase }: MessageOf<'requestVote'>): void {
  const { id } = node.settings;
  send(node, { kind: 'requestVoteReply', phase, from: id, to: from, term: node.term, granted: false });
}

export function onRequestVoteReply(node: Node, message: MessageOf<'requestVoteReply'>): void {
  const { role } = node;
  const { phase, granted, term, from } = message;
  const awaited =
    phase === 'vote'
      ? role.kind === 'candidate' && node.rules.acceptsReply(term, node.term)
      : role.kind === 'preCandidate' && (granted ? term === node.term + 1 : term === node.term);
  if (awaited) recordBallot(node, from, node.rules.isVote(granted));
  else node.settings.why?.('drop.stale-reply', { from, phase, term });
}

function recordBallot(node: Node, voter: NodeId, granted: boolean): void {
  const { role } = node;
  if (role.kind !== 'candidate' && role.kind !== 'preCandidate') return;
  if (role.votes.some((ballot) => ballot.voter === voter)) return;
  role.votes.push({ voter, granted });
  // thesis §4.2.2: who is no voter does not count its own vote.
  const sets = node.rules.voterSets(configurationOf(node), 'election');
  const result = voteResult(sets, (id) => ballotOf(role.votes, id), node.rules.majority);
  if (result !== 'won') return;
  if (role.kind === 'preCandidate') {
    startElection(node, false);
  } else {
    node.settings.why?.('cand.win', { term: node.term, votes: role.votes });
    becomeLeader(node);
  }
}

function ballotOf(votes: readonly Ballot[], voter: NodeId): boolean | undefined {
  for (const ballot of votes) if (ballot.voter === voter) return ballot.granted;
  return undefined;
}
