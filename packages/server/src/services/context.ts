// What every service is given.

import type { Member } from '@kontiki/member';
import type { Logger } from '../log.ts';
import type { Headers } from './response-header.ts';

export interface ServiceLimits {
  /** Longest command, as etcd measures it. */
  readonly requestBytesMax: number;
  readonly txnOperationsMax: number;
  /** Seconds; shorter leases are lengthened to it. */
  readonly leaseTtlMin: number;
}

export interface ServiceContext {
  readonly member: Member;
  readonly headers: Headers;
  readonly limits: ServiceLimits;
  readonly logger: Logger;
}
