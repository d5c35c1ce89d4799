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
  #view: SharedView;

  constructor(overlay: Overlay, view: BackendView) {
    this.#overlay = overlay;
    this.#view = new SharedView(view);
  }

  /**
   * The view that the overlay of now completes, for a job that closes it. A new one of the backend might show more: while a
   * snapshot is installed, another state.
   */
  share(): BackendView {
    return this.#view.share();
  }

  /** A later view, taken before the rows that it shows leave the overlay. */
  renew(view: BackendView): void {
    this.#view.release();
    this.#view = new SharedView(view);
  }

  /** Of a row that the index names: it must be there. */
  value(main: number, sub: number): EncodedKeyValue {
    const young = this.#overlay.find(main, sub);
    if (young !== undefined) return young.bytes;
    const bytes = this.#view.view.get('rows', rowName(main, sub, false));
    assert(bytes !== undefined, `the row of revision ${main}.${sub} is in the index and not in the backend`);
    return bytes;
  }

  /** All rows from a revision on, in the order of history, until `visit` answers false. */
  visit(main: number, visit: (row: Row) => boolean): void {
    const young = this.#overlay.firstRow;
    const to = young === undefined ? undefined : rowName(young.main, young.sub, false);
    let stopped = false;
    if (young === undefined || main <= young.main) {
      this.#view.view.scan('rows', rowName(main, 0, false), to, (name, bytes) => {
        stopped = !visit({ key: keyOfEncoded(bytes), bytes, ...parseRowName(name) });
        return !stopped;
      });
    }
    if (!stopped) this.#overlay.visit(main, visit);
  }

  close(): void {
    this.#view.release();
  }
}

/** Closed when its last user is done with it. */
class SharedView {
  readonly view: BackendView;
  #users = 1;

  constructor(view: BackendView) {
    this.view = view;
  }

  share(): BackendView {
    const { view } = this;
    let isOpen = true;
    this.#users += 1;
    return {
      get: (space, key) => view.get(space, key),
      scan: (space, from, to, visit) => view.scan(space, from, to, visit),
      close: () => {
        if (isOpen) this.release();
        isOpen = false;
      },
    };
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0) this.view.close();
  }
}
