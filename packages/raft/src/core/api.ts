// The core's types: everything that can happen to a node, and everything it can want done.

import type { Why } from './why.ts';

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };
export type Term = Brand<number, 'Term'>;
export type Index = Brand<number, 'Index'>; // 1-based; 0 stands before the first entry
export type NodeId = Brand<string, 'NodeId'>; // opaque: only equality and order matter
export type PersistId = Brand<number, 'PersistId'>; // one per write handed out, always growing

/** Names one log entry; equal ids mean equal entries (Log Matching, §5.3). */
export interface LogId {
  readonly term: Term;
  readonly index: Index;
}
export type Entry = LogId &
  (
    | { readonly kind: 'command'; readonly data: Uint8Array }
    | { readonly kind: 'configuration'; readonly configuration: Configuration }
    | { readonly kind: 'noop' }
  ); // first entry of every new leader (§8)

/** Active as soon as it is in the log, so it carries the addresses that reaching its members needs. */
export interface Configuration {
  // all lists sorted by id
  readonly voters: readonly NodeId[];
  readonly outgoing: readonly NodeId[]; // non-empty only while joint (thesis §4.3)
  readonly learners: readonly NodeId[];
  readonly addresses: readonly (readonly [NodeId, Uint8Array])[];
}
/** `commit` never exceeds the log that the same write makes durable. */
export interface HardState {
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
  readonly commit: Index;
}
/** The configuration is the one as of `last`, not the one active now. */
export interface SnapshotMeta {
  readonly last: LogId;
  readonly configuration: Configuration;
}

export type Phase = 'preVote' | 'vote'; // a pre-vote carries term + 1, which nobody adopts
export interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
}
export type Message = Envelope &
  (
    | { readonly kind: 'requestVote'; readonly phase: Phase; readonly last: LogId; readonly transfer: boolean }
    | { readonly kind: 'requestVoteReply'; readonly phase: Phase; readonly granted: boolean }
    | {
        readonly kind: 'appendEntries';
        readonly prev: LogId;
        readonly entries: readonly Entry[];
        readonly commit: Index;
        readonly round: number;
      } // round: fresh each time, echoed, confirms reads (thesis §6.4)
    | { readonly kind: 'appendEntriesReply'; readonly round: number; readonly outcome: AppendOutcome }
    // Sent after `snapshotSent`; the receiver's driver steps it only once the bytes are durable there. Answered by appendEntriesReply.
    | { readonly kind: 'installSnapshot'; readonly snapshot: SnapshotMeta; readonly round: number }
    | { readonly kind: 'readIndex'; readonly readId: number } // a follower asks its leader; the id never repeats across restarts (boot + counter)
    | { readonly kind: 'readIndexReply'; readonly readId: number; readonly index: Index | undefined }
    | { readonly kind: 'timeoutNow' }
  ); // leadership transfer (thesis §3.10)
export type AppendOutcome =
  | { readonly kind: 'matched'; readonly match: Index } // the *durable* matching prefix, never more
  | {
      readonly kind: 'rejected';
      readonly rejected: Index; // which prev: a stale rejection is recognised
      readonly conflictTerm: Term | undefined;
      readonly tryIndex: Index;
    }; // undefined: the log was too short

/** The messages of one kind. */
export type MessageOf<Kind extends Message['kind']> = Extract<Message, { readonly kind: Kind }>;

/** Everything that can happen to a node. A run is its options, its seed and its list of inputs. */
export type Input =
  | { readonly kind: 'tick'; readonly elapsed: number } // whole ticks of monotonic time; comes before any message of the turn
  | { readonly kind: 'receive'; readonly message: Message }
  | { readonly kind: 'propose'; readonly data: Uint8Array }
  | { readonly kind: 'read'; readonly readId: number; readonly mode: 'readIndex' | 'lease' }
  | { readonly kind: 'changeConfiguration'; readonly to: Configuration }
  | { readonly kind: 'transferLeadership'; readonly to: NodeId }
  | { readonly kind: 'abortTransfer' }
  | { readonly kind: 'campaign' } // the election timer of this node ran out now (stories)
  | { readonly kind: 'persisted'; readonly through: PersistId }
  | { readonly kind: 'applied'; readonly through: Index } // opens Ready.apply again, releases reads and compaction
  | { readonly kind: 'snapshotSent'; readonly to: NodeId; readonly snapshot: SnapshotMeta }
  | { readonly kind: 'snapshotFailed'; readonly to: NodeId }
  | { readonly kind: 'unreachable'; readonly peer: NodeId }
  | { readonly kind: 'compacted'; readonly through: Index };

