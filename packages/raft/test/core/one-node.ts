// One node under the microscope: built with a log in the three-word language (`terms(1, 1, 2)` = terms at 1..3), fed by
// hand, read by `Ready` and `Status`. Invariants are checked after every step.

import assert from 'node:assert/strict';
import type {
  Applicable,
  Configuration,
  Entry,
  Index,
  Input,
  Message,
  NodeId,
  Options,
  Ready,
  SnapshotMeta,
  Status,
  Term,
  Verdict,
} from '../../src/core/api.ts';
import { checkState, checkTransition, observe } from '../../src/core/invariants.ts';
import { createRaftWith, type RaftCore } from '../../src/core/raft.ts';
import { paperRules, type Rules } from '../../src/core/rules.ts';
import type { WhyRule } from '../../src/core/why.ts';

export const id = (name: string): NodeId => name as NodeId;
export const at = (index: number): Index => index as Index;
export const term = (value: number): Term => value as Term;
export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** Entries from index 1 on, one for each term; from another index with `from`. */
export function terms(...values: readonly number[]): Entry[] {
  return entriesFrom(1, ...values);
}

export function entriesFrom(first: number, ...values: readonly number[]): Entry[] {
  return values.map((value, offset) => ({
    kind: 'command',
    term: term(value),
    index: at(first + offset),
    data: bytes(`${value}.${first + offset}`),
  }));
}

export function configurationOf(
  voters: readonly string[],
  learners: readonly string[] = [],
  outgoing: readonly string[] = [],
): Configuration {
  return { voters: voters.map(id), outgoing: outgoing.map(id), learners: learners.map(id), addresses: [] };
}

export function snapshotAt(
  index: number,
  ofTerm: number,
  configuration: Configuration = configurationOf(three),
): SnapshotMeta {
  return { last: { term: term(ofTerm), index: at(index) }, configuration };
}

export const three: readonly string[] = ['n1', 'n2', 'n3'];
export const five: readonly string[] = ['n1', 'n2', 'n3', 'n4', 'n5'];

type Limits = Options['limits'];
export interface Setup {
  readonly voters?: readonly string[];
  readonly outgoing?: readonly string[];
  readonly learners?: readonly string[];
  /** Terms of the entries after the base. */
  readonly log?: readonly number[];
  readonly entries?: readonly Entry[];
  readonly base?: SnapshotMeta;
  readonly term?: number;
  readonly votedFor?: string;
  readonly commit?: number;
  readonly applied?: number;
  readonly preVote?: boolean;
  readonly checkQuorum?: boolean;
  readonly leaseReads?: boolean;
  readonly limits?: Partial<Limits>;
  readonly rules?: Partial<Rules>;
  readonly draw?: Options['draw'];
}

const roomy: Limits = {
  inflightMessages: 64,
  messageBytes: 1 << 20,
  uncommittedBytes: 1 << 24,
  logBytes: 1 << 26,
  applyBytes: 1 << 20,
};

export function optionsOf(setup: Setup): Options {
  const base = setup.base ?? {
    last: { term: term(0), index: at(0) },
    configuration: configurationOf(setup.voters ?? three, setup.learners, setup.outgoing),
  };
  const entries = setup.entries ?? entriesFrom(base.last.index + 1, ...(setup.log ?? []));
  const lastTerm = entries.at(-1)?.term ?? base.last.term;
  return {
    id: id('n1'),
    electionTicks: 10,
    heartbeatTicks: 2,
    preVote: setup.preVote ?? false,
    checkQuorum: setup.checkQuorum ?? false,
    leaseReads: setup.leaseReads ?? false,
    limits: { ...roomy, ...setup.limits },
    draw: setup.draw ?? (() => 0),
    restore: {
      hardState: {
        term: term(setup.term ?? lastTerm),
        votedFor: setup.votedFor === undefined ? undefined : id(setup.votedFor),
        commit: at(setup.commit ?? base.last.index),
      },
      base,
      entries,
      applied: at(setup.applied ?? base.last.index),
    },
  };
}

const nothing: Ready = {
  send: [],
  persist: undefined,
  afterPersist: undefined,
  apply: [],
  reads: [],
  snapshotsWanted: [],
  configuration: undefined,
};

type Sent<Kind extends Message['kind']> = Extract<Message, { readonly kind: Kind }>;
type Loose<M> = M extends Message ? Omit<M, 'to' | 'term' | 'from'> & { from?: string; term?: number } : never;

/** n1, with everybody else played by the test. */
export class OneNode {
  readonly core: RaftCore;
  readonly why: WhyRule[] = [];
  readonly applied: Applicable[] = [];
  readonly reads: Ready['reads'][number][] = [];

  constructor(setup: Setup = {}) {
    const options = { ...optionsOf(setup), why: (rule: WhyRule) => void this.why.push(rule) };
    this.core = createRaftWith(options, { ...paperRules, ...setup.rules });
    checkState(this.core.node);
  }

  get leads(): boolean {
    return this.core.node.role.kind === 'leader';
  }

  get status(): Status {
    return this.core.status();
  }

  /** The terms of the log after its base. */
  get log(): readonly number[] {
    const { first, last } = this.status;
    const found: number[] = [];
    for (let index = first; index <= last.index; index = at(index + 1))
      found.push(this.core.node.log.termAt(index) ?? -1);
    return found;
  }

