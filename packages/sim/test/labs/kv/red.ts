// A decision of the key/value services made otherwise, and the test that it fails.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KvRules, kvRules } from '../../../src/labs/kv/kv-rules.ts';
import type { SettingName } from '../../../src/labs/settings.ts';
import { labTestsNamed } from '../../../src/labs/suite.ts';

export interface Red {
  readonly bug: string;
  readonly rules: Partial<KvRules>;
  readonly test: string;
  readonly setting: SettingName;
  /** One of this many seeds, from 1 on, shows it. */
  readonly seeds?: number;
  readonly says: RegExp;
}

export function testsOf(reds: readonly Red[]): void {
  for (const { bug, rules, test: name, setting, seeds = 1, says } of reds) {
    test(`${name} fails (${setting}) with ${bug}`, () => {
      const [lab] = labTestsNamed([name]);
      assert.ok(lab !== undefined);
      assert.throws(() => {
        for (let seed = 1; seed <= seeds; seed += 1) lab.run(setting, seed, { kv: { ...kvRules, ...rules } });
      }, says);
    });
  }
}
