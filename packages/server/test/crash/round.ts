// One round: start, write, blow, restart, write on, stop writing, look at every member.

import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemberClient } from './client.ts';
import type { ClusterMember, Storage } from './cluster.ts';
import { judge, unavailableMs } from './judge.ts';
import type { MemberView, WriteRecord } from './record.ts';
import type { Blow, Round } from './schedule.ts';
import { startWriters } from './writers.ts';

export interface RoundResult {
  readonly violations: readonly string[];
  readonly acknowledged: number;
  readonly unknown: number;
  /** Only for a single kill or stop. */
  readonly unavailableMs: number | undefined;
  readonly victims: readonly string[];
  /** The second blow has fallen: a snapshot was on its way. */
  readonly hitSnapshot: boolean;
}

const writerCount = 8;
export const acknowledgedAtLeast = 200;
const unavailableMsMax = 5_000;
const snapshotWaitMs = 3_000;

/** All members are down when it begins and when it ends. `before` holds the records of earlier rounds and grows. */
export async function playRound(
  members: readonly ClusterMember[],
  round: Round,
  storage: Storage,
  before: WriteRecord[],
): Promise<RoundResult> {
  await Promise.all(members.map((member) => member.start(storage)));
  const writers = startWriters(
    members.map(({ endpoint }) => endpoint),
    round.number,
    writerCount,
  );
  await until(() => writers.acknowledged() > 0, 'nothing was acknowledged within 30 s of the start', members);
  await sleep(round.afterMs);

  const victims = victimsOf(round.blow, await leaderOf(members), members.length).flatMap((i) => members[i] ?? []);
  const blowMs = performance.now();
  const begunBefore = members.map(({ snapshots }) => snapshots.begun);
  if (round.blow.kind === 'stopOne') {
    for (const victim of victims) victim.pause();
    await sleep(round.blow.forMs);
    for (const victim of victims) victim.resume();
    await sleep(round.downMs);
  } else {
    await Promise.all(victims.map((victim) => victim.kill()));
    await sleep(round.downMs);
    await Promise.all(victims.map((victim) => victim.start(storage)));
  }

  const hitSnapshot = round.snapshotBlow !== undefined && (await blowOnSnapshot(members, round, storage, begunBefore));

  const enough = (): boolean =>
    writers.acknowledged() >= acknowledgedAtLeast && unavailableMs(writers.records, blowMs) !== undefined;
  await until(enough, 'the cluster did not take writes within 30 s of the blow', members);
  await writers.stop();
  before.push(...writers.records);

  const hashed = await viewsOf(members, `once/${round.number}/`);
  // Keys of earlier rounds are read again at the end of the run; those that are overwritten, in every round.
  const judged = before.filter((record) => record.round === round.number || record.key.startsWith('over/'));
  const violations = [...judge(judged, hashed)];
  // With a second blow it is no longer a single one.
  const single = !hitSnapshot && (round.blow.kind === 'killOne' || round.blow.kind === 'stopOne');
  const away = single ? unavailableMs(writers.records, blowMs) : undefined;
  if (away !== undefined && away > unavailableMsMax) {
    violations.push(
      `no write got through for ${Math.round(away)} ms after one member was taken away (at most ${unavailableMsMax})`,
    );
  }
  await Promise.all(members.map((member) => member.kill()));
  return {
    violations,
    acknowledged: writers.acknowledged(),
    unknown: writers.records.length - writers.acknowledged(),
    unavailableMs: away,
    victims: victims.map(({ name }) => name),
    hitSnapshot,
  };
}

/** What each member holds under the prefix and under `over/`, with a hash at a revision that all of them have. */
export async function viewsOf(members: readonly ClusterMember[], oncePrefix: string): Promise<readonly MemberView[]> {
  const views = await Promise.all(members.map((member) => viewOf(member, oncePrefix)));
  const comparable = Math.min(...views.map(({ revision }) => revision));
  return await Promise.all(
    views.map(async (view, i) => ({
      ...view,
      hash: await withClient(members[i], (client) => client.hashKv(comparable)),
    })),
  );
}

