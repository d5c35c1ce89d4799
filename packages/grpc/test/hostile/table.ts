// The table of a hostile run: each attack in turn, what it costs, what an ordinary client notices of it, and how it is ended.

import { amount, count, longCommand, oneOf, wordIn } from '../../../../scripts/long-command.ts';
import type { Attack } from './attack.ts';
import { HostileRun, type Row, type Target } from './round.ts';

/** Takes the words of the command line. Resolves with whether all was as it has to be. */
export async function printTable(target: Target, attacks: readonly Attack[]): Promise<boolean> {
  const { seconds, connections, only } = longCommand(
    'hostile',
    'Hostile clients against a server in a process of its own: what each costs, what an ordinary client notices, how it is ended.',
  )
    .option('--seconds <N>', 'how long each attacks', amount, 5)
    .option('--connections <N>', 'how many at a time', count, 20)
    .option('--only <WORD>', 'the attacks that have it in their names', wordIn(attacks.map(({ name }) => name)))
    .option(
      '--target <WHAT>',
      'the gRPC server alone, `grpc`, or a whole one of etcd, `server`',
      oneOf(['grpc', 'server']),
      'grpc',
    )
    .parse()
    .opts();
  const ms = seconds * 1000;
  /** What a server waits for somebody who does not go on. All other limits are the usual ones. */
  const patienceMs = Math.min(3000, ms / 2);

  const run = await HostileRun.start(
    {
      handshakeMs: patienceMs,
      limits: { stallMs: patienceMs, openingMs: patienceMs, blockMs: patienceMs },
      // Whoever has not opened is ended for that, and not because it answers no PING.
      keepalive: { intervalMs: patienceMs / 2, timeoutMs: patienceMs },
    },
    target,
  );
  let failed = false;
  try {
    const alone = await run.warm(Math.min(ms, 3000));
    const begun = await run.state();
    process.stdout.write(
      `${connections} connections at a time, ${seconds} s each; the server has ${run.warmMiB.toFixed(0)} MiB; the client alone: ${times(alone)}\n\n`,
    );
    process.stdout.write(
      '| attack | memory grows by | p99 alone | beside the attack | ended |\n| --- | --- | --- | --- | --- |\n',
    );
    for (const attack of attacks) {
      if (only !== undefined && !attack.name.includes(only)) continue;
      const row = await run.play([attack], connections, ms);
      process.stdout.write(`| ${cells(row).join(' | ')} |\n`);
      for (const fault of row.faults) process.stdout.write(`  FAULT ${fault}\n`);
      failed ||= row.faults.length > 0;
    }
    const alive = ((await run.state()).aliveBytes - begun.aliveBytes) / 2 ** 20;
    process.stdout.write(`\nwhen all is over, ${alive.toFixed(1)} MiB more are alive than before\n`);
    failed ||= alive > 20;
  } finally {
    run.stop();
  }
  return !failed;
}

function cells({ name, grownMiB, aloneP99Ms, p99Ms, fates }: Row): readonly string[] {
  const ended = Object.entries(fates).map(([fate, count]) => `${fate} × ${count}`);
  return [
    name,
    `${grownMiB.toFixed(0)} MiB`,
    `${aloneP99Ms.toFixed(0)} ms`,
    `${p99Ms.toFixed(0)} ms`,
    ended.join(', '),
  ];
}

function times({ calls, p99Ms, worstMs }: Row): string {
  return `${calls} calls, p99 ${p99Ms.toFixed(1)} ms, the slowest ${worstMs.toFixed(1)} ms`;
}
