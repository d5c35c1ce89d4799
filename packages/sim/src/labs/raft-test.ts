// A test of the Raft labs from its body: servers are made, the body runs, and the line of numbers is drawn.

import { type Numbers, RaftLab } from './raft-lab.ts';
import { type SettingName, settingNames } from './settings.ts';
import type { LabTest } from './suite.ts';
import { type Body, Threads } from './threads.ts';

export interface RaftTest {
  readonly name: string;
  readonly title: string;
  readonly part: LabTest['part'];
  readonly peers: number;
  readonly network?: 'reliable' | 'unreliable';
  readonly takesSnapshots?: boolean;
  readonly settings?: readonly SettingName[];
  /** Whether the test lets servers crash: then the hard setting lets them crash at other moments, too. */
  readonly hasCrashes?: boolean;
  readonly body: (lab: RaftLab) => Body;
}

export function raftTest({ body, hasCrashes = false, ...test }: RaftTest): LabTest {
  const { name, peers, network = 'reliable', takesSnapshots = false, settings = settingNames } = test;
  return {
    ...test,
    network,
    settings,
    run: (setting, seed, planted): Numbers => {
      const threads = new Threads();
      return threads.run(function* () {
        const lab = new RaftLab(threads, {
          servers: peers,
          setting,
          seed: `${name} ${setting} ${seed}`,
          isReliable: network === 'reliable',
          takesSnapshots,
          ...(planted === undefined ? {} : { planted }),
        });
        if (hasCrashes && setting === 'hard') threads.spawn(() => lab.powerFails());
        yield* body(lab);
        return lab.numbers;
      });
    },
  };
}
