// What a test of a key/value service stands on, whether one server answers or five.

import type { Chance } from '../../chance.ts';
import type { LabNetwork } from '../network.ts';
import type { Threads } from '../threads.ts';
import type { KvRules } from './kv-rules.ts';

export interface Ground {
  readonly threads: Threads;
  readonly network: LabNetwork;
  readonly chance: Chance;
  /** The network doubles messages, and some of its directions may lose none. */
  readonly isHard: boolean;
  readonly rules: KvRules;
}
