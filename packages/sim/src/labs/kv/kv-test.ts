// Tests of key/value services in the form in which the suite lists them, from their bodies.

import { Chance } from '../../chance.ts';
import { LabNetwork } from '../network.ts';
import type { Numbers } from '../raft-lab.ts';
import { type SettingName, settingNamed, settingNames } from '../settings.ts';
import type { LabTest } from '../suite.ts';
import { type Body, Threads } from '../threads.ts';
import type { Ground } from './ground.ts';
import { type GroupOptions, KvGroup } from './kv-group.ts';
import { kvRules } from './kv-rules.ts';

type Header = Pick<LabTest, 'name' | 'title' | 'part'>;

export interface GroupTest<Request, Answer> extends Header {
  readonly peers: number;
  readonly network: 'reliable' | 'unreliable';
  readonly logBytesMax?: number;
  readonly newMachine: GroupOptions<Request, Answer>['newMachine'];
  /** Answers how many operations its clients have had. */
  readonly body: (group: KvGroup<Request, Answer>) => Body<number>;
}

/** Of a service on several servers. */
export function groupTest<Request, Answer>(test: GroupTest<Request, Answer>): LabTest {
  const { name, title, part, peers, network, logBytesMax, newMachine, body } = test;
  return {
    name,
    title,
    part,
    peers,
    network,
    settings: settingNames,
    run: (setting, seed, planted) => {
      const threads = new Threads();
      return threads.run(function* () {
        const group = new KvGroup<Request, Answer>(threads, {
          servers: peers,
          setting,
          seed: `${name} ${setting} ${seed}`,
          isReliable: network === 'reliable',
          logBytesMax,
          newMachine,
          ...(planted === undefined ? {} : { planted }),
        });
        return group.numbers(yield* body(group));
      });
    },
  };
}

export interface SingleTest extends Header {
  readonly network: 'reliable' | 'unreliable';
  /** Of memory: chance decides nothing, and no message is doubled. */
  readonly isOfMemory?: boolean;
  /** Answers how many operations its clients have had. */
  readonly body: (ground: Ground) => Body<number>;
}

/** Nothing of Raft is in them, so two settings of it are one. */
const singleSettings: readonly SettingName[] = ['paper', 'hard'];

/** Of one server without a log. */
export function singleTest({ name, title, part, network, isOfMemory = false, body }: SingleTest): LabTest {
  return {
    name,
    title,
    part,
    peers: 1,
    network,
    settings: isOfMemory ? ['paper'] : singleSettings,
    isSeedless: isOfMemory,
    run: (setting, seed, planted) => {
      const threads = new Threads();
      const of = `${name} ${setting} ${seed}`;
      const wires = new LabNetwork(threads.clock, of, settingNamed(setting).network(of));
      wires.isReliable = network === 'reliable';
      const isHard = setting === 'hard';
      const chance = new Chance(of, 'test');
      const { kv: rules = kvRules } = planted ?? {};
      const commands = threads.run(() => body({ threads, network: wires, chance, isHard, rules }));
      const numbers: Numbers = {
        virtualMs: threads.now,
        peers: 1,
        rpcs: wires.requests,
        bytes: wires.bytes,
        commands,
      };
      return numbers;
    },
  };
}