  step(input: Input): Verdict {
    const before = observe(this.core.node);
    const verdict = this.core.step(input);
    checkState(this.core.node);
    checkTransition(before, this.core.node);
    return verdict;
  }

  /** A message to n1: from n2 and of the current term unless the test says otherwise. */
  receive(message: Loose<Message>): Verdict {
    const envelope = { from: id(message.from ?? 'n2'), to: id('n1'), term: term(message.term ?? this.status.term) };
    return this.step({ kind: 'receive', message: { ...message, ...envelope } as Message });
  }

  append(
    prev: readonly [number, number],
    entries: readonly Entry[],
    more: { commit?: number; round?: number; term?: number; from?: string } = {},
  ): Verdict {
    const [prevIndex, prevTerm] = prev;
    const { commit, round, ...envelope } = more;
    return this.receive({
      kind: 'appendEntries',
      prev: { index: at(prevIndex), term: term(prevTerm) },
      entries,
      commit: at(commit ?? 0),
      round: round ?? 1,
      ...envelope,
    });
  }

  requestVote(
    last: readonly [number, number],
    more: { from?: string; term?: number; transfer?: boolean; phase?: 'vote' | 'preVote' } = {},
  ): Verdict {
    const [index, lastTerm] = last;
    const { transfer, phase, ...envelope } = more;
    return this.receive({
      kind: 'requestVote',
      phase: phase ?? 'vote',
      last: { index: at(index), term: term(lastTerm) },
      transfer: transfer ?? false,
      ...envelope,
    });
  }

  /** A follower's durable match, as the answer to the newest round sent to it. */
  matched(match: number, from = 'n2', round = this.core.node.round): Verdict {
    const peer = this.peer(from);
    return this.receive({
      kind: 'appendEntriesReply',
      from,
      round: Math.min(round, peer?.sentRound ?? round),
      outcome: { kind: 'matched', match: at(match) },
    });
  }

  peer(name: string):
    | {
        readonly match: Index;
        readonly next: Index;
        readonly sentRound: number;
        readonly flow: { readonly kind: string };
      }
    | undefined {
    const { role } = this.core.node;
    return role.kind === 'leader' ? role.peers.find((peer) => peer.id === name) : undefined;
  }

  tick(count = 1): void {
    for (let done = 0; done < count; done += 1) this.step({ kind: 'tick', elapsed: 1 });
  }

  ready(): Ready {
    const before = observe(this.core.node);
    const ready = this.core.ready() ?? nothing;
    checkState(this.core.node);
    checkTransition(before, this.core.node);
    this.applied.push(...ready.apply);
    this.reads.push(...ready.reads);
    return ready;
  }

  /** Runs a fast disk and a fast state machine until nothing is wanted; answers every message that left. */
  settle(): Message[] {
    const sent: Message[] = [];
    for (let turns = 0; turns < 50; turns += 1) {
      const before = this.core.node.durability.lastId;
      const { send, persist, afterPersist, apply, reads } = this.ready();
      sent.push(...send);
      if (persist !== undefined) this.step({ kind: 'persisted', through: persist.id });
      if (afterPersist !== undefined) sent.push(...afterPersist.messages);
      const last = apply.at(-1);
      if (last !== undefined) {
        this.step({ kind: 'applied', through: last.kind === 'entry' ? last.entry.index : last.snapshot.last.index });
      }
      const idle = send.length === 0 && afterPersist === undefined && apply.length === 0 && reads.length === 0;
      if (idle && this.core.node.durability.lastId === before) return sent;
    }
    return assert.fail('the node never comes to rest');
  }

  /** Makes n1 the leader of the next term, by the votes of everybody else; the log then ends with its no-op. */
  lead(): this {
    this.step({ kind: 'campaign' });
    this.settle();
    for (const phase of ['preVote', 'vote'] as const) {
      const { role, term: current, configuration } = this.status;
      if (role !== (phase === 'preVote' ? 'preCandidate' : 'candidate')) continue;
      for (const voter of [...configuration.voters, ...configuration.outgoing]) {
        if (voter === 'n1' || this.leads) continue;
        const replyTerm = phase === 'preVote' ? current + 1 : this.status.term;
        this.receive({ kind: 'requestVoteReply', phase, granted: true, from: voter, term: replyTerm });
      }
      this.settle();
    }
    assert.equal(this.status.role, 'leader');
    return this;
  }

  /** Makes n1 a follower of n2 in the current term. */
  follow(from = 'n2'): this {
    const { last } = this.status;
    this.append([last.index, last.term], [], { from });
    this.settle();
    return this;
  }

  propose(text = 'x'): Verdict {
    return this.step({ kind: 'propose', data: bytes(text) });
  }
}

export function sentTo<Kind extends Message['kind']>(
  messages: readonly Message[],
  kind: Kind,
  to?: string,
): Sent<Kind>[] {
  return messages.filter(
    (message): message is Sent<Kind> => message.kind === kind && (to === undefined || message.to === to),
  );
}

/** The only message of a kind among these. */
export function only<Kind extends Message['kind']>(messages: readonly Message[], kind: Kind, to?: string): Sent<Kind> {
  const found = sentTo(messages, kind, to);
  assert.equal(found.length, 1, `one ${kind} expected among ${messages.map((message) => message.kind).join(', ')}`);
  return found[0] ?? assert.fail();
}
