// A view of a backend with batches laid over it that the backend does not have yet.

import type { BackendView, BackendWrite, Space } from '../backend.ts';
import { bytesOfKey, compareKeys, keyOfBytes } from '../bytes.ts';

/** Batches as one: what each key became, and whether anything below still counts. Never changed once made. */
export interface Held {
  readonly clears: boolean;
  readonly spaces: Readonly<Record<Space, HeldSpace>>;
}
interface HeldSpace {
  /** Undefined: deleted. */
  readonly values: ReadonlyMap<string, Uint8Array | undefined>;
  readonly names: readonly string[];
}

export function holdAll(batches: readonly (readonly BackendWrite[])[]): Held {
  const values: Record<Space, Map<string, Uint8Array | undefined>> = {
    rows: new Map(),
    meta: new Map(),
    leases: new Map(),
  };
  let clears = false;
  for (const write of batches.flat()) {
    if (write.kind === 'clear') {
      clears = true;
      for (const space of Object.values(values)) space.clear();
    } else values[write.space].set(keyOfBytes(write.key), write.kind === 'put' ? write.value : undefined);
  }
  const held = (space: Space): HeldSpace => ({
    values: values[space],
    names: [...values[space].keys()].sort(compareKeys),
  });
  return { clears, spaces: { rows: held('rows'), meta: held('meta'), leases: held('leases') } };
}

export class LossyView implements BackendView {
  readonly #below: BackendView;
  readonly #held: Held;

  constructor(below: BackendView, held: Held) {
    this.#below = below;
    this.#held = held;
  }

  get(space: Space, key: Uint8Array): Uint8Array | undefined {
    const name = keyOfBytes(key);
    const { values } = this.#held.spaces[space];
    if (values.has(name)) return values.get(name)?.slice();
    return this.#held.clears ? undefined : this.#below.get(space, key);
  }

  /** Two ascending sequences, merged; where both have a key, what is held wins. */
  scan(
    space: Space,
    from: Uint8Array,
    to: Uint8Array | undefined,
    visit: (key: Uint8Array, value: Uint8Array) => boolean,
  ): void {
    const { values, names } = this.#held.spaces[space];
    const end = to === undefined ? undefined : keyOfBytes(to);
    let at = firstFrom(names, keyOfBytes(from));
    let goesOn = true;
    /** Visits what is held before `limit`. */
    const visitHeld = (limit: string | undefined): void => {
      for (; goesOn; at++) {
        const name = names[at];
        if (name === undefined || (limit !== undefined && name >= limit)) return;
        const value = values.get(name);
        if (value !== undefined) goesOn = visit(bytesOfKey(name), value.slice());
      }
    };
    if (!this.#held.clears) {
      this.#below.scan(space, from, to, (key, value) => {
        const name = keyOfBytes(key);
        visitHeld(name);
        if (goesOn && !values.has(name)) goesOn = visit(key, value);
        return goesOn;
      });
    }
    visitHeld(end);
  }

  close(): void {
    this.#below.close();
  }
}

function firstFrom(names: readonly string[], from: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? '') < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
