// Everything a store holds at one moment, as one thing: installing a snapshot exchanges it whole, and a job that began
// before keeps the old one.

import type { EncodedKeyValue, Key } from './api.ts';
import type { BackendView, Space } from './backend.ts';
import type { KeyIndex } from './key-index.ts';
import type { LeaseTable } from './leases.ts';
import { type Loaded, load, type Visitor } from './load.ts';
import { freshState, readState, recordNames, type StoreState } from './meta.ts';
import { Overlay } from './overlay.ts';
import type { Picture } from './range.ts';
import { Rows } from './rows.ts';
import type { KvRules } from './rules.ts';

const first = new Uint8Array(0);

export class Contents implements Picture {
  readonly rules: KvRules;
  readonly index: KeyIndex;
  readonly leases: LeaseTable;
  /** Small records by name. */
  readonly records: Map<string, Uint8Array>;
  readonly overlay: Overlay = new Overlay();
  readonly rows: Rows;
  state: StoreState;
  /** Jobs that read history through the index; it keeps all its marks while there are any. */
  pins = 0;

  /** What the view shows, from which `loaded` was read. The view becomes its own. */
  constructor(state: StoreState, loaded: Loaded, view: BackendView, rules: KvRules) {
    this.rules = rules;
    this.index = loaded.index;
    this.leases = loaded.leases;
    this.records = loaded.records;
    this.rows = new Rows(this.overlay, view);
    this.state = state;
  }

  static of(view: BackendView, rules: KvRules): Contents {
    const state = readState(view) ?? freshState;
    const loaded = load(state, {
      leases: everythingOf(view, 'leases', first, undefined),
      records: everythingOf(view, 'meta', recordNames.from, recordNames.to),
      rows: everythingOf(view, 'rows', first, undefined),
    });
    return new Contents(state, loaded, view, rules);
  }

  get revision(): number {
    return this.state.revision;
  }

  get compactRevision(): number {
    return this.state.compactRevision;
  }

  kvAt(key: Key, revision: number): EncodedKeyValue | undefined {
    if (revision < this.compactRevision) return undefined;
    const place = this.index.get(key)?.at(revision);
    return place === undefined ? undefined : this.rows.value(place.main, place.sub);
  }
}

function everythingOf(view: BackendView, space: Space, from: Uint8Array, to: Uint8Array | undefined): Visitor {
  return (visit) =>
    view.scan(space, from, to, (name, value) => {
      visit(name, value);
      return true;
    });
}
