// What each fault does to the cluster. Whether it makes sense at that moment was somebody else's question: a fault that
// finds nothing to do does nothing, so that any part of a schedule may be left out.

import type { Cluster } from './cluster.ts';
import type { FaultInput, InputOf } from './inputs.ts';
import type { Seat } from './seat.ts';
import type { Trace } from './trace.ts';

/** Answers whether there was anything to do. */
export function applyFault(cluster: Cluster, trace: Trace, input: FaultInput): boolean {
  if ('seat' in input) {
    const seat = cluster.seat(input.seat);
    return seat !== undefined && applyToSeat(cluster, trace, seat, input);
  }
  const { network } = cluster;
  trace.say(Object.values(input).join(' '));
  switch (input.kind) {
    case 'cut':
      for (const link of input.links.split(',')) {
        const [from = '', to = ''] = link.split('>');
        network.block(from, to);
      }
      return true;
    case 'clog':
      network.clog(input.from, input.to, input.ticks);
      return true;
    case 'reset':
      network.reset(input.from, input.to);
      return true;
    case 'garble':
      network.garble(input.from, input.to, input.draw);
      return true;
    case 'healNetwork':
      network.heal();
      return true;
    case 'join':
      return cluster.join(input.id);
    case 'moveLeader':
      return moveLeader(cluster, trace, input.to);
  }
}

function applyToSeat(
  cluster: Cluster,
  trace: Trace,
  seat: Seat,
  input: Extract<FaultInput, { readonly seat: string }>,
): boolean {
  const isUp = seat.life !== undefined;
  switch (input.kind) {
    case 'start':
      cluster.start(seat);
      return !isUp;
    case 'kill':
      cluster.kill(seat, input);
      return isUp;
    case 'stop':
      cluster.stop(seat, input.handOver);
      return isUp;
    case 'sleep':
      cluster.sleep(seat);
      return isUp;
    case 'wake':
      cluster.wake(seat);
      return isUp;
    case 'slowDisk':
      seat.syncTicks = input.ticks;
      return true;
    case 'stallDisk':
      cluster.stallDisk(seat);
      return true;
    case 'breakDisk':
      seat.broken = input.what;
      return true;
    case 'mendDisk':
      cluster.mendDisk(seat);
      return true;
    case 'rotDisk':
      return cluster.rotDisk(seat, input);
    case 'swapDisk':
      return cluster.swapDisk(seat);
    case 'loseMachine':
      return cluster.loseMachine(seat);
    case 'drift':
      seat.driftPerMille = input.perMille;
      return true;
    case 'addMember':
    case 'promoteMember':
    case 'removeMember':
      return changeMembers(cluster, seat, trace, input);
  }
}

function changeMembers(
  cluster: Cluster,
  { life, name }: Seat,
  trace: Trace,
  input: InputOf<'addMember' | 'promoteMember' | 'removeMember'>,
): boolean {
  const member = life?.isAsleep === false && !life.isStopping ? life.member : undefined;
  if (member === undefined) return false;
  const id = BigInt(input.id);
  const what = `${input.kind} ${id} on ${name}`;
  const ask = (): Promise<unknown> => {
    if (input.kind === 'removeMember') return member.removeMember(id);
    if (input.kind === 'promoteMember') return member.promoteMember(id);
    return member.addMember({ id, peerUrls: [`n${id}`], isLearner: input.learner });
  };
  trace.say(what);
  cluster.askedToChange();
  ask().then(
    () => trace.say(`${what}: done`),
    (error: unknown) => trace.say(`${what}: ${error instanceof Error ? error.message : String(error)}`),
  );
  return true;
}

function moveLeader(cluster: Cluster, trace: Trace, to: string): boolean {
  const leader = cluster.leader?.life;
  const target = cluster.seat(to);
  if (leader?.member === undefined || leader.isAsleep || leader.isStopping || target === undefined) return false;
  leader.member.moveLeader(target.id).then(
    () => trace.say(`leadership moved to ${to}`),
    (error: unknown) => trace.say(`leadership did not move: ${error instanceof Error ? error.message : ''}`),
  );
  return true;
}

/** No more faults, and none that lasts. Members that are down stay down. */
export function healAll(cluster: Cluster, trace: Trace): void {
  cluster.areMessagesFaulty = false;
  cluster.network.heal();
  cluster.network.latency = { least: 0, most: 1 };
  for (const seat of cluster.seats) {
    cluster.wake(seat);
    // A write may have failed and its process not have noticed yet.
    if (seat.broken !== undefined || seat.own !== undefined)
      cluster.kill(seat, { death: 'power', keep: 50, dark: false });
    cluster.mendDisk(seat);
    seat.syncTicks = 1;
    seat.driftPerMille = 0;
  }
  trace.say('all is healed');
}
