// Who may talk to whom: the first frame in each direction, and the questions both sides ask of it.
//
// A refusal is a sentence, goes to the other side, and changes no state on either: nothing of a stranger reaches Raft.

import type { Logger, NodeId } from '@kontiki/raft';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { MalformedError } from './bytes.ts';
import type { Removed } from './channel.ts';
import type { TransportRules } from './rules.ts';

/** What a connection is for. Snapshots have one of their own, so that heartbeats never wait behind them. */
export type Purpose = 'peer' | 'snapshot';
const purposes = ['peer', 'snapshot'] as const satisfies readonly Purpose[];

/** Who this member is. All but `boot` are the same for the life of its data directory. */
export interface Identity {
  readonly cluster: string;
  readonly id: NodeId;
  /** Counts the starts of this member: a later start has a higher number. */
  readonly boot: number;
  /** Random, made once with the data directory: another one under the same member id is another disk. */
  readonly incarnation: string;
}

/** The body of `hello` and of `welcome`. */
export interface Greeting extends Identity {
  /** Whom the speaker believes to talk to. */
  readonly to: NodeId;
  readonly purpose: Purpose;
}

/**
 * Which incarnation each member id was first seen with. The embedder keeps it on disk: a wiped member that came back
 * under its old name would vote again in terms in which it has voted (§5.2: one vote a term).
 */
export interface IncarnationStore {
  known(id: NodeId): string | undefined;
  /** Makes it durable, then answers. Called only for an id that is not known. */
  remember(id: NodeId, incarnation: string, done: (error: Error | undefined) => void): void;
}

export function writeGreeting(out: ByteWriter, greeting: Greeting): void {
  out.text(greeting.cluster);
  out.text(greeting.id);
  out.text(greeting.to);
  out.varint(greeting.boot);
  out.text(greeting.incarnation);
  out.u8(purposes.indexOf(greeting.purpose));
}

/** Throws `MalformedError`. Fields may be added behind the known ones: a reader ignores what follows. */
export function readGreeting(from: ByteReader): Greeting {
  const greeting = {
    cluster: from.text('cluster id'),
    id: from.text('member id') as NodeId,
    to: from.text('member id') as NodeId,
    boot: from.varint('boot'),
    incarnation: from.text('incarnation'),
  };
  const purpose = purposes[from.u8('purpose')];
  if (purpose === undefined) throw new MalformedError('the purpose of the connection is unknown');
  return { ...greeting, purpose };
}

/** Why `self` will not talk to who sent `greeting`, or `undefined`. */
export function refusalOf(
  self: Identity,
  greeting: Greeting,
  known: { readonly incarnation: string | undefined; readonly boot: number },
  rules: TransportRules,
): string | undefined {
  if (!rules.isSameCluster(self.cluster, greeting.cluster)) {
    return `this is member ${self.id} of cluster ${self.cluster}; you belong to cluster ${greeting.cluster}: check the peer addresses`;
  }
  if (!rules.isAddressee(self.id, greeting.to)) {
    return `this is member ${self.id}, not ${greeting.to}: check the peer address of ${greeting.to}`;
  }
  if (greeting.id === self.id) {
    return `this is member ${self.id} itself: two members have the same id, or an address is its own`;
  }
  if (!rules.isSameDisk(known.incarnation, greeting.incarnation)) {
    return (
      `member ${greeting.id} is known with data directory ${known.incarnation}, you come with ${greeting.incarnation}: ` +
      'a member that lost its data must be removed and added again under a new id'
    );
  }
  if (!rules.isCurrentBoot(known.boot, greeting.boot)) {
    return `member ${greeting.id} was seen with boot ${known.boot}, you are boot ${greeting.boot}: an older process, or a copied data directory`;
  }
  return undefined;
}

/** etcd's words, for whoever was removed, and what to do. */
function removalSentence(id: NodeId): string {
  return `member ${id} has been permanently removed from the cluster: its data directory must be removed, and a new member added`;
}

/** Forgets with the process: for tests, and for clusters that live in memory. */
export class MemoryIncarnations implements IncarnationStore {
  readonly #known = new Map<NodeId, string>();
  readonly #defer: (task: () => void) => void;

  constructor(defer: (task: () => void) => void) {
    this.#defer = defer;
  }

  known(id: NodeId): string | undefined {
    return this.#known.get(id);
  }

  remember(id: NodeId, incarnation: string, done: (error: Error | undefined) => void): void {
    this.#defer(() => {
      this.#known.set(id, incarnation);
      done(undefined);
    });
  }
}

/**
 * The gate of one transport: asks `refusalOf`, remembers newcomers durably before it lets them in, and logs a refusal
 * once per reason and member, not once per attempt.
 */
export class Gate {
  readonly #self: Identity;
  readonly #incarnations: IncarnationStore;
  readonly #log: Logger;
  readonly #rules: TransportRules;
  readonly #boots = new Map<NodeId, number>();
  readonly #logged = new Map<string, string>();
  #removed: ReadonlySet<NodeId> = new Set();
  #newcomers = 0;

  constructor(self: Identity, incarnations: IncarnationStore, log: Logger, rules: TransportRules) {
    this.#self = self;
    this.#incarnations = incarnations;
    this.#log = log;
    this.#rules = rules;
  }

  /** Members that were removed: whoever comes under such an id is told so, whatever else may be wrong with it. */
  set removed(ids: ReadonlySet<NodeId>) {
    this.#removed = ids;
  }

  /** What a removed member is told. */
  removalOf(id: NodeId): { readonly sentence: string; readonly removed: Removed } | undefined {
    if (!this.#removed.has(id)) return undefined;
    return { sentence: removalSentence(id), removed: { cluster: this.#self.cluster, id } };
  }

  /** Answers with the reason of a refusal, or `undefined` once the greeter may come in; perhaps at once. */
  check(greeting: Greeting, answer: (refusal: string | undefined, removed?: Removed) => void): void {
    const removal = greeting.cluster === this.#self.cluster ? this.removalOf(greeting.id) : undefined;
    if (removal !== undefined) {
      answer(removal.sentence, removal.removed);
      return;
    }
    const incarnation = this.#incarnations.known(greeting.id);
    const known = { incarnation, boot: this.#boots.get(greeting.id) ?? 0 };
    const refusal = refusalOf(this.#self, greeting, known, this.#rules);
    if (refusal !== undefined || incarnation !== undefined) {
      if (refusal === undefined) this.#boots.set(greeting.id, greeting.boot);
      answer(refusal);
      return;
    }
    if (this.#newcomers >= newcomersMax) {
      answer(`member ${this.#self.id} has met ${newcomersMax} unknown members since it started, and takes no more`);
      return;
    }
    this.#newcomers += 1;
    this.#incarnations.remember(greeting.id, greeting.incarnation, (error) => {
      if (error !== undefined) {
        answer(`member ${this.#self.id} could not store who you are: ${error.message}`);
        return;
      }
      // Two newcomers may have claimed the same id while the first was being stored.
      this.check(greeting, answer);
    });
  }

  /** Logs that talking to `peer` was refused, by either side. */
  logRefusal(peer: string, reason: string): void {
    if (this.#logged.get(peer) === reason) return;
    if (this.#logged.size >= loggedMax) this.#logged.clear();
    this.#logged.set(peer, reason);
    this.#log({ level: 'warn', message: 'peer connection refused', fields: { peer, reason } });
  }
}

const loggedMax = 256;

/** Whoever knows the cluster id may introduce itself; what is remembered of them must stay small. */
const newcomersMax = 256;
