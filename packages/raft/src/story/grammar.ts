// The words of a story as data: what the parser makes of the text, and what the runner plays (docs/stories.md).
//
// Nothing here knows how a word is spelled or what it does.

import type { Index, NodeId, Term } from '../core/api.ts';
import type { Property } from './checkers/view.ts';

/** A whole story. `rules` names the records of leaf decisions it is played with; none means the paper's. */
export interface Story {
  readonly title: string;
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Servers that know no configuration until they are sent one. */
  readonly joiners: readonly NodeId[];
  readonly settings: Settings;
  readonly rules: readonly string[];
  /** Lessons the story is played again with, and holds with. */
  readonly also: readonly string[];
  readonly breaks: readonly Break[];
  readonly steps: readonly Step[];
}

/** The same steps with one lesson more, which then break these properties: what a rule of the paper is there for. */
export interface Break {
  readonly line: number;
  readonly lesson: string;
  readonly properties: readonly Property[];
}

/** One line of the story: its number, its text as written, and what it means. */
export interface Step {
  readonly line: number;
  readonly text: string;
  readonly command: Command;
}

export interface Settings {
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leaseReads: boolean;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Entries per AppendEntries, by their bytes; 1 is one entry each, however long. */
  readonly messageBytes: number;
  readonly inflightMessages: number;
  readonly uncommittedBytes: number;
  readonly logBytes: number;
  /** Chooses the randomized election timeouts. */
  readonly seed: number;
}

/** Messages of a link: all in flight, all of one kind, or one by name (`AE#3`, its first copy is `AE#3+1`). */
export interface Selector {
  readonly from: NodeId | undefined;
  readonly to: NodeId | undefined;
  readonly label: string | undefined;
  readonly name: string | undefined;
}

/** Directed pairs between which nothing passes. */
export type Links = readonly (readonly [from: NodeId, to: NodeId])[];

export type Command =
  | { readonly kind: 'timeout' | 'crash' | 'restart' | 'pause' | 'resume'; readonly node: NodeId }
  | { readonly kind: 'settle'; readonly among: readonly NodeId[] | undefined }
  | { readonly kind: 'deliver' | 'drop' | 'duplicate' | 'hold'; readonly messages: Selector }
  | { readonly kind: 'delay'; readonly messages: Selector; readonly ticks: number }
  | { readonly kind: 'propose'; readonly node: NodeId; readonly text: string }
  | { readonly kind: 'read'; readonly node: NodeId; readonly name: string; readonly mode: 'readIndex' | 'lease' }
  | { readonly kind: 'holdDisk' | 'releaseDisk' | 'persist' | 'loseDisk' | 'forgetVote'; readonly node: NodeId }
  | { readonly kind: 'slowDisk'; readonly node: NodeId; readonly ticks: number }
  | { readonly kind: 'cut'; readonly links: Links }
  | { readonly kind: 'heal'; readonly links: Links | undefined }
  | { readonly kind: 'tick'; readonly ticks: number; readonly nodes: readonly NodeId[] | undefined }
  | { readonly kind: 'run'; readonly ticks: number }
  | { readonly kind: 'runUntil'; readonly goal: Goal }
  | { readonly kind: 'compact'; readonly node: NodeId; readonly index: Index }
  | { readonly kind: 'transfer'; readonly from: NodeId; readonly to: NodeId }
  | { readonly kind: 'abortTransfer'; readonly node: NodeId }
  | { readonly kind: 'unreachable'; readonly node: NodeId; readonly peer: NodeId }
  | {
      readonly kind: 'reconfigure';
      readonly node: NodeId;
      /** As voters, as learners, not at all. */
      readonly add: readonly NodeId[];
      readonly demote: readonly NodeId[];
      readonly remove: readonly NodeId[];
    }
  | { readonly kind: 'mark' }
  /** How much of what follows is written down. */
  | { readonly kind: 'brief' | 'detail' }
  | { readonly kind: 'say'; readonly text: string }
  /** `run`: the lesson whose run the claim is about, or `paper` for the story's own; without it, all but those that break. */
  | { readonly kind: 'expect'; readonly claim: Claim; readonly run: string | undefined };

/** What `expect with` calls the run with the story's own rules. */
export const ownRun = 'paper';

export type Goal =
  | { readonly kind: 'leader'; readonly node: NodeId | undefined }
  | { readonly kind: 'noLeader' }
  | { readonly kind: 'commit'; readonly node: NodeId; readonly index: Index };

/** What a story claims at a point. Counts are since the last `mark`. */
export type Claim =
  | { readonly kind: 'node'; readonly node: NodeId; readonly facts: readonly Fact[] }
  | { readonly kind: 'noLeader' }
  | { readonly kind: 'agreement'; readonly commit: Index }
  | { readonly kind: 'sound' }
  | { readonly kind: 'broken'; readonly property: Property }
  | { readonly kind: 'halted'; readonly node: NodeId; readonly reason: string }
  | { readonly kind: 'verdict'; readonly text: string }
  | { readonly kind: 'rejections'; readonly node: NodeId; readonly count: number }
  | { readonly kind: 'why'; readonly node: NodeId; readonly rule: string; readonly fired: boolean }
  | { readonly kind: 'sent'; readonly messages: Selector; readonly count: number }
  | { readonly kind: 'inFlight'; readonly messages: Selector; readonly count: number }
  | { readonly kind: 'read'; readonly name: string; readonly outcome: ReadOutcome };

export type ReadOutcome =
  | { readonly kind: 'pending' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'index'; readonly index: Index };

export const roles = [
  'leader',
  'follower',
  'candidate',
  'preCandidate',
  'learner',
  'down',
  'paused',
  'halted',
] as const;
export type RoleWord = (typeof roles)[number];

export type Fact =
  | { readonly kind: 'role'; readonly role: RoleWord }
  | { readonly kind: 'term'; readonly term: Term }
  | { readonly kind: 'log'; readonly base: Index; readonly terms: readonly Term[] }
  | { readonly kind: 'commit' | 'applied' | 'durable' | 'last' | 'first'; readonly index: Index }
  | { readonly kind: 'votedFor' | 'follows'; readonly node: NodeId | undefined }
  | { readonly kind: 'voters' | 'outgoing' | 'learners'; readonly nodes: readonly NodeId[] }
  | { readonly kind: 'commands'; readonly commands: readonly string[] };
