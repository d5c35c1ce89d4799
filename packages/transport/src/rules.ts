// The leaf decisions of the transport, as one record of pure functions: who is let in, which bytes count, and what may be
// said of a request whose connection is gone. Records with a wrong answer live in `mutants/`, an entry point of its own
// which no server reaches.

import type { Identity } from './handshake.ts';

export interface TransportRules {
  readonly name: string;
  readonly isSameCluster: (own: string, shown: string) => boolean;
  /** Whether a greeting that is addressed to `to` is for this member. */
  readonly isAddressee: (own: Identity['id'], to: Identity['id']) => boolean;
  /** Whether a member that was known with the data directory `known` is the one that comes with `shown`. */
  readonly isSameDisk: (known: string | undefined, shown: string) => boolean;
  /** Whether a process of boot `boot` may speak for a member that was seen with boot `seen`. */
  readonly isCurrentBoot: (seen: number, boot: number) => boolean;
  /** Whether the bytes of a frame are those that were sent: the checksum that came along, and the one they have. */
  readonly isWhole: (sent: number, actual: number) => boolean;
  /** What a request is called whose connection is gone: `refused` says that it has certainly not arrived. */
  readonly withoutConnection: (hasLeft: boolean) => 'lost' | 'refused';
  /** Which of the open requests, the oldest first, an answer with this number is for. */
  readonly answered: (number: number, open: Iterable<number>) => number | undefined;
}

export const transportRules: TransportRules = {
  name: 'right',
  isSameCluster: (own, shown) => own === shown,
  isAddressee: (own, to) => own === to,
  // §5.2: a wiped member that came back under its old name would vote again in terms in which it has voted.
  isSameDisk: (known, shown) => known === undefined || known === shown,
  isCurrentBoot: (seen, boot) => boot >= seen,
  isWhole: (sent, actual) => sent === actual,
  withoutConnection: (hasLeft) => (hasLeft ? 'lost' : 'refused'),
  answered: (number) => number,
};
