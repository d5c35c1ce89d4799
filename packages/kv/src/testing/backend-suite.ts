// What every `Backend` must do, as tests that any implementation runs. It knows the port and nothing behind it.

import type { Backend, BackendView, BackendWrite, Space } from '../backend.ts';
import { drawFrom } from './draw.ts';
import { claim, claimEqual, play, type Script, type Step } from './script.ts';

export interface BackendFixture {
  readonly backend: Backend;
  /** Closes the backend and opens what it left behind. Absent where nothing stays. */
  readonly reopen?: (next: (backend: Backend) => void) => void;
  /** Removes what the fixture made; the backend has been closed. */
  readonly dispose?: () => void;
}

export interface BackendSuiteOptions {
  /** Registers a test. `done` comes once, with an error when a claim does not hold. */
  readonly test: (title: string, body: (done: (error?: Error) => void) => void) => void;
  /** A fresh, empty backend for each test. */
  readonly create: (ready: (fixture: BackendFixture) => void) => void;
  /** Drives the random tests. Print it. */
  readonly seed: number;
}

const spaces: readonly Space[] = ['rows', 'meta', 'leases'];

export function backendSuite({ test, create, seed }: BackendSuiteOptions): void {
  const scripted = (title: string, script: (place: Place) => Script): void =>
    test(title, (done) =>
      create((fixture) => {
        const place = { ...fixture };
        play(closing(place, script(place)), done);
      }),
    );

  scripted('a fresh backend is empty', function* ({ backend }) {
    look(backend, (view) => {
      for (const space of spaces) {
        claimEqual(everything(view, space), [], `${space} holds nothing`);
        claim(view.get(space, bytes('a')) === undefined, 'a key that is not there is undefined');
      }
    });
  });

  scripted('a batch is visible once committed, in its own spaces', function* ({ backend }) {
    yield commit(backend, [put('rows', 'k', 'row'), put('meta', 'k', 'meta'), put('leases', 'l', 'lease')]);

    look(backend, (view) => {
      claimEqual(everything(view, 'rows'), [['k', 'row']], 'rows holds its row');
      claimEqual(everything(view, 'meta'), [['k', 'meta']], 'meta holds its own record under the same key');
      claimEqual(everything(view, 'leases'), [['l', 'lease']], 'leases holds its lease');
      claim(text(view.get('rows', bytes('k'))) === 'row', 'get finds what scan finds');
      claim(view.get('leases', bytes('k')) === undefined, 'a key of another space is not found');
    });
  });

  scripted('callbacks come once, after the call, committed before durable', function* ({ backend }) {
    const order: string[] = [];
    yield (next) => {
      backend.commit(
        [put('rows', 'a', '1')],
        () => order.push('committed'),
        () => {
          order.push('durable');
          next();
        },
      );
      order.push('returned');
    };

    claimEqual(order, ['returned', 'committed', 'durable'], 'the order of the callbacks');
  });

  scripted(
    'the next commit may start when the last is committed, and durability keeps their order',
    function* ({ backend }) {
      const order: number[] = [];
      yield (next) => {
        const start = (batch: number): void => {
          backend.commit(
            [put('rows', `k${batch}`, `${batch}`), put('meta', 'last', `${batch}`)],
            () => batch < 8 && start(batch + 1),
            (error) => {
              order.push(batch);
              if (batch === 8) next(error);
            },
          );
        };
        start(1);
      };

      claimEqual(order, [1, 2, 3, 4, 5, 6, 7, 8], 'batches become durable in order');
      look(backend, (view) => {
        claim(text(view.get('meta', bytes('last'))) === '8', 'the last batch shows');
        claim(everything(view, 'rows').length === 8, 'and so do all before it');
      });
    },
  );

  scripted('a view does not move', function* ({ backend }) {
    yield commit(backend, [put('rows', 'a', 'old'), put('rows', 'b', 'old'), put('meta', 'm', 'old')]);
    const before = backend.view();
    yield commit(backend, [put('rows', 'a', 'new'), del('rows', 'b'), put('rows', 'c', 'new')]);
    const between = backend.view();
    yield commit(backend, [{ kind: 'clear' }, put('rows', 'z', 'last')]);

    claimEqual(
      everything(before, 'rows'),
      [
        ['a', 'old'],
        ['b', 'old'],
      ],
      'the first view shows the first batch',
    );
    claim(text(before.get('meta', bytes('m'))) === 'old', 'in every space');
    claimEqual(
      everything(between, 'rows'),
      [
        ['a', 'new'],
        ['c', 'new'],
      ],
      'the second view shows the second batch',
    );
    look(backend, (view) => claimEqual(everything(view, 'rows'), [['z', 'last']], 'a new view shows the third'));
    before.close();
    between.close();
  });

  scripted('later writes of a batch win over earlier ones', function* ({ backend }) {
    yield commit(backend, [put('rows', 'a', '1'), put('rows', 'b', '1')]);
    yield commit(backend, [
      put('rows', 'a', '2'),
      put('rows', 'a', '3'),
      del('rows', 'b'),
      put('rows', 'b', '4'),
      put('rows', 'c', '5'),
      del('rows', 'c'),
      del('rows', 'never there'),
    ]);

    look(backend, (view) =>
      claimEqual(
        everything(view, 'rows'),
        [
          ['a', '3'],
          ['b', '4'],
        ],
        'the last write is left',
      ),
    );
  });

  scripted('clear empties every space of all that came before it', function* ({ backend }) {
    yield commit(backend, [put('rows', 'a', '1'), put('meta', 'a', '1'), put('leases', 'a', '1')]);
    yield commit(backend, [put('meta', 'gone', '2'), { kind: 'clear' }, put('meta', 'kept', '3')]);

    look(backend, (view) => {
      claimEqual(everything(view, 'rows'), [], 'rows is empty');
      claimEqual(everything(view, 'leases'), [], 'leases is empty');
      claimEqual(everything(view, 'meta'), [['kept', '3']], 'meta holds what followed the clear');
    });
  });

  scripted('scan visits [from, to) in byte order until told to stop', function* ({ backend }) {
    const keys = [[0], [0, 0], [0, 255], [1], [127], [128], [128, 0], [255], [255, 255]];
    yield commit(
      backend,
      [...keys].reverse().map((key) => ({ kind: 'put', space: 'rows', key: Uint8Array.from(key), value: bytes('v') })),
    );
    const scanned = (view: BackendView, from: number[], to: number[] | undefined, limit = 99): number[][] => {
      const found: number[][] = [];
      view.scan('rows', Uint8Array.from(from), to && Uint8Array.from(to), (key) => {
        found.push([...key]);
        return found.length < limit;
      });
      return found;
    };

    look(backend, (view) => {
      claimEqual(scanned(view, [], undefined), keys, 'everything, from the empty key, unsigned, short before long');
      claimEqual(scanned(view, [0, 1], [128, 0]), [[0, 255], [1], [127], [128]], 'from and to need not be there');
      claimEqual(scanned(view, [1], [128]), [[1], [127]], 'from is within, to is not');
      claimEqual(scanned(view, [128], undefined, 2), [[128], [128, 0]], 'it stops when told to');
      claimEqual(scanned(view, [255, 255, 0], undefined), [], 'nothing lies behind the end');
      claimEqual(scanned(view, [128], [128]), [], 'an empty range is empty');
      claimEqual(scanned(view, [128], [1]), [], 'and so is one turned round');
      claimEqual(scanned(view, [], []), [], 'nothing lies before the empty key');
    });
  });

  scripted('reads within a scan, also other scans, do not disturb it', function* ({ backend }) {
    const names = Array.from({ length: 300 }, (_, at) => `k${1000 + at}`);
    yield commit(backend, [
      ...names.map((name) => put('rows', name, `row of ${name}`)),
      ...names.map((name) => put('meta', name, `meta of ${name}`)),
    ]);

    look(backend, (view) => {
      const seen: string[] = [];
      view.scan('rows', bytes('k1000'), bytes('k1300'), (key, value) => {
        const name = text(key);
        view.scan('meta', bytes('k1100'), bytes('k1103'), (_, meta) => {
          claim(text(meta)?.startsWith('meta of k110') === true, 'the inner scan reads its own space');
          return true;
        });
        claim(text(view.get('meta', key)) === `meta of ${name}`, 'get answers within a scan');
        claim(text(value) === `row of ${name}`, 'the value at hand stays what it was');
        seen.push(name ?? '');
        return true;
      });
      claimEqual(seen, names, 'the outer scan visits every key');
    });
  });

  scripted('a scan that throws leaves the view in order', function* ({ backend }) {
    yield commit(backend, [put('rows', 'a', '1'), put('rows', 'b', '2')]);

    look(backend, (view) => {
      let caught: unknown;
      try {
        view.scan('rows', bytes('a'), undefined, () => {
          throw new Error('enough');
        });
      } catch (thrown) {
        caught = thrown;
      }
      claim(caught instanceof Error && caught.message === 'enough', 'the error of the visitor comes through');
      claim(everything(view, 'rows').length === 2, 'the view still answers');
    });
  });

  scripted('bytes read are the reader’s to keep and to change', function* ({ backend }) {
    yield commit(backend, [put('rows', 'a', 'first'), put('rows', 'b', 'second')]);
    const view = backend.view();
    const got = view.get('rows', bytes('a'));
    const scanned: Uint8Array[] = [];
    view.scan('rows', bytes('a'), undefined, (key, value) => scanned.push(key, value) > 0);
    view.close();
    yield commit(backend, [put('rows', 'a', 'FIRST'), { kind: 'clear' }, put('rows', 'a', 'third')]);

    claimEqual([got, ...scanned].map(text), ['first', 'a', 'first', 'b', 'second'], 'later commits do not reach them');
    got?.fill(0);
    for (const read of scanned) read.fill(0);
    look(backend, (later) => claim(text(later.get('rows', bytes('a'))) === 'third', 'nor they the store'));
  });

  scripted('values of no byte and of 8 MiB come back as they were', function* ({ backend }) {
    const large = new Uint8Array(8 * 2 ** 20).map((_, at) => (at * 31) >>> 3);
    yield commit(backend, [
      { kind: 'put', space: 'rows', key: bytes('empty'), value: new Uint8Array(0) },
      { kind: 'put', space: 'rows', key: bytes('large'), value: large },
      put('rows', 'small', 's'),
    ]);

    look(backend, (view) => {
      claim(view.get('rows', bytes('empty'))?.length === 0, 'an empty value is there and empty');
      const got = view.get('rows', bytes('large'));
      claim(got !== undefined && same(got, large), 'the large value is whole');
      let visited = 0;
      view.scan('rows', bytes('empty'), undefined, (key, value) => {
        if (text(key) === 'large') claim(same(value, large), 'also in a scan');
        visited += 1;
        return true;
      });
      claim(visited === 3, 'the scan goes on behind it');
      claim(text(view.get('rows', bytes('small'))) === 's', 'and so does get');
    });
  });

  scripted('an empty batch is committed and durable', function* ({ backend }) {
    yield commit(backend, []);
    yield commit(backend, [put('rows', 'a', '1')]);
    yield commit(backend, []);
    look(backend, (view) => claimEqual(everything(view, 'rows'), [['a', '1']], 'and changes nothing'));
  });

  scripted('size counts what is used within what is taken', function* ({ backend }) {
    const before = backend.size();
    yield commit(
      backend,
      Array.from({ length: 400 }, (_, at) => put('rows', `k${at}`, 'v'.repeat(1000))),
    );
    const after = backend.size();

    claim(after.bytesInUse >= before.bytesInUse + 400_000, 'what was written is in use');
    claim(after.bytes >= after.bytesInUse, 'what is in use has been taken');
    yield commit(backend, [{ kind: 'clear' }]);
    claim(backend.size().bytesInUse < after.bytesInUse - 300_000, 'what was removed is in use no more');
  });

  scripted('close waits for the commit in progress, and ends all use', function* ({ backend }) {
    const order: string[] = [];
    yield (next) => {
      backend.commit(
        [put('rows', 'a', '1')],
        (error) => order.push(error === undefined ? 'committed' : 'refused'),
        (error) => order.push(error === undefined ? 'durable' : 'refused'),
      );
      backend.close((error) => {
        order.push('closed');
        next(error);
      });
    };

    claimEqual(order, ['committed', 'durable', 'closed'], 'the batch was finished first');
    claim(
      throws(() => backend.view()),
      'a closed backend gives no view',
    );
    let refusals = 0;
    const count = (error: Error | undefined): void => {
      refusals += error === undefined ? 0 : 1;
    };
    yield (next) =>
      backend.commit([put('rows', 'b', '2')], count, (error) => {
        count(error);
        next();
      });
    claim(refusals === 2, 'and takes no batch');
  });

  scripted('what was durable is there after a reopening', function* (place) {
    const { reopen } = place;
    if (reopen === undefined) return;
    for (let round = 1; round <= 3; round++) {
      yield commit(place.backend, [put('rows', `k${round}`, `${round}`), put('meta', 'applied', `${round}`)]);
      yield (next) =>
        reopen((backend) => {
          place.backend = backend;
          next();
        });
      look(place.backend, (view) => {
        claim(text(view.get('meta', bytes('applied'))) === `${round}`, 'the last record of meta');
        claim(everything(view, 'rows').length === round, 'and every row');
      });
    }
  });

  scripted(`random batches and views agree with a sorted list (seed ${seed})`, function* ({ backend }) {
    const draw = drawFrom(seed);
    let model: Model = { rows: new Map(), meta: new Map(), leases: new Map() };
    const open: { view: BackendView; model: Model }[] = [];
    const key = (): string => `k${draw.below(40)}`;
    for (let round = 0; round < 120; round++) {
      const writes: BackendWrite[] = [];
      for (let count = draw.below(12); count > 0; count--) {
        const space = spaces[draw.below(3)] ?? 'rows';
        if (draw.oneIn(40)) writes.push({ kind: 'clear' });
        else if (draw.oneIn(3)) writes.push(del(space, key()));
        else writes.push(put(space, key(), `v${draw.below(1000)}`));
      }
      yield commit(backend, writes);
      model = applied(model, writes);
      open.push({ view: backend.view(), model });
      if (open.length > draw.below(10)) open.splice(draw.below(open.length), 1)[0]?.view.close();
      for (const { view, model: expected } of open) compare(view, expected, draw.below(40));
    }
    for (const { view } of open) view.close();
  });
}

