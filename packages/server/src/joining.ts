// How a member that was added to a running cluster learns who it is: it asks the members that --initial-cluster names, and finds
// itself among theirs by its peer URLs, as etcd does.

import { addressOf, decodeMembers, type MemberRecord } from '@kontiki/member';
import { discover } from '@kontiki/transport';
import { dialTcp, NodeTicker, nativeCrc32 } from '@kontiki/transport/node';
import { hexId } from './config/identity.ts';
import type { FlaggedCluster, InitialMember } from './config/server-config.ts';
import type { NewMember } from './data-dir.ts';
import { dialPeer } from './peer-addresses.ts';
import { completed } from './promised.ts';

/** The cluster does not know this member, or cannot be asked. The message is etcd's, and behind it what to do. */
export class JoinError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JoinError';
  }
}

export interface ExistingCluster {
  readonly clusterId: bigint;
  readonly members: readonly MemberRecord[];
}

const tickMs = 10;
const answerTicks = 300;
const bootstrapped = 'has already been bootstrapped';

/** Rejects with `JoinError`. */
export async function joinExisting({ members, memberId }: FlaggedCluster): Promise<NewMember> {
  const others = members.filter(({ id }) => id !== memberId);
  const self = members.find(({ id }) => id === memberId);
  if (self === undefined) throw new JoinError('the flags do not name this member');
  const answers = await Promise.all(others.map((other) => ask(other).catch(() => undefined)));
  const clusters = answers.filter((answer) => answer !== undefined);
  const found = judged(clusters, members, self);
  if (typeof found === 'string') throw new JoinError(problemOf(clusters[0], found));
  return found;
}

/** What several of them say. One that lags behind may not know yet who was added, or has started, a moment ago. */
export function judged(
  clusters: readonly ExistingCluster[],
  flagged: readonly InitialMember[],
  self: InitialMember,
): NewMember | string {
  const outcomes = clusters.map((cluster) => matchedWith(cluster, flagged, self));
  const started = outcomes.find((outcome) => typeof outcome === 'string' && outcome.endsWith(bootstrapped));
  return started ?? outcomes.find((outcome) => typeof outcome !== 'string') ?? outcomes[0] ?? '';
}

/** Who this member is in that cluster, or etcd's words for why it is none of it. */
export function matchedWith(
  { clusterId, members }: ExistingCluster,
  flagged: readonly InitialMember[],
  self: InitialMember,
): NewMember | string {
  if (members.length !== flagged.length) return 'member count is unequal';
  const stranger = members.find((member) => !flagged.some((one) => sameUrls(one, member)));
  if (stranger !== undefined) {
    const urls = stranger.peerUrls.join(' ');
    return `PeerURLs: no match found for existing member (${hexId(stranger.id)}, [${urls}])`;
  }
  const own = members.find((member) => sameUrls(self, member));
  if (own === undefined) return `couldn't find local name "${self.name}" in the initial cluster configuration`;
  // §5.2: it may have voted, and whoever has lost what was on its disk does not know how.
  if (own.name !== '') return `member ${hexId(own.id)} ${bootstrapped}`;
  return {
    clusterId,
    memberId: own.id,
    members: members.map(({ id, peerUrls }) => ({ id, peerUrls })),
    joins: true,
  };
}

function problemOf(cluster: ExistingCluster | undefined, problem: string): string {
  if (cluster === undefined) {
    return (
      'cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs; ' +
      'see that the members in --initial-cluster run, and that their peer URLs are right'
    );
  }
  const { clusterId, members } = cluster;
  const rows = members.map(({ id, name, peerUrls }) => `${hexId(id)} ${name || 'unstarted'} ${peerUrls.join(',')}`);
  const way = problem.endsWith(bootstrapped)
    ? 'its data directory was lost: remove it from the cluster, and add a new member in its place'
    : '--initial-cluster must name exactly the members of now, this one included; "member add" prints it';
  return `error validating peerURLs {ClusterID:${hexId(clusterId)} Members:[${rows.join('; ')}]}: ${problem}; ${way}`;
}

async function ask({ peerUrls }: InitialMember): Promise<ExistingCluster | undefined> {
  const ticker = new NodeTicker(tickMs);
  const network = { dial: dialPeer.bind(undefined, dialTcp) };
  const body = await completed<Uint8Array>((completion) =>
    discover(
      { network, ticker, checksum: nativeCrc32 },
      addressOf(peerUrls),
      new Uint8Array(0),
      answerTicks,
      completion,
    ),
  );
  return decodeMembers(body);
}

function sameUrls(a: { readonly peerUrls: readonly string[] }, b: { readonly peerUrls: readonly string[] }): boolean {
  const [one, other] = [[...a.peerUrls].sort(byText), [...b.peerUrls].sort(byText)];
  return one.length === other.length && one.every((url, at) => url === other[at]);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
