// Events as lines that a reviewer reads without the code. One event, one line; what says nothing new is left out.
//
//   > settle                                    a line of the story
//     n2 gets RV#1 from n1                      an input, and under it what came of it
//        why rv.2.grant
//        follower, term 1, votedFor n1
//        writes 2: term 1, votedFor n1, commit 0
//        -> n1 RVR#1 term 1, granted
//     !! ElectionSafety: …                      a property of figure 3 broke

import type { Input, LogId, Status } from '../core/api.ts';
import type { StoryEvent } from './events.ts';
import {
  applicableText,
  commandText,
  configurationText,
  logIdText,
  messageLabel,
  messageText,
  writeText,
} from './naming.ts';
import type { Flight } from './network.ts';

/** Collects the lines of one run. */
export class Transcript {
  readonly #lines: string[] = [];
  /** Rules that fired since the last line: they are written together, before what came of them. */
  #rules: string[] = [];
  /** The latest input, printed only once something comes of it: most ticks are silent. */
  #input = '';
  #quiet = false;

  get text(): string {
    this.#flushRules();
    return `${this.#lines.join('\n')}\n`;
  }

  /** While quiet, only changes of role, term and commit, reads, halts and broken properties are written down. */
  set quiet(quiet: boolean) {
    this.#quiet = quiet;
  }

  add(event: StoryEvent): void {
    if (event.kind === 'why') {
      // What was written to disk, and what waits for it, has lines of its own.
      if (!this.#quiet && !event.rule.startsWith('persist.')) this.#rules.push(event.rule);
      return;
    }
    if (event.kind === 'step') {
      this.#flushRules();
      this.#input = '';
      this.#lines.push(`> ${event.text}`);
      return;
    }
    if (event.kind === 'input') {
      this.#flushRules();
      const text = inputText(event.input, event.flight, event.now);
      this.#input = `  ${event.node} ${text}`;
      if (event.input.kind !== 'tick' && !this.#quiet) this.#flushInput();
      return;
    }
    if (this.#quiet && !isNotable(event)) return;
    const text = eventText(event);
    if (text === undefined) return;
    this.#flushRules();
    this.#flushInput();
    this.#lines.push(event.kind === 'violation' || event.kind === 'halted' ? `  !! ${text}` : `     ${text}`);
  }

  note(text: string): void {
    this.#flushRules();
    this.#lines.push(text);
  }

  #flushRules(): void {
    if (this.#rules.length === 0) return;
    const counts = new Map<string, number>();
    for (const rule of this.#rules) counts.set(rule, (counts.get(rule) ?? 0) + 1);
    this.#rules = [];
    this.#flushInput();
    const texts = [...counts].map(([rule, count]) => (count === 1 ? rule : `${rule} x${count}`));
    this.#lines.push(`     why ${texts.join(', ')}`);
  }

  #flushInput(): void {
    if (this.#input !== '') this.#lines.push(this.#input);
    this.#input = '';
  }
}

function isNotable(event: StoryEvent): boolean {
  if (event.kind === 'changed') return true;
  return ['halted', 'violation', 'read', 'refused'].includes(event.kind);
}

function inputText(input: Input, flight: Flight | undefined, now: number): string {
  switch (input.kind) {
    case 'tick':
      return input.elapsed === 1 ? `at tick ${now}` : `at tick ${now}: ${input.elapsed} ticks have passed`;
    case 'receive':
      return `gets ${flight?.name ?? messageLabel(input.message)} from ${input.message.from}`;
    case 'propose':
      return `is asked for "${commandText(input.data)}"`;
    case 'read':
      return input.mode === 'lease' ? 'is asked for a read by lease' : 'is asked for a read';
    case 'changeConfiguration':
      return `is asked for the members ${configurationText(input.to)}`;
    case 'transferLeadership':
      return `is asked to hand over to ${input.to}`;
    case 'abortTransfer':
      return 'is asked to stop handing over';
    case 'campaign':
      return 'runs out of patience';
    case 'persisted':
      return `has write ${input.through} on disk`;
    case 'applied':
      return `has applied up to ${input.through}`;
    case 'snapshotSent':
      return `knows its snapshot to be at ${input.to}`;
    case 'snapshotFailed':
      return `learns that its snapshot did not reach ${input.to}`;
    case 'unreachable':
      return `learns that ${input.peer} cannot be reached`;
    case 'compacted':
      return `lets go of the log up to ${input.through}`;
  }
}

function eventText(event: Exclude<StoryEvent, { readonly kind: 'step' | 'input' | 'why' }>): string | undefined {
  switch (event.kind) {
    case 'changed':
      return changeText(event.before, event.after);
    case 'refused':
      return `refused: ${event.reason}${event.leader === undefined ? '' : `, ask ${event.leader}`}`;
    case 'accepted':
      return `accepted at ${logIdText(event.at)}`;
    case 'sent':
      return `-> ${flightText(event.flight)}`;
    case 'lost':
      return `-x ${event.flight.from} to ${flightText(event.flight)}: ${event.reason}`;
    case 'gated':
      return `keeps ${messageLabel(event.message)} for ${event.message.to} until write ${event.after} is durable`;
    case 'write':
      return `writes ${event.write.id}: ${writeText(event.write)}${truncatedText(event.truncated)}`;
    case 'durable':
      return event.immediate ? undefined : `${event.node} has write ${event.through} durable`;
    case 'applied':
      return `applies ${applicableText(event.item)}`;
    case 'read':
      return event.index === undefined
        ? `read ${event.name} is lost`
        : `read ${event.name} is served at ${event.index}`;
    case 'snapshot':
      return `${event.node} has a snapshot up to ${logIdText(event.last)}`;
    case 'halted':
      return `${event.node} halts: ${event.reason}`;
    case 'violation':
      return `${event.violation.property}: ${event.violation.text}`;
  }
}

function flightText({ to, name, cargo }: Flight): string {
  const body = cargo.kind === 'message' ? messageText(cargo.message) : `up to ${logIdText(cargo.snapshot.meta.last)}`;
  return `${to} ${name} ${body}`;
}

function truncatedText(truncated: readonly LogId[]): string {
  return truncated.length === 0 ? '' : `; cuts off ${truncated.map(logIdText).join(' ')}`;
}

/** What is different, in the words of figure 2; nothing when all that moved is how far the log reaches. */
function changeText(before: Status | undefined, after: Status): string | undefined {
  if (before === undefined && after.term === 0) return undefined; // a story begins with nodes that know nothing
  const parts: string[] = [];
  if (before?.role !== after.role) parts.push(after.role);
  if (before?.term !== after.term) parts.push(`term ${after.term}`);
  const voted = before?.votedFor !== after.votedFor || before?.term !== after.term;
  if (voted && after.votedFor !== undefined) parts.push(`votedFor ${after.votedFor}`);
  if (before?.leader !== after.leader && after.role !== 'leader') {
    parts.push(after.leader === undefined ? 'no leader known' : `follows ${after.leader}`);
  }
  const members = configurationText(after.configuration);
  if (before !== undefined && members !== configurationText(before.configuration)) parts.push(`members ${members}`);
  if ((before?.commit ?? 0) !== after.commit) parts.push(`commit ${after.commit}`);
  return parts.length === 0 ? undefined : `${after.id}: ${parts.join(', ')}`;
}

/** A node in one line, for failed claims and for the end of a transcript. */
export function statusText(status: Status, log: string): string {
  const vote = `votedFor ${status.votedFor ?? '-'}`;
  return `${status.id} ${status.role} term ${status.term} ${vote} log ${log} commit ${status.commit} applied ${status.applied}`;
}
