// What has been heard of a run, for claims: answers, rules that fired, messages sent, reads, broken properties.

import type { NodeId } from '../core/api.ts';
import type { Property, Violation } from './checkers/view.ts';
import type { StoryEvent } from './events.ts';
import type { ReadOutcome, Selector } from './grammar.ts';
import { type Flight, isSelected } from './network.ts';
import { StoryError } from './story-error.ts';

export class Evidence {
  readonly #violations: Violation[] = [];
  readonly #reads = new Map<string, { readonly node: NodeId; readonly outcome: ReadOutcome }>();
  readonly #rules = new Set<string>();
  readonly #rejections = new Map<NodeId, number>();
  #sent: Flight[] = [];
  #answer = 'nothing was asked';

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  get broken(): ReadonlySet<Property> {
    return new Set(this.#violations.map((violation) => violation.property));
  }

  /** The answer to the last question. */
  get answer(): string {
    return this.#answer;
  }

  rejectionsBy(node: NodeId): number {
    return this.#rejections.get(node) ?? 0;
  }

  hasFired(node: NodeId, rule: string): boolean {
    return this.#rules.has(`${node} ${rule}`);
  }

  sent(messages: Selector): number {
    return this.#sent.filter((flight) => isSelected(flight, messages)).length;
  }

  read(name: string): ReadOutcome | undefined {
    return this.#reads.get(name)?.outcome;
  }

  /** A node is about to be asked something: an earlier answer is none to that. */
  asking(node: NodeId): void {
    this.#answer = `${node} said nothing`;
  }

  askingRead(node: NodeId, name: string): void {
    if (this.#reads.has(name)) throw new StoryError(`there is a read ${name} already`);
    this.#reads.set(name, { node, outcome: { kind: 'pending' } });
    this.asking(node);
  }

  /** To be called when the question was put: a refusal is the end of it. */
  askedRead(node: NodeId, name: string): void {
    if (this.#answer.startsWith('refused')) this.#reads.set(name, { node, outcome: { kind: 'refused' } });
  }

  /** Whoever asked a node that crashed gets no answer. */
  crashed(node: NodeId): void {
    for (const [name, read] of this.#reads) {
      if (read.node === node && read.outcome.kind === 'pending') {
        this.#reads.set(name, { node, outcome: { kind: 'lost' } });
      }
    }
  }

  /** Counts start anew. */
  mark(): void {
    this.#rules.clear();
    this.#rejections.clear();
    this.#sent = [];
  }

  /** False for what is known: a clash of two facts is seen again whenever one of them is looked at. */
  hear(event: StoryEvent): boolean {
    switch (event.kind) {
      case 'violation': {
        const { property, text } = event.violation;
        if (this.#violations.some((known) => known.property === property && known.text === text)) return false;
        this.#violations.push(event.violation);
        return true;
      }
      case 'why':
        this.#rules.add(`${event.node} ${event.rule}`);
        return true;
      case 'refused':
        this.#answer = `refused ${event.reason}`;
        return true;
      case 'accepted':
        this.#answer = `accepted ${event.at.index}@${event.at.term}`;
        return true;
      case 'read': {
        const { node, name, index } = event;
        this.#reads.set(name, { node, outcome: index === undefined ? { kind: 'lost' } : { kind: 'index', index } });
        return true;
      }
      case 'sent':
        this.#count(event.flight);
        return true;
      case 'lost':
        // Lost on the way, it was counted when it was sent; lost at once, it is counted now.
        if (event.atOnce) this.#count(event.flight);
        return true;
      default:
        return true;
    }
  }

  #count(flight: Flight): void {
    this.#sent.push(flight);
    const { cargo, from } = flight;
    const isRejection =
      cargo.kind === 'message' &&
      cargo.message.kind === 'appendEntriesReply' &&
      cargo.message.outcome.kind === 'rejected';
    if (isRejection) this.#rejections.set(from, this.rejectionsBy(from) + 1);
  }
}
