// What any `Ticker` must hold. Run it on yours: `tickerSuite({ test, create })`.

import type { Ticker } from '../driver/ports.ts';
import { check, type Register, type Rig, same, until, withRig } from './suite.ts';

export interface TickerRig extends Rig {
  readonly ticker: Ticker;
}

export function tickerSuite(parts: {
  readonly test: Register;
  readonly create: () => Promise<TickerRig> | TickerRig;
}): void {
  const test = withRig(parts.test, parts.create);

  test('ticks are whole and come in order, and none after they were cancelled', async (rig) => {
    const ticks: number[] = [];
    const cancel = rig.ticker.start((elapsed) => ticks.push(elapsed));
    await until(rig, () => ticks.length >= 3, 'ticks come');
    cancel();
    cancel();
    const seen = ticks.length;
    let isLater = false;
    rig.ticker.after(3, () => {
      isLater = true;
    });
    await until(rig, () => isLater, 'time passes without a listener');

    check(
      ticks.every((elapsed) => Number.isSafeInteger(elapsed) && elapsed > 0),
      'ticks are whole',
    );
    same(ticks.length, seen, 'ticks after the cancel');
  });

  test('what is deferred runs after the call, once and in order', async (rig) => {
    const order: string[] = [];
    rig.ticker.defer(() => {
      order.push('first');
      rig.ticker.defer(() => order.push('third'));
    });
    rig.ticker.defer(() => order.push('second'));
    order.push('call');
    await until(rig, () => order.length >= 4, 'all run');

    same(order, ['call', 'first', 'second', 'third'], 'the order');
  });

  test('a task waits at least its ticks', async (rig) => {
    let ticks = 0;
    const cancel = rig.ticker.start((elapsed) => {
      ticks += elapsed;
    });
    let at: number | undefined;
    const from = ticks;
    rig.ticker.after(5, () => {
      at = ticks;
    });
    await until(rig, () => at !== undefined, 'it runs');
    cancel();

    check((at ?? 0) - from >= 5, `it ran after ${(at ?? 0) - from} ticks`);
  });

  test('a cancelled task does not run, and cancelling late does nothing', async (rig) => {
    const ran: string[] = [];
    const cancelFirst = rig.ticker.after(2, () => ran.push('cancelled'));
    const cancelSecond = rig.ticker.after(2, () => ran.push('kept'));
    const cancelThird = rig.ticker.after(4, () => ran.push('last'));
    cancelFirst();
    await until(rig, () => ran.includes('last'), 'the last runs');
    cancelSecond();
    cancelThird();

    same(ran, ['kept', 'last'], 'what ran');
  });
}
