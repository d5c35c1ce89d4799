import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterClock } from '@kontiki/raft/sessions';

test('a leader counts on from the last committed stamp by its own ticks', () => {
  const clock = new ClusterClock();
  clock.advance(1_000_000);

  assert.equal(clock.stamp(500), 500, 'ticks from before do not count');
  clock.advance(7);
  assert.equal(clock.stamp(500), 507);
  assert.equal(clock.stamp(503), 507, 'a commit that comes late does not hold time up');
  clock.advance(1);
  assert.equal(clock.stamp(507), 508);
});

test('time without leadership does not count', () => {
  const clock = new ClusterClock();
  clock.stamp(100);
  clock.advance(10);
  clock.yield();
  clock.advance(1000);

  assert.equal(clock.stamp(130), 130);
});

test('a stamp is never before what was committed', () => {
  const clock = new ClusterClock();
  clock.stamp(10);

  assert.equal(clock.stamp(90), 90);
  clock.advance(5);
  assert.equal(clock.stamp(90), 95, 'and counts on from there');
});
