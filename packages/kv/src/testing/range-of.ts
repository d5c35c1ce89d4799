// A range request in short: all that etcd lets a client ask for, at its default.

import type { RangeRequest } from '../api.ts';

export function rangeOf(key: string, rangeEnd: string = '', more: Partial<RangeRequest> = {}): RangeRequest {
  return {
    kind: 'range',
    key,
    rangeEnd,
    limit: 0,
    revision: 0,
    sortTarget: 'key',
    sortOrder: 'none',
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
    ...more,
  };
}
