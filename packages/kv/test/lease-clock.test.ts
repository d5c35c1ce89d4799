import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeaseClock } from '@kontiki/kv';
import { drawFrom } from '@kontiki/kv/testing';
import { seed } from './seed.ts';

const options = { ticksPerSecond: 10, retryTicks: 30 } as const;

test('only a leader has an opinion about expiry', () => {
  const clock = new LeaseClock(options);

  clock.granted(1n, 1);
  clock.advance(100);

  assert.deepEqual([clock.expired(10), clock.remaining(1n), clock.renew(1n)], [[], undefined, undefined]);
});

test('a lease expires after its TTL, a renewed one later', () => {
  const clock = new LeaseClock(options);
  clock.promote([]);
  clock.granted(1n, 2);
  clock.granted(2n, 2);
  clock.advance(19);
  assert.equal(clock.renew(2n), 2);
  assert.deepEqual(clock.expired(10), []);

  clock.advance(1);

  assert.deepEqual(clock.expired(10), [1n]);
  assert.deepEqual([clock.remaining(1n), clock.remaining(2n)], [0, 19]);
  assert.equal(clock.renew(1n), undefined, 'what has expired is not renewed');
});

test('a new leader starts every TTL in full', () => {
  const clock = new LeaseClock(options);
  clock.promote([{ id: 1n, ttl: 5 }]);
  clock.advance(49);
  clock.demote();
  clock.advance(49);

  clock.promote([{ id: 1n, ttl: 5 }]);

  assert.equal(clock.remaining(1n), 50);
  assert.deepEqual(clock.expired(10), []);
});

test('ten thousand leases that are kept alive survive three leaders in a row, and those that are not end', () => {
  const leases = Array.from({ length: 10_000 }, (_, at) => ({ id: BigInt(at + 1), ttl: 3 }));
  const isKept = (id: bigint): boolean => id % 2n === 0n;
  const clock = new LeaseClock(options);
  for (let leader = 0; leader < 3; leader += 1) {
    clock.promote(leases);
    for (let second = 0; second < 2; second += 1) {
      clock.advance(10);
      for (const { id } of leases) if (isKept(id)) assert.equal(clock.renew(id), 3);
    }
    assert.deepEqual(clock.expired(1), []);
    if (leader < 2) clock.demote();
  }

  clock.advance(10);

  const expired = clock.expired(20_000);
  assert.equal(expired.length, 5000);
  assert.ok(!expired.some(isKept));
});

test('an expired lease is offered again only after a while', () => {
  const clock = new LeaseClock(options);
  clock.promote([1n, 2n, 3n].map((id) => ({ id, ttl: 1 })));
  clock.advance(10);
  assert.deepEqual([clock.expired(2).length, clock.expired(2).length, clock.expired(2).length], [2, 1, 0]);
  clock.revoked(2n);

  clock.advance(30);

  assert.deepEqual(new Set(clock.expired(10)), new Set([1n, 3n]));
});

test('leases are listed by what is left of them', () => {
  const clock = new LeaseClock(options);
  clock.promote([1n, 2n, 3n].map((id) => ({ id, ttl: 10 - Number(id) })));
  clock.renew(3n);
  clock.advance(5);
  clock.renew(3n);

  assert.deepEqual(clock.byExpiry(), [3n, 2n, 1n]);
});

test(`any sequence agrees with a plain list (seed ${seed})`, () => {
  const draw = drawFrom(seed);
  const clock = new LeaseClock(options);
  clock.promote([]);
  const deadlines = new Map<bigint, { ttl: number; deadline: number; offered: number }>();
  let now = 0;
  for (let step = 0; step < 5000; step++) {
    const id = BigInt(draw.below(60));
    const lease = deadlines.get(id);
    const dice = draw.below(10);
    if (dice < 3) {
      const ttl = 1 + draw.below(40);
      clock.granted(id, ttl);
      deadlines.set(id, { ttl, deadline: now + ttl * 10, offered: Number.NEGATIVE_INFINITY });
    } else if (dice < 4) {
      clock.revoked(id);
      deadlines.delete(id);
    } else if (dice < 7) {
      const renewed = clock.renew(id);
      if (lease === undefined || lease.deadline <= now) assert.equal(renewed, undefined);
      else {
        assert.equal(renewed, lease.ttl);
        lease.deadline = now + lease.ttl * 10;
      }
    } else {
      const ticks = draw.below(40);
      clock.advance(ticks);
      now += ticks;
      const expected = [...deadlines].filter(([, { deadline, offered }]) => deadline <= now && offered + 30 <= now);
      for (const [, expired] of expected) expired.offered = now;
      assert.deepEqual(new Set(clock.expired(1000)), new Set(expected.map(([expired]) => expired)));
    }
    assert.equal(
      clock.remaining(id) ?? -1,
      Math.max(0, (deadlines.get(id)?.deadline ?? now - 1) - now) || (deadlines.has(id) ? 0 : -1),
    );
  }
});
