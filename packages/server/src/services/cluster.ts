// etcdserverpb.Cluster: who is a member. Changing that is not built.

import { create, toBinary } from '@bufbuild/protobuf';
import { Cluster, MemberListRequestSchema, MemberListResponseSchema } from '@kontiki/etcd-proto';
import type { Service } from '../rpc/handler.ts';
import type { ServiceContext } from './context.ts';
import { serviceOf, unary } from './method.ts';

export function clusterService({ member, headers }: ServiceContext): Service {
  return serviceOf(Cluster, {
    MemberList: unary(MemberListRequestSchema, async ({ linearizable }) => {
      if (linearizable) await member.linearize();
      const members = [...member.members()]
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(({ id, name, peerUrls, clientUrls, isLearner }) => ({
          ID: id,
          name,
          peerURLs: [...peerUrls],
          clientURLs: [...clientUrls],
          isLearner,
        }));
      const response = create(MemberListResponseSchema, { header: headers.withoutRevision(), members });
      return toBinary(MemberListResponseSchema, response);
    }),
  });
}