/** Everything of all rounds, on every member. */
export async function lookAtAll(
  members: readonly ClusterMember[],
  records: readonly WriteRecord[],
): Promise<readonly string[]> {
  await Promise.all(members.map((member) => member.start('disk')));
  const views = await Promise.all(members.map((member) => viewOf(member, 'once/')));
  await Promise.all(members.map((member) => member.kill()));
  return judge(records, views);
}

/** Waits a while for a member to begin to receive a snapshot, and kills it or who sends it. Answers whether that came to be. */
async function blowOnSnapshot(
  members: readonly ClusterMember[],
  { snapshotBlow, downMs }: Round,
  storage: Storage,
  begunBefore: readonly number[],
): Promise<boolean> {
  if (snapshotBlow === undefined) return false;
  const receiver = await receiverOfSnapshot(members, begunBefore);
  if (receiver === undefined) return false;
  await sleep(snapshotBlow.afterMs);
  const victim = snapshotBlow.whom === 'receiver' ? receiver : members[await leaderOf(members)];
  await victim?.kill();
  await sleep(downMs / 2);
  await victim?.start(storage);
  return true;
}

async function receiverOfSnapshot(
  members: readonly ClusterMember[],
  begunBefore: readonly number[],
): Promise<ClusterMember | undefined> {
  const begun = performance.now();
  while (performance.now() - begun < snapshotWaitMs) {
    const receiver = members.find(({ snapshots }, i) => snapshots.begun > (begunBefore[i] ?? 0));
    if (receiver !== undefined) return receiver;
    await sleep(1);
  }
  return undefined;
}

function victimsOf(blow: Blow, leader: number, members: number): readonly number[] {
  const offsets =
    blow.kind === 'killAll'
      ? Array.from({ length: members }, (_, i) => i)
      : blow.kind === 'killTwo'
        ? blow.offsets
        : [blow.offset];
  return offsets.map((offset) => (leader + offset) % members);
}

async function leaderOf(members: readonly ClusterMember[]): Promise<number> {
  const ids = await Promise.all(
    members.map((member) => withClient(member, (client) => client.status()).catch(() => undefined)),
  );
  const leader = ids.find((status) => status !== undefined && status.leader !== 0n)?.leader;
  return Math.max(
    0,
    ids.findIndex((status) => status?.memberId === leader),
  );
}

/** A linearizable read through this member alone: it answers once it holds all that was acknowledged. */
async function viewOf(member: ClusterMember, oncePrefix: string): Promise<MemberView> {
  return await withClient(member, async (client) => {
    let lastError: unknown;
    for (let attempt = 0; attempt < 20; attempt++) {
      try {
        const [once, over] = [await client.readAll(oncePrefix), await client.readAll('over/')];
        return { name: member.name, revision: over.revision, hash: 0, keys: new Map([...once.keys, ...over.keys]) };
      } catch (error: unknown) {
        lastError = error;
        await sleep(500);
      }
    }
    throw new Error(`${member.name} cannot be read:\n${member.lines.slice(-15).join('\n')}`, { cause: lastError });
  });
}

async function withClient<T>(member: ClusterMember | undefined, use: (client: MemberClient) => Promise<T>): Promise<T> {
  const client = new MemberClient(member?.endpoint ?? '');
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

async function until(condition: () => boolean, otherwise: string, members: readonly ClusterMember[]): Promise<void> {
  const begun = performance.now();
  while (!condition()) {
    if (performance.now() - begun > 30_000) {
      throw new Error(
        `${otherwise}\n${members.map(({ name, lines }) => `${name}: ${lines.slice(-8).join(`\n${name}: `)}`).join('\n')}`,
      );
    }
    await sleep(20);
  }
}
