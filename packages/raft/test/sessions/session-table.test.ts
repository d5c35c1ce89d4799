// The table by itself: what is executed, what is answered from memory, what is forgotten, and that all of it hangs on the
// log alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asIndex, type Index } from '@kontiki/raft';
import {
  type ClientId,
  defaultSessionLimits,
  encodeCommand,
  MalformedError,
  type SessionCommand,
  type SessionLimits,
  type SessionResult,
  SessionTable,
  sessionRules,
} from '@kontiki/raft/sessions';
import { Chance } from '../core/chance.ts';

/** A table over a machine that answers how often it was called. */
class Rig {
  readonly table = new SessionTable();
  executed = 0;
  stamp = 0;
  #index = 0;

  apply(command: SessionCommand): SessionResult {
    return this.applyBytes(encodeCommand(command));
  }

  applyBytes(command: Uint8Array): SessionResult {
    this.#index += 1;
    return this.table.apply({ index: asIndex(this.#index), command }, (body) => {
      this.executed += 1;
      return Uint8Array.of(this.executed, ...body);
    });
  }

  register(limits: Partial<SessionLimits> = {}): ClientId {
    const result = this.apply({ kind: 'register', stamp: this.stamp, limits: { ...defaultSessionLimits, ...limits } });
    assert.ok(result.kind === 'registered');
    return result.client;
  }

  command(client: ClientId, sequence: number, firstOpen = 1, body: readonly number[] = []): SessionResult {
    const { stamp } = this;
    return this.apply({ kind: 'command', stamp, client, sequence, firstOpen, body: Uint8Array.from(body) });
  }
}

function refusal(result: SessionResult): string {
  return result.kind === 'refused' ? result.reason : result.kind;
}

test('a command that comes twice is executed once, and answered twice with the same reply and entry', () => {
  const rig = new Rig();
  const client = rig.register();
  const first = rig.command(client, 1, 1, [7]);
  const second = rig.command(client, 1, 1, [7]);

  assert.deepEqual(first, { kind: 'done', at: 2 as Index, reply: Uint8Array.of(1, 7) });
  assert.deepEqual(second, first);
  assert.equal(rig.executed, 1);
  assert.equal(rig.table.duplicates, 1);
});

test('commands of one session may come in any order, and of several at once', () => {
  const rig = new Rig();
  const [one, two] = [rig.register(), rig.register()];
  for (const sequence of [3, 1, 2, 3, 2, 1]) rig.command(one, sequence);
  for (const sequence of [1, 3]) rig.command(two, sequence);

  assert.equal(rig.executed, 5);
});

test('what a client has is dropped, and a late copy of it is refused and not executed', () => {
  const rig = new Rig();
  const client = rig.register();
  for (const sequence of [1, 2, 3]) rig.command(client, sequence);
  const before = rig.table.replyBytes;
  rig.command(client, 4, 3);

  assert.ok(rig.table.replyBytes < before);
  assert.equal(refusal(rig.command(client, 2)), 'answered');
  assert.equal(rig.command(client, 3, 3).kind, 'done');
  assert.equal(rig.executed, 4);
});

test('a command too far ahead is refused, and executed once the window has moved', () => {
  const rig = new Rig();
  const client = rig.register({ window: 2 });

  assert.equal(refusal(rig.command(client, 3)), 'outOfWindow');
  assert.equal(rig.executed, 0);
  assert.equal(rig.command(client, 3, 2).kind, 'done');
});

test('the oldest replies go when there are too many bytes, and their commands stay known', () => {
  const rig = new Rig();
  const client = rig.register({ replyBytes: 500 });
  for (let sequence = 1; sequence <= 5; sequence++) rig.command(client, sequence, 1, Array(100).fill(sequence));

  assert.ok(rig.table.replyBytes <= 500, `${rig.table.replyBytes}`);
  assert.equal(refusal(rig.command(client, 1)), 'replyDropped');
  assert.equal(rig.command(client, 5).kind, 'done');
  assert.equal(rig.executed, 5);
});

test('one session too many ends the one that was used least recently', () => {
  const rig = new Rig();
  const [first, second] = [rig.register({ sessions: 2 }), rig.register({ sessions: 2 })];
  rig.command(first, 1);
  rig.register({ sessions: 2 });

  assert.equal(rig.table.size, 2);
  assert.equal(refusal(rig.command(second, 1)), 'unknownSession');
  assert.equal(rig.command(first, 2).kind, 'done');
});

test('a session that is idle for too long ends by the stamps of the log; a word keeps it', () => {
  const rig = new Rig();
  const [idle, alive] = [rig.register({ idleTicks: 100 }), rig.register({ idleTicks: 100 })];
  rig.command(idle, 1);
  rig.stamp = 99;
  rig.apply({ kind: 'keepAlive', stamp: 99, client: alive, firstOpen: 1 });
  rig.table.clock.advance(1_000_000);
  assert.ok(rig.table.has(idle), 'no clock of this member has a say');
  rig.stamp = 150;

  assert.equal(refusal(rig.command(idle, 1)), 'unknownSession');
  assert.equal(rig.command(alive, 1).kind, 'done');
  assert.equal(rig.executed, 2, 'a duplicate in a session that has ended is not executed again');
  assert.equal(refusal(rig.apply({ kind: 'keepAlive', stamp: 150, client: idle, firstOpen: 1 })), 'unknownSession');
});

test('a stamp from before does not turn time back', () => {
  const rig = new Rig();
  const client = rig.register({ idleTicks: 100 });
  rig.apply({ kind: 'keepAlive', stamp: 500, client: asIndex(99), firstOpen: 1 });

  assert.equal(refusal(rig.command(client, 1)), 'unknownSession');
  assert.equal(rig.table.now, 500);
});

test('a closed session is unknown, and closing twice does no harm', () => {
  const rig = new Rig();
  const client = rig.register();
  rig.command(client, 1);
  rig.apply({ kind: 'close', stamp: 0, client });
  rig.apply({ kind: 'close', stamp: 0, client });

  assert.equal(rig.table.size, 0);
  assert.equal(rig.table.replyBytes, 0);
  assert.equal(refusal(rig.command(client, 2)), 'unknownSession');
});

test('a command outside any session is executed as often as it comes; what nobody wrote is refused', () => {
  const rig = new Rig();
  const plain = encodeCommand({ kind: 'plain', stamp: 0, body: Uint8Array.of(1) });
  rig.applyBytes(plain);
  rig.applyBytes(plain);

  assert.equal(rig.executed, 2);
  assert.equal(refusal(rig.applyBytes(Uint8Array.of(1, 2, 3))), 'malformed');
  assert.throws(() => rig.applyBytes(plain.with(2, 2)), /upgrade/);
});

test('a table that was stored and read goes on as the one it was taken of', () => {
  const seed = Number(process.env.SEED ?? 7);
  const chance = new Chance(seed);
  const rig = new Rig();
  const twin = new Rig();
  const limits = { sessions: 5, window: 6, replyBytes: 900, idleTicks: 60 };
  const clients: ClientId[] = [];
  for (let step = 0; step < 2000; step++) {
    rig.stamp += chance.below(4);
    twin.stamp = rig.stamp;
    if (chance.often(0.05)) {
      clients.push(rig.register(limits));
      twin.register(limits);
    } else if (clients.length > 0) {
      const client = chance.pick(clients.slice(-8));
      const firstOpen = 1 + chance.below(10);
      const sequence = firstOpen + chance.below(8);
      const body = Array(chance.below(40)).fill(3);
      const results = [rig, twin].map((each) => each.command(client, sequence, firstOpen, body));
      assert.deepEqual(results[1], results[0], `SEED=${seed}, step ${step}`);
    }
    if (chance.often(0.1)) twin.table.load(twin.table.encode());
  }
  assert.deepEqual(twin.table.encode(), rig.table.encode());
  assert.equal(twin.table.replyBytes, rig.table.replyBytes);
  assert.equal(twin.executed, rig.executed);
  assert.ok(rig.table.duplicates > 100 && rig.executed > 100, 'both happen often');
});

test('a damaged table is refused as a whole', () => {
  const rig = new Rig();
  const client = rig.register();
  rig.command(client, 1);
  const bytes = rig.table.encode();
  const table = new SessionTable();
  for (let end = 0; end < bytes.length; end++) {
    assert.throws(() => table.load(bytes.subarray(0, end)), MalformedError, `${end} bytes`);
  }
  assert.equal(table.size, 0);
  assert.throws(() => table.load(bytes.with(0, 0)), /mark/);
});

test('with each rule left out, the table does what it must not', () => {
  const twice = (rules: Partial<typeof sessionRules>): { readonly executed: number; readonly size: number } => {
    let executed = 0;
    let table = new SessionTable({ ...sessionRules, ...rules });
    const command = (index: number, of: SessionCommand): void => {
      table.apply({ index: asIndex(index), command: encodeCommand(of) }, () => {
        executed += 1;
        return Uint8Array.of(executed);
      });
    };
    command(1, { kind: 'register', stamp: 0, limits: { ...defaultSessionLimits, idleTicks: 100 } });
    const add: SessionCommand = {
      kind: 'command',
      stamp: 1,
      client: asIndex(1),
      sequence: 1,
      firstOpen: 1,
      body: new Uint8Array(),
    };
    command(2, add);
    const stored = table.encode();
    table = new SessionTable({ ...sessionRules, ...rules });
    table.load(stored);
    command(3, add);
    table.clock.advance(1000);
    command(4, { ...add, client: asIndex(50) });
    return { executed, size: table.size };
  };

  assert.deepEqual(twice({}), { executed: 1, size: 1 });
  assert.deepEqual(twice({ mayExecute: () => true }), { executed: 2, size: 1 });
  assert.deepEqual(twice({ keepsRepliesInSnapshot: () => false }), { executed: 2, size: 1 });
  assert.deepEqual(twice({ executesUnknown: () => true }), { executed: 2, size: 1 });
  assert.deepEqual(twice({ expiryTime: ({ local }) => local }), { executed: 1, size: 0 });
});