/** A fixture whose backend may be another after a reopening. */
type Place = Omit<BackendFixture, 'backend'> & { backend: Backend };

function* closing(place: Place, script: Script): Script {
  yield* script;
  yield (next) => place.backend.close(() => next());
  place.dispose?.();
}

/** Commits and waits until the batch is durable. */
function commit(backend: Backend, writes: readonly BackendWrite[]): Step {
  return (next) => {
    let isCommitted = false;
    backend.commit(
      writes,
      (error) => {
        isCommitted = error === undefined;
      },
      (error) => next(error ?? (isCommitted ? undefined : new Error('durable before committed'))),
    );
  };
}

function look(backend: Backend, check: (view: BackendView) => void): void {
  const view = backend.view();
  check(view);
  view.close();
}

type Model = Readonly<Record<Space, ReadonlyMap<string, string>>>;

function applied(model: Model, writes: readonly BackendWrite[]): Model {
  const next = { rows: new Map(model.rows), meta: new Map(model.meta), leases: new Map(model.leases) };
  for (const write of writes) {
    if (write.kind === 'clear') for (const space of spaces) next[space].clear();
    else if (write.kind === 'delete') next[write.space].delete(text(write.key) ?? '');
    else next[write.space].set(text(write.key) ?? '', text(write.value) ?? '');
  }
  return next;
}

