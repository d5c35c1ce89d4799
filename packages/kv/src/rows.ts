// Rows wherever they are: the overlay while they are young, the backend's view afterwards. All rows at or after the
// overlay's first one are in the overlay; everything older is in the view.

import type { EncodedKeyValue } from './api.ts';
import type { BackendView } from './backend.ts';
import { assert } from './invariant.ts';
import { keyOfEncoded } from './key-value.ts';
import type { Overlay } from './overlay.ts';
import { parseRowName, type Row, rowName } from './row.ts';

export class Rows {
  readonly #overlay: Overlay;
  #view: BackendView;

  constructor(overlay: Overlay, view: BackendView) {
    this.#overlay = overlay;
    this.#view = view;
  }

  /** A later view, taken before the rows that it shows leave the overlay. */
  renew(view: BackendView): void {
    this.#view.close();
    this.#view = view;
  }

  /** Of a row that the index names: it must be there. */
  value(main: number, sub: number): EncodedKeyValue {
    const young = this.#overlay.find(main, sub);
    if (young !== undefined) return young.bytes;
    const bytes = this.#view.get('rows', rowName(main, sub, false));
    assert(bytes !== undefined, `the row of revision ${main}.${sub} is in the index and not in the backend`);
    return bytes;
  }

  /** All rows from a revision on, in the order of history, until `visit` answers false. */
  visit(main: number, visit: (row: Row) => boolean): void {
    const young = this.#overlay.firstRow;
    const to = young === undefined ? undefined : rowName(young.main, young.sub, false);
    let stopped = false;
    if (young === undefined || main <= young.main) {
      this.#view.scan('rows', rowName(main, 0, false), to, (name, bytes) => {
        stopped = !visit({ ...parseRowName(name), key: keyOfEncoded(bytes), bytes });
        return !stopped;
      });
    }
    if (!stopped) this.#overlay.visit(main, visit);
  }

  close(): void {
    this.#view.close();
  }
}
