// What a trace knows of all its nodes together: which messages are on their way in the specification's world, which
// answers they will get there, and which commit index a node has made durable there.

import type { Message, MessageOf, NodeId, Status } from '@kontiki/raft';
import { type TraceEvent, type TraceMessage, traceLine } from './events.ts';

interface Owed {
  /** The last entry that the request covers. An answer that proves less is not the specification's; it has one a request. */
  readonly covered: number;
  /** What the specification answers. */
  readonly match: number;
}

export class TracedWorld {
  readonly #print: (line: string) => void;
  readonly #onTheirWay = new Map<string, TraceMessage>();
  readonly #owed = new Map<string, Owed>();
  /** Vote requests that were taken in and not answered yet. */
  readonly #asked = new Set<string>();
  readonly #durableCommit = new Map<NodeId, number>();
  #count = 0;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  tell(event: TraceEvent): void {
    this.#count += 1;
    this.#print(traceLine(event, this.#count));
  }

  /** With us the commit index is volatile (figure 2); there it is not, so a node that restarts still has what it had. */
  commitOf({ id, commit }: Status): number {
    return Math.max(commit, this.#durableCommit.get(id) ?? 0);
  }

  persisted(status: Status): void {
    this.#durableCommit.set(status.id, this.commitOf(status));
  }

  send(message: Message, msg: TraceMessage): void {
    this.#onTheirWay.set(nameOf(message), msg);
  }

  /** Takes a message off the network; undefined for a copy, and for what was never there. */
  take(message: Message): TraceMessage | undefined {
    const name = nameOf(message);
    const msg = this.#onTheirWay.get(name);
    this.#onTheirWay.delete(name);
    return msg;
  }

  ask({ from, to }: MessageOf<'requestVote'>): void {
    this.#asked.add(`${to}>${from}`);
  }

  /** Whether this answers what was asked: not a second time, to a copy of the request. */
  answersVote({ from, to }: MessageOf<'requestVoteReply'>): boolean {
    return this.#asked.delete(`${from}>${to}`);
  }

  /** Notes what the specification answers to a request, should it not be refused. */
  owe(message: MessageOf<'appendEntries'>, commit: number): void {
    const { prev, entries, from, to, round } = message;
    const covered = prev.index + entries.length;
    // Below the commit index it does not look at the entries, and says how far it has committed.
    this.#owed.set(`${to}>${from} ${round}`, { covered, match: prev.index < commit ? commit : covered });
  }

  /** What the specification answers, if this is the answer that it gives: the one that needs no other after it. */
  settle({ from, to, round, outcome }: MessageOf<'appendEntriesReply'>): number | undefined {
    const name = `${from}>${to} ${round}`;
    const owed = this.#owed.get(name);
    if (owed === undefined || (outcome.kind === 'matched' && outcome.match < owed.covered)) return undefined;
    this.#owed.delete(name);
    return owed.match;
  }
}

/** Rounds never repeat within a term, votes are asked for once in it, and the answers to one round differ in what they claim. */
function nameOf(message: Message): string {
  const { kind, from, to, term } = message;
  const about: (number | string)[] = [];
  if ('phase' in message) about.push(message.phase);
  if ('round' in message) about.push(message.round);
  if ('outcome' in message && message.outcome.kind === 'matched') about.push(message.outcome.match);
  return `${kind} ${from}>${to} ${term} ${about.join(' ')}`;
}
