// etcdserverpb.Maintenance: what an operator asks of one member.

import { create, toBinary } from '@bufbuild/protobuf';
import {
  HashKVRequestSchema,
  HashKVResponseSchema,
  Maintenance,
  MoveLeaderRequestSchema,
  SnapshotRequestSchema,
  StatusRequestSchema,
  StatusResponseSchema,
} from '@kontiki/etcd-proto';
import type { Service } from '@kontiki/grpc';
import { clampInt64 } from '@kontiki/member';
import { refusal, refusals } from '../errors.ts';
import { serverVersion, storageVersion } from '../version.ts';
import { BackupStream } from './backup-stream.ts';
import type { ServiceContext } from './context.ts';
import { readMessage, serviceOf, unary } from './method.ts';

export function maintenanceService({ member, headers, logger }: ServiceContext): Service {
  return serviceOf(Maintenance, {
    Status: unary(StatusRequestSchema, async () => {
      const status = member.status();
      const response = create(StatusResponseSchema, {
        header: headers.message(),
        version: serverVersion,
        dbSize: BigInt(status.dbSize),
        dbSizeInUse: BigInt(status.dbSizeInUse),
        leader: status.leader ?? 0n,
        raftIndex: BigInt(status.commit),
        raftTerm: BigInt(status.term),
        raftAppliedIndex: BigInt(status.applied),
        errors: status.leader === undefined ? [refusals.noLeader[1]] : [],
        isLearner: member.isLearner(),
        storageVersion,
        downgradeInfo: {},
      });
      return toBinary(StatusResponseSchema, response);
    }),

    HashKV: unary(HashKVRequestSchema, async ({ revision }) => {
      const result = await member.hashKv(clampInt64(revision));
      if ('code' in result) throw refusal(result.code);
      const response = create(HashKVResponseSchema, {
        header: headers.message(),
        hash: result.hash,
        compactRevision: BigInt(result.compactRevision),
        hashRevision: BigInt(result.hashRevision),
      });
      return toBinary(HashKVResponseSchema, response);
    }),

    MoveLeader: unary(MoveLeaderRequestSchema, async ({ targetID }) => {
      if (!member.status().isLeader) throw refusal('notLeader');
      // etcd finds a leader that shall lead where it should be, and has nothing to do.
      if (targetID !== member.identity.memberId) await member.moveLeader(targetID);
      // The one answer of this service without a header.
      return new Uint8Array(0);
    }),

    Snapshot: {
      kind: 'serverStream',
      open: (_call, responses) => {
        let backup: BackupStream | undefined;
        return {
          message: (bytes) => {
            readMessage(SnapshotRequestSchema, bytes);
            if (backup !== undefined) return;
            logger.info('sending database snapshot to client');
            backup = new BackupStream(member.backup(), responses);
            backup.send();
          },
          halfClose: () => undefined,
          closed: () => backup?.close(),
        };
      },
    },
  });
}
