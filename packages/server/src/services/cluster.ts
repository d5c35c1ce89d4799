// etcdserverpb.Cluster: who is a member, and who shall be.

import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  Cluster,
  MemberAddRequestSchema,
  MemberAddResponseSchema,
  MemberListRequestSchema,
  MemberListResponseSchema,
  MemberPromoteRequestSchema,
  MemberPromoteResponseSchema,
  MemberRemoveRequestSchema,
  MemberRemoveResponseSchema,
  type MemberSchema,
  MemberUpdateRequestSchema,
  MemberUpdateResponseSchema,
} from '@kontiki/etcd-proto';
import type { Service } from '@kontiki/grpc';
import type { MemberRecord, MembershipChange } from '@kontiki/member';
import { memberIdOf } from '../config/identity.ts';
import { parseUrl, UrlError } from '../config/urls.ts';
import { refusal } from '../errors.ts';
import type { ServiceContext } from './context.ts';
import { serviceOf, unary } from './method.ts';

export function clusterService({ member, headers, logger }: ServiceContext): Service {
  const changed = async (change: MembershipChange): Promise<readonly MemberRecord[]> => {
    const members = await member.changeMembers(change);
    const { kind, ...fields } = change;
    logger.info('the membership has changed', { change: kind, ...fields });
    return members;
  };
  const header = () => headers.withoutRevision();
  return serviceOf(Cluster, {
    MemberList: unary(MemberListRequestSchema, async ({ linearizable }) => {
      if (linearizable) await member.linearize();
      const response = create(MemberListResponseSchema, { header: header(), members: rows(member.members()) });
      return toBinary(MemberListResponseSchema, response);
    }),

    MemberAdd: unary(MemberAddRequestSchema, async ({ peerURLs, isLearner }) => {
      const peerUrls = checkedUrls(peerURLs);
      // etcd's id: not the same again for who is removed and added a second later.
      const id = memberIdOf(peerUrls, String(Math.floor(Date.now() / 1000)));
      const members = await changed({ kind: 'add', id, peerUrls, isLearner });
      const added = { ID: id, peerURLs: [...peerUrls], isLearner };
      const response = create(MemberAddResponseSchema, { header: header(), member: added, members: rows(members) });
      return toBinary(MemberAddResponseSchema, response);
    }),

    MemberRemove: unary(MemberRemoveRequestSchema, async ({ ID }) => {
      const members = await changed({ kind: 'remove', id: ID });
      const response = create(MemberRemoveResponseSchema, { header: header(), members: rows(members) });
      return toBinary(MemberRemoveResponseSchema, response);
    }),

    MemberUpdate: unary(MemberUpdateRequestSchema, async ({ ID, peerURLs }) => {
      const members = await changed({ kind: 'update', id: ID, peerUrls: checkedUrls(peerURLs) });
      const response = create(MemberUpdateResponseSchema, { header: header(), members: rows(members) });
      return toBinary(MemberUpdateResponseSchema, response);
    }),

    MemberPromote: unary(MemberPromoteRequestSchema, async ({ ID }) => {
      const members = await changed({ kind: 'promote', id: ID });
      const response = create(MemberPromoteResponseSchema, { header: header(), members: rows(members) });
      return toBinary(MemberPromoteResponseSchema, response);
    }),
  });
}

function rows(members: readonly MemberRecord[]): MessageInitShape<typeof MemberSchema>[] {
  return [...members]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, name, peerUrls, clientUrls, isLearner }) => ({
      ID: id,
      name,
      peerURLs: [...peerUrls],
      clientURLs: [...clientUrls],
      isLearner,
    }));
}

/** Sorted, as etcd writes them down. */
function checkedUrls(urls: readonly string[]): readonly string[] {
  try {
    const parsed = urls.map((url) => parseUrl(url.trim()));
    // Peers speak no TLS yet, and a member that nobody can reach is of no use.
    if (parsed.length === 0 || parsed.some(({ scheme }) => scheme === 'https')) throw refusal('badMemberUrls');
    return parsed.map(({ text }) => text).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  } catch (error: unknown) {
    throw error instanceof UrlError ? refusal('badMemberUrls') : error;
  }
}
