/**
 * What a run must have seen to count: every field of every message involved, set to something; every declared enum
 * value; every error that applies. A tool that compares nothing would otherwise be green.
 */

import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import * as proto from '@kontiki/etcd-proto';

/** Requests and responses of the RPCs under test; what they contain is found from here. */
export const messageRoots: readonly DescMessage[] = [
  proto.RangeRequestSchema,
  proto.RangeResponseSchema,
  proto.PutRequestSchema,
  proto.PutResponseSchema,
  proto.DeleteRangeRequestSchema,
  proto.DeleteRangeResponseSchema,
  proto.TxnRequestSchema,
  proto.TxnResponseSchema,
  proto.CompactionRequestSchema,
  proto.CompactionResponseSchema,
  proto.HashKVRequestSchema,
  proto.HashKVResponseSchema,
  proto.WatchRequestSchema,
  proto.WatchResponseSchema,
  proto.LeaseGrantRequestSchema,
  proto.LeaseGrantResponseSchema,
  proto.LeaseRevokeRequestSchema,
  proto.LeaseRevokeResponseSchema,
  proto.LeaseKeepAliveRequestSchema,
  proto.LeaseKeepAliveResponseSchema,
  proto.LeaseTimeToLiveRequestSchema,
  proto.LeaseTimeToLiveResponseSchema,
  proto.LeaseLeasesRequestSchema,
  proto.LeaseLeasesResponseSchema,
];

/** Fields that no run can see, with the reason. */
export const exemptFields: ReadonlyMap<string, string> = new Map([
  ['etcdserverpb.LeaseGrantResponse.error', 'etcd never sets it: errors are statuses'],
  ['etcdserverpb.HashKVResponse.hash_revision', 'came with etcd 3.6; the reference is 3.4.23'],
]);

/** Every error that the requests under test can meet on a healthy cluster without auth, TLS or a quota. */
export const applicableErrors: readonly string[] = [
  'InvalidArgument: etcdserver: key is not provided',
  'InvalidArgument: etcdserver: key not found',
  'InvalidArgument: etcdserver: value is provided',
  'InvalidArgument: etcdserver: lease is provided',
  'InvalidArgument: etcdserver: too many operations in txn request',
  'InvalidArgument: etcdserver: duplicate key given in txn request',
  'InvalidArgument: etcdserver: request is too large',
  'OutOfRange: etcdserver: mvcc: required revision has been compacted',
  'OutOfRange: etcdserver: mvcc: required revision is a future revision',
  'OutOfRange: etcdserver: too large lease TTL',
  'NotFound: etcdserver: requested lease not found',
  'FailedPrecondition: etcdserver: lease already exists',
  'Unimplemented: unknown method NoSuchMethod for service etcdserverpb.KV',
  'Unimplemented: unknown service etcdserverpb.NoSuchService',
  'Watch canceled: mvcc: duplicate watch ID provided on the WatchStream',
  'Watch canceled: mvcc: watcher range is empty',
];

export class Coverage {
  readonly #fields = new Set<string>();
  readonly #errors = new Set<string>();

  sawMessage<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): void {
    this.#walk(reflect(schema, message));
  }

  sawError(status: string): void {
    this.#errors.add(status);
  }

  /** What is missing; empty once the run counts. */
  missing(): readonly string[] {
    const fields = [...expectedFields()].filter((name) => !this.#fields.has(name) && !exemptFields.has(name));
    const errors = applicableErrors.filter((status) => !this.#errors.has(status));
    return [...fields.map((name) => `field ${name}`), ...errors.map((status) => `error ${status}`)];
  }

  summary(): string {
    const expected = [...expectedFields()];
    const seen = expected.filter((name) => this.#fields.has(name)).length;
    const errors = applicableErrors.filter((status) => this.#errors.has(status)).length;
    return (
      `${seen} of ${expected.length} fields and enum values (${exemptFields.size} exempt), ` +
      `${errors} of ${applicableErrors.length} errors`
    );
  }

  #walk(message: ReflectMessage): void {
    for (const field of message.fields) {
      if (!message.isSet(field)) continue;
      const name = `${field.parent.typeName}.${field.name}`;
      this.#fields.add(name);
      const value: unknown = message.get(field);
      const items: readonly unknown[] = field.fieldKind === 'list' ? [...message.get(field)] : [value];
      for (const item of items) {
        if (isReflectMessage(item)) this.#walk(item);
        else if (field.enum !== undefined && typeof item === 'number') this.#fields.add(`${name}=${item}`);
      }
    }
  }
}

function expectedFields(): ReadonlySet<string> {
  const expected = new Set<string>();
  const visited = new Set<string>();
  const visit = (schema: DescMessage): void => {
    if (visited.has(schema.typeName)) return;
    visited.add(schema.typeName);
    for (const field of schema.fields) {
      const name = `${schema.typeName}.${field.name}`;
      expected.add(name);
      if (field.message !== undefined) visit(field.message);
      for (const value of field.enum?.values ?? []) {
        // A plain enum field at 0 cannot be told from one that is absent.
        if (value.number !== 0 || field.fieldKind === 'list') expected.add(`${name}=${value.number}`);
      }
    }
  };
  messageRoots.forEach(visit);
  return expected;
}