function compare(view: BackendView, model: Model, from: number): void {
  for (const space of spaces) {
    const start = `k${from}`;
    const expected = [...model[space]].filter(([key]) => key >= start).sort(([a], [b]) => (a < b ? -1 : 1));
    const found: (readonly [string, string])[] = [];
    view.scan(space, bytes(start), undefined, (key, value) => found.push([text(key) ?? '', text(value) ?? '']) > 0);
    claimEqual(found, expected, `${space} from ${start} on`);
    claim(text(view.get(space, bytes(start))) === model[space].get(start), `get of ${start} in ${space}`);
  }
}

function everything(view: BackendView, space: Space): readonly (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  view.scan(space, new Uint8Array(0), undefined, (key, value) => found.push([text(key) ?? '', text(value) ?? '']) > 0);
  return found;
}

function put(space: Space, key: string, value: string): BackendWrite {
  return { kind: 'put', space, key: bytes(key), value: bytes(value) };
}

function del(space: Space, key: string): BackendWrite {
  return { kind: 'delete', space, key: bytes(key) };
}

function bytes(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (char) => char.charCodeAt(0));
}

function text(read: Uint8Array | undefined): string | undefined {
  return read && Array.from(read, (byte) => String.fromCharCode(byte)).join('');
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function throws(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}
