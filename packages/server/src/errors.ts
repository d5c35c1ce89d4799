// The one table of refusals: our condition -> gRPC status -> etcd's exact text, which clients match on. Services throw what
// stands here and nothing else; whatever else is thrown at them becomes one of these once, in `refusalOf`.

import { type GrpcCode, grpcCode, RpcError } from '@kontiki/grpc';
import type { KvErrorCode } from '@kontiki/kv';
import { MemberError, type MemberErrorCode } from '@kontiki/member';

type Row = readonly [code: GrpcCode, message: string];

const invalid = grpcCode.invalidArgument;
const precondition = grpcCode.failedPrecondition;
const unavailable = grpcCode.unavailable;

/** Every condition a service of this build can be in. */
export type Condition =
  | KvErrorCode
  | MemberErrorCode
  | 'badMemberUrls'
  | 'invalidClientApiVersion'
  | 'notSupportedForLearner'
  | 'stopped'
  | 'timedOutLeaderFailure'
  | 'tooManyRequests'
  | 'unknownHealthService'
  | 'unknownComparison';

/** Texts are those of etcd 3.6. */
export const refusals: Readonly<Record<Condition, Row>> = {
  emptyKey: [invalid, 'etcdserver: key is not provided'],
  keyNotFound: [invalid, 'etcdserver: key not found'],
  valueProvided: [invalid, 'etcdserver: value is provided'],
  leaseProvided: [invalid, 'etcdserver: lease is provided'],
  tooManyOps: [invalid, 'etcdserver: too many operations in txn request'],
  duplicateKey: [invalid, 'etcdserver: duplicate key given in txn request'],
  invalidClientApiVersion: [invalid, 'etcdserver: invalid client api version'],
  invalidSortOption: [invalid, 'etcdserver: invalid sort option'],
  requestTooLarge: [invalid, 'etcdserver: request is too large'],
  compacted: [grpcCode.outOfRange, 'etcdserver: mvcc: required revision has been compacted'],
  futureRevision: [grpcCode.outOfRange, 'etcdserver: mvcc: required revision is a future revision'],
  leaseTtlTooLarge: [grpcCode.outOfRange, 'etcdserver: too large lease TTL'],
  leaseNotFound: [grpcCode.notFound, 'etcdserver: requested lease not found'],
  leaseExists: [precondition, 'etcdserver: lease already exists'],
  notLeader: [precondition, 'etcdserver: not leader'],
  badTransferee: [precondition, 'etcdserver: bad leader transferee'],
  badMemberUrls: [invalid, 'etcdserver: given member URLs are invalid'],
  memberNotFound: [grpcCode.notFound, 'etcdserver: member not found'],
  memberExists: [precondition, 'etcdserver: member ID already exist'],
  peerUrlExists: [precondition, 'etcdserver: Peer URLs already exists'],
  tooManyLearners: [precondition, 'etcdserver: too many learner members in cluster'],
  learnerNotReady: [precondition, 'etcdserver: can only promote a learner member which is in sync with leader'],
  memberNotLearner: [precondition, 'etcdserver: can only promote a learner member'],
  notSupportedForLearner: [precondition, 'etcdserver: rpc not supported for learner'],
  // etcd means FailedPrecondition, and says Unknown for the reason given at `tooManyRequests`.
  notEnoughStarted: [grpcCode.unknown, 'etcdserver: re-configuration failed due to not enough started members'],
  unhealthyCluster: [unavailable, 'etcdserver: unhealthy cluster'],
  noLeader: [unavailable, 'etcdserver: no leader'],
  leaderChanged: [unavailable, 'etcdserver: leader changed'],
  stopped: [unavailable, 'etcdserver: server stopped'],
  timedOut: [unavailable, 'etcdserver: request timed out'],
  timedOutLeaderFailure: [unavailable, 'etcdserver: request timed out, possibly due to previous leader failure'],
  // etcd means ResourceExhausted, but maps this one to an error type that carries no status: on the wire it is Unknown.
  tooManyRequests: [grpcCode.unknown, 'etcdserver: too many requests'],
  unknownHealthService: [grpcCode.notFound, 'unknown service'],
  // Not etcd's: it goes on with an enum it does not know, and compares as it likes.
  unknownComparison: [invalid, 'kontiki: a comparison in the txn has a result or a target that etcd does not know'],
};

export function refusal(condition: Condition): RpcError {
  const [code, message] = refusals[condition];
  return new RpcError(code, message);
}

/** What the driver's errors mean to a client, by their stable codes. */
const driverCodes: Readonly<Record<string, Condition>> = {
  OVERLOADED: 'tooManyRequests',
  // It may have been applied: of etcd's texts, these are the ones that say so.
  OUTCOME_UNKNOWN: 'timedOutLeaderFailure',
  UNAVAILABLE: 'timedOut',
  STOPPED: 'stopped',
};

/** The refusal for whatever a member threw; a stranger is handed on as it is, since it is a fault and not a refusal. */
export function refusalOf(error: unknown): unknown {
  if (error instanceof RpcError || !(error instanceof Error)) return error;
  if (error instanceof MemberError) return refusal(error.code);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'NOT_LEADER') {
    return refusal('leader' in error && error.leader !== undefined ? 'leaderChanged' : 'noLeader');
  }
  const condition = driverCodes[code];
  return condition === undefined ? error : refusal(condition);
}

/** For RPCs that etcd has and this build has not. */
export function notBuilt(what: string): RpcError {
  return new RpcError(grpcCode.unimplemented, `kontiki: ${what} is not built yet: see docs/etcd-api.md`);
}

/** grpc-go's words for bytes that are no such message; what follows the colon is each library's own. */
export function unreadable(cause: unknown): RpcError {
  return new RpcError(grpcCode.internal, `grpc: error unmarshalling request: ${textOf(cause)}`);
}

/** The same on a stream. */
export function unreadableOnStream(cause: unknown): RpcError {
  return new RpcError(grpcCode.internal, `grpc: failed to unmarshal the received message: ${textOf(cause)}`);
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
