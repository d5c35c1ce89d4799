// What happens in a story, as data: a transcript prints it, a screen may draw it. In the order of the one scheduler.

import type { Applicable, Index, Input, LogId, Message, NodeId, Persist, PersistId, Status } from '../core/api.ts';
import type { Violation } from './checkers/view.ts';
import type { Flight } from './network.ts';

export type StoryEvent =
  | { readonly kind: 'step'; readonly line: number; readonly text: string }
  /** Something happens to a node; the flight is what a received message was called. */
  | {
      readonly kind: 'input';
      readonly node: NodeId;
      readonly input: Input;
      readonly flight: Flight | undefined;
      readonly now: number;
    }
  | { readonly kind: 'why'; readonly node: NodeId; readonly rule: string; readonly data: unknown }
  | { readonly kind: 'changed'; readonly before: Status | undefined; readonly after: Status }
  | { readonly kind: 'refused'; readonly node: NodeId; readonly reason: string; readonly leader: NodeId | undefined }
  | { readonly kind: 'accepted'; readonly node: NodeId; readonly at: LogId }
  | { readonly kind: 'sent'; readonly flight: Flight }
  /** `atOnce`: it never was on its way, because its link was cut when it was sent. */
  | { readonly kind: 'lost'; readonly flight: Flight; readonly reason: string; readonly atOnce: boolean }
  /** A message that waits for a write. */
  | { readonly kind: 'gated'; readonly node: NodeId; readonly message: Message; readonly after: PersistId }
  /** `truncated`: the entries that the write cuts off. */
  | { readonly kind: 'write'; readonly node: NodeId; readonly write: Persist; readonly truncated: readonly LogId[] }
  | {
      readonly kind: 'durable';
      readonly node: NodeId;
      readonly through: PersistId;
      /** The disk was not made to wait: nothing a reader must be told. */
      readonly immediate: boolean;
    }
  | { readonly kind: 'applied'; readonly node: NodeId; readonly item: Applicable }
  | { readonly kind: 'read'; readonly node: NodeId; readonly name: string; readonly index: Index | undefined }
  | { readonly kind: 'snapshot'; readonly node: NodeId; readonly last: LogId }
  | { readonly kind: 'halted'; readonly node: NodeId; readonly reason: string }
  | { readonly kind: 'violation'; readonly violation: Violation };
