// What any `Transport` must hold. Run it on yours: `transportSuite({ test, create })`.

import type { Index, Message, NodeId, SnapshotMeta, Term } from '../core/api.ts';
import type { RequestOutcome, SnapshotSink, SnapshotSource, Transport, TransportHandler } from '../driver/ports.ts';
import { check, completed, type Register, type Rig, same, until, withRig } from './suite.ts';

/** Two members, `a` and `b`, that know each other as peers once the suite has started both and said so. */
export interface TransportRig extends Rig {
  readonly a: Transport;
  readonly b: Transport;
  /** `setPeers` on both, with the addresses that this kind of network wants. */
  introduce(): void;
}

const a = 'a' as NodeId;
const b = 'b' as NodeId;

const meta: SnapshotMeta = {
  last: { term: 3 as Term, index: 8 as Index },
  configuration: { voters: [a, b], outgoing: [], learners: [], addresses: [[a, Uint8Array.of(1)]] },
};

function message(readId: number, to: NodeId = b): Message {
  return { kind: 'readIndex', from: to === b ? a : b, to, term: 1 as Term, readId };
}

interface Host extends TransportHandler {
  readonly received: Message[];
  readonly unreached: NodeId[];
  sink: SnapshotSink | undefined;
  onRequest: (body: Uint8Array, reply: (body: Uint8Array) => void) => void;
}

function host(): Host {
  const self: Host = {
    received: [],
    unreached: [],
    sink: undefined,
    onRequest: (body, reply) => reply(body),
    receive: (value) => self.received.push(value),
    unreachable: (peer) => self.unreached.push(peer),
    offerSnapshot: () => self.sink,
    request: (_from, body, reply) => self.onRequest(body, reply),
  };
  return self;
}

async function connected(rig: TransportRig): Promise<{ readonly atA: Host; readonly atB: Host }> {
  const [atA, atB] = [host(), host()];
  rig.a.start(atA);
  rig.b.start(atB);
  rig.introduce();
  await until(
    rig,
    () => {
      if (atB.received.length === 0) rig.a.send(message(0, b));
      if (atA.received.length === 0) rig.b.send(message(0, a));
      return atA.received.length > 0 && atB.received.length > 0;
    },
    'messages pass in both directions',
  );
  return { atA, atB };
}

function source(content: readonly Uint8Array[], rig: Rig, closed: () => void): SnapshotSource {
  const chunks = [...content];
  return {
    meta,
    next: (completion) => {
      void Promise.resolve(rig.drive()).then(() => completion({ kind: 'done', value: chunks.shift() }));
    },
    close: closed,
  };
}

export function transportSuite(parts: {
  readonly test: Register;
  readonly create: () => Promise<TransportRig> | TransportRig;
}): void {
  const test = withRig(parts.test, parts.create);

  test('messages arrive as they were sent, in order', async (rig) => {
    const { atB } = await connected(rig);
    const sent: readonly Message[] = Array.from({ length: 200 }, (_, n) => message(n + 1));
    for (const one of sent) rig.a.send(one);
    await until(
      rig,
      () => atB.received.some((one) => one.kind === 'readIndex' && one.readId === 200),
      'the last arrives',
    );

    same(
      atB.received.filter((one) => one.kind !== 'readIndex' || one.readId > 0),
      sent,
      'what arrived',
    );
  });

  test('entries of every kind arrive with their bytes', async (rig) => {
    const { atB } = await connected(rig);
    const entry = (index: number) => ({ term: 2 as Term, index: index as Index });
    const sent: Message = {
      kind: 'appendEntries',
      from: a,
      to: b,
      term: 2 as Term,
      prev: { term: 1 as Term, index: 4 as Index },
      commit: 3 as Index,
      round: 17,
      entries: [
        { kind: 'noop', ...entry(5) },
        { kind: 'command', ...entry(6), data: new Uint8Array(100_000).fill(3) },
        { kind: 'configuration', ...entry(7), configuration: meta.configuration },
      ],
    };
    rig.a.send(sent);
    await until(rig, () => atB.received.some((one) => one.kind === 'appendEntries'), 'it arrives');

    same(atB.received.at(-1), sent, 'what arrived');
  });

  test('a message to a stranger is dropped without a word', async (rig) => {
    await connected(rig);

    rig.a.send({ ...message(1), to: 'nobody' as NodeId });
  });

  test('a request is answered with what the other side replied, also when it takes its time', async (rig) => {
    const { atB } = await connected(rig);
    const replies: (() => void)[] = [];
    atB.onRequest = (body, reply) => replies.push(() => reply(Uint8Array.from(body).reverse()));
    const ask = completed<RequestOutcome>(rig, (answer) => rig.a.request(b, Uint8Array.of(1, 2), 10_000, answer));
    await until(rig, () => replies.length > 0, 'it arrives');
    for (const reply of replies) reply();

    same(await ask, { kind: 'answered', body: Uint8Array.of(2, 1) }, 'the answer');
  });

  test('a request to a stranger is refused: it certainly had no effect', async (rig) => {
    await connected(rig);
    const nobody = 'nobody' as NodeId;
    const outcome = await completed<RequestOutcome>(rig, (answer) =>
      rig.a.request(nobody, Uint8Array.of(1), 1000, answer),
    );

    same(outcome.kind, 'refused', 'the outcome');
  });

  test('a request that is not answered in time is lost: it may have had an effect', async (rig) => {
    const { atB } = await connected(rig);
    let asked = 0;
    atB.onRequest = () => {
      asked += 1;
    };
    const outcome = await completed<RequestOutcome>(rig, (answer) => rig.a.request(b, Uint8Array.of(1), 20, answer));

    same([outcome.kind, asked], ['lost', 1], 'the outcome');
  });

  test('a snapshot arrives whole, and is answered after it was committed', async (rig) => {
    const { atB } = await connected(rig);
    const received: number[] = [];
    let isCommitted = false;
    let isClosed = false;
    atB.sink = {
      write: (chunk, done) => {
        received.push(...chunk);
        void Promise.resolve(rig.drive()).then(() => done(undefined));
      },
      commit: (done) => {
        void Promise.resolve(rig.drive()).then(() => {
          isCommitted = true;
          done(undefined);
        });
      },
      abort: () => {},
    };
    const content = [new Uint8Array(70_000).fill(1), Uint8Array.of(2), new Uint8Array(70_000).fill(3)];
    const error = await completed<Error | undefined>(rig, (done) => {
      const close = (): void => {
        isClosed = true;
      };
      rig.a.sendSnapshot(b, source(content, rig, close), done);
    });

    same(error, undefined, 'the error');
    check(isCommitted, 'it was committed before it was answered');
    check(isClosed, 'the source was closed');
    same(Uint8Array.from(received), Uint8Array.from(content.flatMap((chunk) => [...chunk])), 'the bytes');
  });

  test('a snapshot that the other side does not want fails', async (rig) => {
    await connected(rig);
    let isClosed = false;
    const error = await completed<Error | undefined>(rig, (done) => {
      const close = (): void => {
        isClosed = true;
      };
      rig.a.sendSnapshot(b, source([Uint8Array.of(1)], rig, close), done);
    });

    check(error !== undefined, 'it fails');
    check(isClosed, 'the source was closed');
  });

  test('stopping completes, and after it nothing is received', async (rig) => {
    const { atB } = await connected(rig);
    await completed<Error | undefined>(rig, (done) => rig.b.stop(done));
    const before = atB.received.length;
    for (let n = 0; n < 20; n++) {
      rig.a.send(message(n));
      await rig.drive();
    }

    same(atB.received.length, before, 'messages after the stop');
  });
}
