// What a checker may know: a node's status and its log, as an all-seeing observer finds them between two steps.
//
// Checkers know nothing of stories, worlds or drivers; whoever runs nodes can feed them.

import type { Entry, Index, LogId, NodeId, Status, Term } from '../../core/api.ts';

export interface NodeView {
  readonly status: Status;
  /** Where the log starts: the last entry that a snapshot replaced. */
  readonly base: LogId;
  /** What follows the base, without gaps. */
  readonly entries: readonly Entry[];
}

/** A log of which only the terms are known. */
export interface TermView {
  readonly base: LogId;
  /** `undefined` at or below the base, and past the end. */
  termAt(index: Index): Term | undefined;
}

/** The five properties of figure 3, and what Raft's proof of them and its reads rest on. */
export const properties = [
  'ElectionSafety',
  'LeaderAppendOnly',
  'LogMatching',
  'LeaderCompleteness',
  'StateMachineSafety',
  'VoteOncePerTerm',
  'LinearizableReads',
] as const;
export type Property = (typeof properties)[number];

export interface Violation {
  readonly property: Property;
  /** Both facts that clash, in one sentence. */
  readonly text: string;
}

export function entryAt(view: NodeView, index: Index): Entry | undefined {
  return view.entries[index - view.base.index - 1];
}

export function sameEntry(a: Entry, b: Entry): boolean {
  if (a === b) return true;
  if (a.term !== b.term || a.index !== b.index || a.kind !== b.kind) return false;
  if (a.kind === 'command' && b.kind === 'command') return sameBytes(a.data, b.data);
  if (a.kind === 'configuration' && b.kind === 'configuration') {
    return (
      sameNodes(a.configuration.voters, b.configuration.voters) &&
      sameNodes(a.configuration.outgoing, b.configuration.outgoing) &&
      sameNodes(a.configuration.learners, b.configuration.learners)
    );
  }
  return true;
}

export function entryName(entry: Entry): string {
  const what = entry.kind === 'command' ? ` "${printable(entry.data.subarray(0, 32))}"` : ` ${entry.kind}`;
  return `${entry.index}@${entry.term}${what}`;
}

/** Commands are bytes: what no terminal should be sent shows as a dot. */
function printable(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

function sameNodes(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((node, at) => node === b[at]);
}
