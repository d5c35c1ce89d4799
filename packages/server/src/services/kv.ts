// etcdserverpb.KV. Reads are answered from the store of this member, after the barrier unless the client does without it;
// writes go through the log as the client's own bytes. What can be refused without the store is refused before either.

import {
  CompactionRequestSchema,
  type DeleteRangeRequest as DeleteRangeMessage,
  DeleteRangeRequestSchema,
  KV,
  PutRequestSchema,
  RangeRequestSchema,
  type RequestOp as RequestOpMessage,
  type TxnRequest as TxnMessage,
  TxnRequestSchema,
} from '@kontiki/etcd-proto';
import type { Call, Service } from '@kontiki/grpc';
import { checkRequest, type KvError, type RequestOp, type Result } from '@kontiki/kv';
import {
  type Command,
  clampInt64,
  deleteRangeRequest,
  type Member,
  putRequest,
  rangeRequest,
  txnRequest,
} from '@kontiki/member';
import { refusal } from '../errors.ts';
import { commandBytes } from './command-size.ts';
import type { ServiceContext } from './context.ts';
import { encodeHeaderOnly } from './kv-responses.ts';
import { LargeAnswers } from './large-answers.ts';
import { LongWrites } from './long-writes.ts';
import { serviceOf, unary } from './method.ts';

export function kvService({ member, headers, limits }: ServiceContext): Service {
  const answers = new LargeAnswers(member, headers);
  const longWrites = new LongWrites();
  const check = (request: RequestOp): void => {
    const error = checkRequest(request, { txnOperationsMax: limits.txnOperationsMax });
    if (error !== undefined) throw refusal(error.code);
  };
  const propose = async <Kind extends Result['kind']>(
    kind: Kind,
    command: Command & { readonly request: Uint8Array },
  ): Promise<Extract<Result, { readonly kind: Kind }>> => {
    if (commandBytes(command.request.length, member.identity.memberId) > limits.requestBytesMax) {
      throw refusal('requestTooLarge');
    }
    return resultOf(kind, await member.propose(command));
  };

  return serviceOf(
    KV,
    {
      Range: unary(RangeRequestSchema, async (message, _bytes, call) => {
        if (!message.serializable && member.isLearner()) throw refusal('notSupportedForLearner');
        if (message.key.length === 0) throw refusal('emptyKey');
        const request = rangeRequest(message);
        if (request === undefined) throw refusal('invalidSortOption');
        if (!message.serializable) await member.linearize();
        return await answers.range(request, call, unwrap);
      }),

      Put: unary(PutRequestSchema, async (message, bytes, call) => {
        check(putRequest(message));
        return answers.written(call, await propose('put', { kind: 'put', request: bytes }));
      }),

      DeleteRange: unary(DeleteRangeRequestSchema, async (message, bytes, call) => {
        check(deleteRangeRequest(message));
        const write = () => propose('deleteRange', { kind: 'deleteRange', request: bytes });
        return answers.written(call, tellsDeleted(message) ? await longWrites.inTurn(call, write) : await write());
      }),

      Txn: unary(TxnRequestSchema, async (message, bytes, call) => {
        const request = txnRequest(message);
        if (request === undefined) throw refusal(hasUnknownSort(message) ? 'invalidSortOption' : 'unknownComparison');
        check(request);
        if (!isReadOnly(message)) {
          const write = () => propose('txn', { kind: 'txn', request: bytes });
          return answers.written(call, tellsRanges(message) ? await longWrites.inTurn(call, write) : await write());
        }
        if (!operationsOf(message).every(isSerializable)) await member.linearize();
        return await answers.readTxn(call, () => unwrap(member.store.readTxn(request)));
      }),

      Compact: unary(CompactionRequestSchema, async ({ revision, physical }, bytes, call) => {
        const result = await propose('compact', { kind: 'compact', request: bytes });
        if (physical) await spaceGivenBack(member, clampInt64(revision), call);
        return encodeHeaderOnly(headers.encoded(result.revision));
      }),
    },
    // Of etcd 3.7; a 3.6 does not know it.
    ['RangeStream'],
  );
}

const scrubPollMs = 10;

/** Until this member has dropped the rows that the compaction made superfluous, or nobody waits any more. */
async function spaceGivenBack({ store }: Member, revision: number, call: Call): Promise<void> {
  while (store.scrubbedRevision < revision && !call.cancelled) {
    await new Promise((resolve) => setTimeout(resolve, scrubPollMs));
  }
}

/** @throws the refusal that belongs to an error of the state machine. */
function unwrap<T extends { readonly kind: string }>(result: T | KvError): T {
  if (isKvError(result)) throw refusal(result.code);
  return result;
}

function isKvError(result: { readonly kind: string }): result is KvError {
  return result.kind === 'error';
}

/** @throws the refusal that belongs to an error of the state machine. */
export function resultOf<Kind extends Result['kind']>(
  kind: Kind,
  result: Result,
): Extract<Result, { readonly kind: Kind }> {
  if (result.kind === 'error') throw refusal(result.code);
  if (!isOfKind(kind, result)) throw new Error(`a ${kind} was answered by a ${result.kind}`);
  return result;
}

function isOfKind<Kind extends Result['kind']>(
  kind: Kind,
  result: Result,
): result is Extract<Result, { readonly kind: Kind }> {
  return result.kind === kind;
}

function operationsOf(message: TxnMessage): readonly RequestOpMessage[] {
  return [...message.success, ...message.failure];
}

/** Of a range, what its client expects to be little: locks look for the oldest key of a prefix in this way. */
const fewRows = 16n;

/** Whether many keys may be in the answer that it does not name. */
function tellsRanges(message: TxnMessage): boolean {
  return operationsOf(message).some(({ request }) => {
    switch (request.case) {
      case 'requestRange': {
        const { rangeEnd, countOnly, limit } = request.value;
        return rangeEnd.length > 0 && !countOnly && (limit <= 0n || limit > fewRows);
      }
      case 'requestDeleteRange':
        return tellsDeleted(request.value);
      case 'requestTxn':
        return tellsRanges(request.value);
      default:
        return false;
    }
  });
}

function tellsDeleted({ prevKv, rangeEnd }: DeleteRangeMessage): boolean {
  return prevKv && rangeEnd.length > 0;
}

/** As etcd has it, a txn that holds another one is never read-only, whatever that one does. */
function isReadOnly(message: TxnMessage): boolean {
  return operationsOf(message).every(({ request }) => request.case === 'requestRange');
}

function isSerializable({ request }: RequestOpMessage): boolean {
  return request.case === 'requestRange' && request.value.serializable;
}

function hasUnknownSort(message: TxnMessage): boolean {
  return operationsOf(message).some(({ request }) => {
    if (request.case === 'requestTxn') return hasUnknownSort(request.value);
    return request.case === 'requestRange' && rangeRequest(request.value) === undefined;
  });
}
