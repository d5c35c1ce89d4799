/** The words in which the generator tells the runner what to do. All ids in them are the reference's. */

import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import { type WatchCreateRequest, WatchCreateRequestSchema } from '@kontiki/etcd-proto';
import { describe, describeBytes } from './print.ts';

export type Step =
  | { readonly kind: 'call'; readonly at: number; readonly call: UnaryCall }
  /** Bytes to a path, whatever they mean: only the status is compared. */
  | { readonly kind: 'raw'; readonly at: number; readonly path: string; readonly bytes: Uint8Array }
  | { readonly kind: 'keepAlive'; readonly at: number; readonly leases: readonly bigint[] }
  | { readonly kind: 'openStream'; readonly at: number; readonly stream: number }
  | { readonly kind: 'closeStream'; readonly stream: number }
  | { readonly kind: 'watch'; readonly stream: number; readonly create: WatchCreateRequest }
  | { readonly kind: 'cancel'; readonly stream: number; readonly watchId: bigint }
  | { readonly kind: 'progress'; readonly stream: number }
  /** A watch request without any content, which is ignored. */
  | { readonly kind: 'emptyWatchRequest'; readonly stream: number }
  /** Waits until this lease is gone on both sides. */
  | { readonly kind: 'awaitExpiry'; readonly at: number; readonly lease: bigint }
  | { readonly kind: 'transcript'; readonly at: number; readonly name: TranscriptName };

/** Series of watch requests whose answers are listed as different: see transcripts.ts. */
export type TranscriptName =
  | 'negative start revision'
  | 'progress without watchers'
  | 'progress before a future start'
  | 'delete at the compacted revision'
  | 'watch id beyond 2^53'
  | 'id of a compacted watcher';

/** A unary call whose request fits its method; the type of the message is closed over. */
export interface UnaryCall {
  readonly rpc: string;
  readonly isCompaction: boolean;
  describe(): string;
  accept<R>(visitor: UnaryVisitor<R>): R;
}

export type UnaryVisitor<R> = <I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageShape<I>,
) => R;

export function unaryCall<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageShape<I>,
): UnaryCall {
  return {
    rpc: `${method.parent.typeName}/${method.name}`,
    isCompaction: method.name === 'Compact',
    describe: () => describe(method.input, request),
    accept: (visitor) => visitor(method, request),
  };
}

export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'call':
      return `member ${step.at} ${step.call.describe()}`;
    case 'raw':
      return `member ${step.at} raw ${step.path} ${describeBytes(step.bytes)}`;
    case 'watch':
      return `stream ${step.stream} ${describe(WatchCreateRequestSchema, step.create)}`;
    default:
      return Object.entries(step)
        .map(([name, value]) => (name === 'kind' ? String(value) : `${name} ${String(value)}`))
        .join(' ');
  }
}