/** The inputs of one kind. */
export type InputOf<Kind extends Input['kind']> = Extract<Input, { readonly kind: Kind }>;

/** A refusal is an expected outcome, so it is a value. Only a broken invariant throws. */
export type Verdict =
  | { readonly kind: 'accepted'; readonly at: LogId | undefined } // where a proposal stands, if it is ever committed
  | {
      readonly kind: 'refused';
      readonly leader: NodeId | undefined;
      readonly reason:
        | 'notLeader'
        | 'notVoter'
        | 'transferring'
        | 'overloaded'
        | 'changePending'
        | 'noCommitInTerm'
        | 'invalid';
    };

/** Everything a node wants done, in the one order that is safe. */
export interface Ready {
  /** May leave at once, beside the write: pre-votes, AppendEntries, installSnapshot, timeoutNow, readIndex and its reply,
   *  and an append reply that promises nothing new. */
  readonly send: readonly Message[];
  readonly persist: Persist | undefined;
  /** Leaves only once every write up to `after` is durable: vote requests, votes, acknowledgements. `after` is the newest
   *  write with `sync` ever handed out (0 before the first). */
  readonly afterPersist: { readonly after: PersistId; readonly messages: readonly Message[] } | undefined;
  /** Committed *and* durable here, in index order, each exactly once, bounded in bytes until `applied` comes back. */
  readonly apply: readonly Applicable[];
  readonly reads: readonly (
    | { readonly readId: number; readonly index: Index }
    | { readonly readId: number; readonly lost: true }
  )[];
  readonly snapshotsWanted: readonly NodeId[]; // followers that need what the log no longer has
  readonly configuration: Configuration | undefined; // changed, also by a rollback: the transport's peers
}
export type Applicable =
  | { readonly kind: 'entry'; readonly entry: Entry }
  | { readonly kind: 'restore'; readonly snapshot: SnapshotMeta }; // ordered among the entries
export interface Persist {
  readonly id: PersistId;
  readonly sync: boolean; // false: only the lazy commit index moved; durable with the next sync one
  readonly hardState: HardState | undefined;
  readonly base: SnapshotMeta | undefined; // a new base of the log: restored or compacted
  readonly entries: readonly Entry[]; // the first index cuts off whatever followed it
}

export interface Raft {
  step(input: Input): Verdict;
  ready(): Ready | undefined; // drains; undefined when nothing is wanted
  status(): Status; // a frozen view for servers, checkers, screens
  metaAt(index: Index): SnapshotMeta; // what a snapshot taken at an applied index must carry
  dump(): unknown; // plain data; load(dump) continues the very same run
}
export type Status = {
  readonly id: NodeId;
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
  readonly leader: NodeId | undefined;
  readonly first: Index;
  readonly last: LogId;
  readonly durable: Index;
  readonly commit: Index;
  readonly applied: Index;
  readonly configuration: Configuration;
  readonly electionElapsed: number;
} & (
  | { readonly role: 'learner' | 'follower' }
  | { readonly role: 'preCandidate' | 'candidate'; readonly votes: readonly (readonly [NodeId, boolean])[] }
  | {
      readonly role: 'leader';
      readonly progress: readonly (readonly [NodeId, Progress])[];
      readonly transfer: NodeId | undefined;
    }
);
export type Progress = { readonly match: Index; readonly next: Index } & (
  | { readonly kind: 'probe'; readonly paused: boolean }
  | { readonly kind: 'replicate'; readonly inflight: number }
  | { readonly kind: 'snapshot'; readonly pending: Index }
);

export interface Options {
  readonly id: NodeId;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean; // both true unless a story says otherwise
  readonly leaseReads: boolean;
  /** What a lease assumes of clocks (thesis §6.4.1): over one election timeout, no two drift apart by more; 10 unless given. */
  readonly clockDriftPercent?: number;
  readonly limits: {
    readonly inflightMessages: number;
    readonly messageBytes: number;
    readonly uncommittedBytes: number;
    readonly logBytes: number;
    readonly applyBytes: number;
    /** What may be on its way to one follower; 8 messages of `messageBytes` unless given. */
    readonly inflightBytes?: number;
  };
  /** The only source of chance: a pure function of its arguments, so that a dump needs no generator state. */
  readonly draw: (purpose: 'electionTimeout', counter: number, below: number) => number;
  readonly why?: Why; // which rule of the paper fired; absent, it costs nothing
  /** What was on disk. `applied` is what the state machine has made durable. */
  readonly restore: {
    readonly hardState: HardState;
    readonly base: SnapshotMeta;
    readonly entries: readonly Entry[];
    readonly applied: Index;
  };
}
