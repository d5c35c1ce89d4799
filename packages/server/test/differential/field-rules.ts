/**
 * Which fields two correct servers may fill differently, and how they are compared instead: ids are masked by a
 * consistent renaming, times by a tolerance, and lists whose order etcd leaves to chance as sets. Every field that is not
 * named here is compared exactly.
 */

export type FieldRule =
  /** Renamed: one value of the reference always meets the same value of the target. */
  | { readonly kind: 'identity'; readonly of: 'cluster' | 'member' | 'lease' }
  /** Each cluster counts its own elections: set on both or on neither, and never falling. */
  | { readonly kind: 'term' }
  /** Seconds left when the request arrived, which was not the same moment on both sides; nothing to compare after an election. */
  | { readonly kind: 'secondsLeft'; readonly tolerance: bigint }
  | { readonly kind: 'set'; readonly reason: string }
  | { readonly kind: 'masked'; readonly reason: string };

const lease: FieldRule = { kind: 'identity', of: 'lease' };

export const fieldRules: ReadonlyMap<string, FieldRule> = new Map<string, FieldRule>([
  ['etcdserverpb.ResponseHeader.cluster_id', { kind: 'identity', of: 'cluster' }],
  ['etcdserverpb.ResponseHeader.member_id', { kind: 'identity', of: 'member' }],
  ['etcdserverpb.ResponseHeader.raft_term', { kind: 'term' }],

  ['mvccpb.KeyValue.lease', lease],
  ['etcdserverpb.PutRequest.lease', lease],
  ['etcdserverpb.Compare.lease', lease],
  ['etcdserverpb.LeaseGrantRequest.ID', lease],
  ['etcdserverpb.LeaseGrantResponse.ID', lease],
  ['etcdserverpb.LeaseRevokeRequest.ID', lease],
  ['etcdserverpb.LeaseKeepAliveRequest.ID', lease],
  ['etcdserverpb.LeaseKeepAliveResponse.ID', lease],
  ['etcdserverpb.LeaseTimeToLiveRequest.ID', lease],
  ['etcdserverpb.LeaseTimeToLiveResponse.ID', lease],
  ['etcdserverpb.LeaseStatus.ID', lease],

  ['etcdserverpb.LeaseTimeToLiveResponse.TTL', { kind: 'secondsLeft', tolerance: 2n }],
  ['etcdserverpb.LeaseTimeToLiveResponse.keys', { kind: 'set', reason: 'etcd walks a hash map' }],
  [
    'etcdserverpb.LeaseLeasesResponse.leases',
    { kind: 'set', reason: 'ordered by moments of expiry, and on followers by nothing' },
  ],

  ['etcdserverpb.HashKVResponse.hash', { kind: 'masked', reason: 'it covers lease ids, which each server chooses' }],
]);
