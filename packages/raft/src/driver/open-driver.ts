// Starting a node: what the disk holds is judged, disk and state machine are made to agree, and the driver begins.

import { restoreInto } from './applying.ts';
import { Driver } from './driver.ts';
import type { DriverOptions } from './driver-api.ts';
import { asError, RecoveryError } from './errors.ts';
import type { Completion, Done, LogStore } from './ports.ts';
import { driverRules } from './rules.ts';
import { settingsFrom } from './settings.ts';
import { planStart, type StartPlan } from './start-plan.ts';

/** Opens a node: recovers, restores the state machine if that is needed, and begins to take part. */
export function openDriver<Result, Query, Answer>(
  options: DriverOptions<Result, Query, Answer>,
  completion: Completion<Driver<Result, Query, Answer>>,
): void {
  const { log, snapshots, stateMachine, bootstrap, transport, logger } = options;
  const settings = settingsFrom(options.settings ?? {});
  const plan = planStart({
    log: log.recovered,
    newest: snapshots.newest(),
    machine: stateMachine.kind === 'durable' ? stateMachine.recovered : undefined,
    bootstrap,
    isJoining: options.join !== undefined,
  });
  const fail = (error: Error): void => log.close(() => transport.stop(() => completion({ kind: 'failed', error })));
  if (plan.kind === 'stop') {
    fail(new RecoveryError(`node ${options.id} cannot start: ${plan.reason}`));
    return;
  }
  prepare(options, plan, (error) => {
    if (error !== undefined) {
      fail(error);
      return;
    }
    const { restore } = plan;
    const rules = options.rules?.driver ?? driverRules;
    const hardState = rules.remembers(restore.hardState, restore.entries.at(-1) ?? restore.base.last);
    let driver: Driver<Result, Query, Answer>;
    try {
      driver = new Driver(options, settings, { ...restore, hardState });
    } catch (error: unknown) {
      fail(asError(error));
      return;
    }
    const { term, last, commit, applied } = driver.status();
    const fields = { id: options.id, boot: options.boot, seed: options.seed, term, last: last.index, commit, applied };
    logger?.({ level: 'info', message: 'node started', fields });
    completion({ kind: 'done', value: driver });
  });
}

/** Makes the disk and the state machine agree with the plan. */
function prepare<Result, Query, Answer>(
  { log, snapshots, stateMachine }: DriverOptions<Result, Query, Answer>,
  plan: Extract<StartPlan, { readonly kind: 'start' }>,
  done: Done,
): void {
  const restore: Done = (error) => {
    if (error !== undefined || plan.restoreFrom === undefined) done(error);
    else restoreInto(stateMachine, snapshots, plan.restoreFrom.last, done);
  };
  if (plan.write === undefined) {
    restore(undefined);
    return;
  }
  const id = 0 as Parameters<LogStore['append']>[0]['id'];
  log.append({ id, sync: true, ...plan.write, entries: [] }, restore);
}
