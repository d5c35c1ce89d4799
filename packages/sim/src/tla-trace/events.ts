// The vocabulary of the trace that etcd-io/raft's trace specification reads (Traceetcdraft.tla): one JSON object a line,
// one event each. docs/tla-trace.md maps our words to these. Knows nothing of when an event happens.

import type { Message, MessageOf, Status } from '@kontiki/raft';

export const eventNames = [
  'InitState',
  'BecomeCandidate',
  'BecomeFollower',
  'BecomeLeader',
  'Commit',
  'Replicate',
  'ChangeConf',
  'ApplyConfChange',
  'Ready',
  'SendAppendEntriesRequest',
  'ReceiveAppendEntriesRequest',
  'SendAppendEntriesResponse',
  'ReceiveAppendEntriesResponse',
  'SendRequestVoteRequest',
  'ReceiveRequestVoteRequest',
  'SendRequestVoteResponse',
  'ReceiveRequestVoteResponse',
] as const;
export type EventName = (typeof eventNames)[number];

/** No node may be called so: it stands for "nobody" where a vote is told. */
export const nobody = '0';

export interface TraceState {
  readonly term: number;
  readonly vote: string;
  readonly commit: number;
}

export type TraceRole = 'StateFollower' | 'StateCandidate' | 'StateLeader';

export interface TraceMessage {
  readonly type: 'MsgApp' | 'MsgAppResp' | 'MsgSnap' | 'MsgVote' | 'MsgVoteResp';
  readonly term: number;
  readonly from: string;
  readonly to: string;
  /** How many; of a snapshot the index at which it ends. */
  readonly entries: number;
  readonly logTerm: number;
  readonly index: number;
  readonly commit: number;
  readonly vote: string;
  readonly reject: boolean;
  readonly rejectHint: number;
}

export interface TraceChange {
  readonly nid: string;
  readonly action: 'AddNewServer' | 'RemoveServer' | 'AddLearner';
}

export interface TraceEvent {
  readonly name: EventName;
  readonly nid: string;
  readonly state: TraceState;
  readonly role: TraceRole;
  /** The index of the last entry, whatever of the log was compacted. */
  readonly log: number;
  readonly conf: readonly [incoming: readonly string[], outgoing: readonly string[]];
  readonly msg?: TraceMessage;
  readonly prop?: { readonly cc: { readonly changes?: readonly TraceChange[]; readonly newconf?: readonly string[] } };
}

/** Lines keep their order when sorted by `ts`, as that project's script sorts them: all are of one width. */
const firstTime = 1_000_000_000;

export function traceLine(event: TraceEvent, at: number): string {
  return JSON.stringify({ level: 'debug', ts: firstTime + at, tag: 'trace', event });
}

/** What the specification calls a role. It knows no pre-candidates: whoever only asks is a follower. */
export function roleOf({ role }: Status): TraceRole {
  if (role === 'leader') return 'StateLeader';
  return role === 'candidate' ? 'StateCandidate' : 'StateFollower';
}

type Envelope = Pick<Message, 'from' | 'to' | 'term'>;

/** What a kind of message does not say is nothing. Fields keep their order, so that equal messages are equal text. */
function message(type: TraceMessage['type'], { from, to, term }: Envelope, said: Partial<TraceMessage>): TraceMessage {
  const silent = { entries: 0, logTerm: 0, index: 0, commit: 0, vote: nobody, reject: false, rejectHint: 0 };
  return { type, term, from, to, ...silent, ...said };
}

export function voteRequest(request: MessageOf<'requestVote'>): TraceMessage {
  return message('MsgVote', request, { logTerm: request.last.term, index: request.last.index });
}

export function voteReply(envelope: Envelope, granted: boolean): TraceMessage {
  return message('MsgVoteResp', envelope, { reject: !granted });
}

/** `commit` is the sender's; what a message lets its receiver commit is no more than it covers. */
export function append(request: MessageOf<'appendEntries'>, commit: number): TraceMessage {
  const { prev, entries } = request;
  const covered = prev.index + entries.length;
  return message('MsgApp', request, {
    entries: entries.length,
    logTerm: prev.term,
    index: prev.index,
    commit: Math.min(commit, covered),
  });
}

export function appendReply(envelope: Envelope, match: number): TraceMessage {
  return message('MsgAppResp', envelope, { index: match });
}

export function appendRejection(envelope: Envelope, rejected: number, hint: number): TraceMessage {
  return message('MsgAppResp', envelope, { index: rejected, reject: true, rejectHint: hint });
}

export function snapshot(announcement: MessageOf<'installSnapshot'>): TraceMessage {
  return message('MsgSnap', announcement, { entries: announcement.snapshot.last.index });
}
