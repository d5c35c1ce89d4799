// Every checker can go red: for each name of the registry there is at least one thing here that it must see. What the
// cluster's taps show is fed by hand; what only a whole run can show is shown by one that is made to fail.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration, Message } from '@kontiki/raft';
import { rulesOf } from '@kontiki/raft/teaching';
import { nodeHost } from '@kontiki/sim/node';
import { checkBoundedDisk } from '../../src/checkers/bounded-disk.ts';
import { EqualHash } from '../../src/checkers/equal-hash.ts';
import { type CheckerName, checkerNames, type ReportViolation } from '../../src/checkers/names.ts';
import { type WatchedChange, WatchGuarantees } from '../../src/checkers/watch-guarantees.ts';
import { Ledger } from '../../src/ledger.ts';
import { checkLinearizability } from '../../src/linearizability/checker.ts';
import { registerModel } from '../../src/linearizability/models/register.ts';
import { Oracle } from '../../src/oracle.ts';
import type { Plan } from '../../src/plan.ts';
import { type RunOptions, run, ViolationError } from '../../src/run.ts';
import { bytes, command, committed, configuration, configured, hard, index, logId, node, Taps, term } from './taps.ts';

interface Red {
  readonly title: string;
  /** Reports what it finds, or says it in `taps`. */
  readonly play: (report: ReportViolation, taps: Taps) => void | Promise<void>;
}

const envelope = (from: string, to: string, ofTerm: number) => ({ from: node(from), to: node(to), term: term(ofTerm) });

function grant(from: string, to: string, ofTerm: number): Message {
  return { ...envelope(from, to, ofTerm), kind: 'requestVoteReply', phase: 'vote', granted: true };
}

function matched(from: string, ofTerm: number, match: number): Message {
  const outcome = { kind: 'matched', match: index(match) } as const;
  return { ...envelope(from, 'a', ofTerm), kind: 'appendEntriesReply', round: 1, outcome };
}

/** a, b and c have one entry of term 1 durably, a leads and has committed it. */
function oneCommitted(taps: Taps): void {
  taps.startAll();
  taps.store('a b c', { hardState: hard(1, 'a'), entries: [command(1, 1)] });
  taps.turn('a', { role: 'leader', term: 1, last: logId(1, 1), commit: 1 });
}

/** b asks, hears a's next round, and is given its read. */
function askedByB(taps: Taps, configuration: Configuration): void {
  const seen = { role: 'leader', term: 1, last: logId(0, 0), configuration } as const;
  const round = { prev: logId(0, 0), entries: [], commit: index(0), round: 1 } as const;
  taps.turn('a', seen);
  taps.send({ ...envelope('b', 'a', 1), kind: 'readIndex', readId: 1 });
  taps.send({ ...envelope('a', 'b', 1), kind: 'appendEntries', ...round });
  taps.send(matched('b', 1, 0));
  taps.send({ ...envelope('a', 'b', 1), kind: 'readIndexReply', readId: 1, index: index(0) });
  taps.turn('a', seen);
}

function watch(
  report: ReportViolation,
  play: (
    watch: WatchGuarantees,
    event: (revision: number, key?: string) => WatchedChange & { modRevision: number },
  ) => void,
): void {
  const change = (revision: number, key: string): WatchedChange => ({
    type: 'put',
    key,
    encoded: bytes(`${key} ${revision}`),
  });
  // Revision 4 changes two keys.
  const changesOf = (revision: number): readonly WatchedChange[] =>
    revision === 4 ? [change(4, 'a'), change(4, 'b')] : [change(revision, 'a')];
  const guarantees = new WatchGuarantees('w', changesOf, report);
  guarantees.created(1);
  play(guarantees, (revision, key = 'a') => ({ ...change(revision, key), modRevision: revision }));
}

function ledger(report: ReportViolation, play: (ledger: Ledger, oracle: Oracle) => void): void {
  play(new Ledger(() => 10, report, 0), new Oracle({ learned: () => {}, violation: report }));
}

const quick = { electionTicks: 20, heartbeatTicks: 2 } as const;
const small: Partial<Plan> = { ticks: 30, faults: ['heal'], clients: 1, thinkTicks: 5, watchers: 1, settings: quick };
const paperRules = rulesOf([]) ?? assert.fail();

async function whole(report: ReportViolation, { plan, ...options }: Partial<RunOptions>): Promise<void> {
  try {
    await run(1, { host: nodeHost, size: { members: 3, seconds: 1 }, ...options, plan: { ...small, ...plan } });
  } catch (error: unknown) {
    if (!(error instanceof ViolationError)) throw error;
    for (const { checker, text } of error.violations) report(checker, text);
  }
}

const reds: Readonly<Record<CheckerName, readonly Red[]>> = {
  ElectionSafety: [
    {
      title: 'two nodes lead one term',
      play: (_, taps) => {
        taps.startAll();
        taps.turn('a', { role: 'leader', term: 1, last: logId(0, 0) });
        taps.turn('b', { role: 'leader', term: 1, last: logId(0, 0) });
      },
    },
    {
      title: 'a leader has votes of an earlier term only',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a b c', { hardState: hard(1, 'a') });
        taps.send(grant('b', 'a', 1));
        taps.turn('a', { role: 'leader', term: 2, last: logId(0, 0) });
      },
    },
    {
      title: 'two nodes speak as leaders of one term',
      play: (_, taps) => {
        taps.startAll();
        const rest = { kind: 'appendEntries', prev: logId(0, 0), entries: [], commit: index(0), round: 1 } as const;
        taps.send({ ...envelope('a', 'c', 1), ...rest });
        taps.send({ ...envelope('b', 'c', 1), ...rest });
      },
    },
  ],
  LeaderAppendOnly: [
    {
      title: 'a leader writes over its log',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.write('a', { entries: [command(1, 1)] });
      },
    },
    {
      title: 'a leader loses its end',
      play: (_, taps) => {
        taps.startAll();
        taps.turn('a', { role: 'leader', term: 1, last: logId(1, 3) });
        taps.turn('a', { role: 'leader', term: 1, last: logId(1, 2) });
      },
    },
  ],
  LogMatching: [
    {
      title: 'one id names two commands',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a', { entries: [command(1, 1, 'x')] });
        taps.store('b', { entries: [command(1, 1, 'y')] });
      },
    },
    {
      title: 'one entry follows two terms',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a', { entries: [command(1, 1), command(3, 2)] });
        taps.store('b', { entries: [command(2, 1), command(3, 2)] });
      },
    },
    {
      title: 'a write leaves a gap',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a', { entries: [command(1, 2)] });
      },
    },
    {
      title: 'a disk gives back another command',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.end('b');
        taps.start('b', { hardState: hard(1, 'a'), entries: [command(1, 1, 'rotten')] });
      },
    },
  ],
  LeaderCompleteness: [
    {
      title: 'a later leader lacks what was committed',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.store('b', { hardState: hard(2, 'b'), entries: [command(2, 1)] });
        taps.turn('b', { role: 'leader', term: 2, last: logId(2, 1) });
      },
    },
    {
      title: 'two nodes have different entries for committed',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.store('b', { entries: [command(2, 1)] });
        taps.turn('b', { term: 2, last: logId(2, 1), commit: 1 });
      },
    },
  ],
  StateMachineSafety: [
    {
      title: 'two members apply different commands',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.apply('a', [committed(1, 1)], logId(1, 1));
        taps.apply('b', [committed(1, 1, 'other')], logId(1, 1));
      },
    },
    {
      title: 'a command is left out',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.apply('a', [], logId(1, 1));
      },
    },
    {
      title: 'a command is applied again',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.apply('a', [committed(1, 1)], logId(1, 1));
        taps.apply('a', [committed(1, 1)], logId(1, 1));
      },
    },
  ],
  VoteOncePerTerm: [
    {
      title: 'two votes in one term, with a restart between them',
      play: (_, taps) => {
        taps.startAll();
        taps.store('c', { hardState: hard(1, 'a') });
        taps.end('c', 'wiped');
        taps.start('c');
        taps.store('c', { hardState: hard(1, 'b') });
      },
    },
    {
      title: 'a restarted member has forgotten its vote',
      play: (_, taps) => {
        taps.startAll();
        taps.store('c', { hardState: hard(1, 'a') });
        taps.end('c', 'killed');
        taps.start('c', { hardState: hard(1, 'a') });
        taps.turn('c', { term: 1, last: logId(0, 0) });
      },
    },
    {
      title: 'a vote leaves before it is durable',
      play: (_, taps) => {
        taps.startAll();
        taps.write('c', { hardState: hard(1, 'a') });
        taps.send(grant('c', 'a', 1));
      },
    },
    {
      title: 'a vote is asked for before the own one is durable',
      play: (_, taps) => {
        taps.startAll();
        taps.write('a', { hardState: hard(1, 'a') });
        const rest = { kind: 'requestVote', phase: 'vote', last: logId(0, 0), transfer: false } as const;
        taps.send({ ...envelope('a', 'b', 1), ...rest });
      },
    },
  ],
  MonotoneTerm: [
    {
      title: 'a term falls in memory',
      play: (_, taps) => {
        taps.startAll();
        taps.turn('a', { term: 2, last: logId(0, 0) });
        taps.turn('a', { term: 1, last: logId(0, 0) });
      },
    },
    {
      title: 'a term falls on disk',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a', { hardState: hard(2) });
        taps.store('a', { hardState: hard(1) });
      },
    },
  ],
  MonotoneCommit: [
    {
      title: 'a commit index falls',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.turn('a', { role: 'leader', term: 1, last: logId(1, 1), commit: 0 });
      },
    },
    {
      title: 'a commit index passes the end of the log',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.turn('b', { term: 1, last: logId(0, 0), commit: 1 });
      },
    },
  ],
  MonotoneApplied: [
    {
      title: 'a snapshot takes a state machine back',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.apply('a', [committed(1, 1)], logId(1, 1));
        taps.restore('a', logId(1, 1));
      },
    },
    {
      title: 'a restart loses what was reported as durable',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.flushed('a', 1);
        taps.end('a');
        taps.start('a', { hardState: hard(1, 'a'), entries: [command(1, 1)] }, 0);
      },
    },
  ],
  MonotoneRevision: [
    {
      title: 'two stores are at different revisions after one entry',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.apply('a', [committed(1, 1)], logId(1, 1), 2);
        taps.apply('b', [committed(1, 1)], logId(1, 1), 3);
      },
    },
    {
      title: 'a revision falls',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a', { entries: [command(1, 1), command(1, 2)] });
        taps.apply('a', [committed(1, 1)], logId(1, 1), 3);
        taps.apply('a', [committed(1, 2)], logId(1, 2), 2);
      },
    },
  ],
  MajorityDurable: [
    {
      title: 'a leader commits what one disk has',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a', { hardState: hard(1, 'a'), entries: [command(1, 1)] });
        taps.turn('a', { role: 'leader', term: 1, last: logId(1, 1), commit: 1 });
      },
    },
    {
      title: 'a leader commits what half of a joint configuration has',
      play: (_, taps) => {
        const joint = configuration('c d e', 'a b c');
        const base = { last: logId(0, 0), configuration: joint };
        for (const id of ['a', 'b', 'c', 'd', 'e']) taps.start(id, { base });
        taps.store('a b', { hardState: hard(1, 'a'), entries: [command(1, 1)] });
        taps.turn('a', { role: 'leader', term: 1, last: logId(1, 1), commit: 1, configuration: joint });
      },
    },
    {
      title: 'a follower is ahead of every leader',
      play: (_, taps) => {
        taps.startAll();
        taps.store('b', { entries: [command(1, 1)] });
        taps.turn('b', { term: 1, last: logId(1, 1), commit: 1 });
      },
    },
    {
      title: 'a client is told of what no leader has committed',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a', { entries: [command(1, 1)] });
        taps.apply('a', [committed(1, 1)], logId(1, 1), 2);
        taps.acknowledged('a', 2);
      },
    },
  ],
  AcknowledgedDurable: [
    {
      title: 'an acknowledgement overtakes the write',
      play: (_, taps) => {
        taps.startAll();
        taps.write('b', { hardState: hard(1), entries: [command(1, 1)] });
        taps.send(matched('b', 1, 1));
      },
    },
    {
      title: 'an acknowledgement is of a term that no disk has',
      play: (_, taps) => {
        taps.startAll();
        taps.store('b', { hardState: hard(1), entries: [command(1, 1)] });
        taps.send(matched('b', 2, 1));
      },
    },
    {
      title: 'a leader takes for stored what stands on another disk as something else',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a', { hardState: hard(2, 'a'), entries: [command(2, 1)] });
        taps.store('b', { hardState: hard(1), entries: [command(1, 1)] });
        taps.turn('a', { role: 'leader', term: 2, last: logId(2, 1), matches: { b: 1 } });
      },
    },
  ],
  DurableKept: [
    {
      title: 'a log comes back shorter',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.end('b');
        taps.start('b', { hardState: hard(1, 'a') });
      },
    },
    {
      title: 'a vote is forgotten',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.end('b');
        taps.start('b', { hardState: hard(1), entries: [command(1, 1)] });
      },
    },
    {
      title: 'a term is forgotten',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.end('b');
        taps.start('b', { hardState: hard(0), entries: [command(1, 1)] });
      },
    },
  ],
  AppliedWithinDurable: [
    {
      title: 'a command is applied that the disk has not acknowledged',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.write('a', { entries: [command(1, 2)] });
        taps.apply('a', [committed(1, 1), committed(1, 2)], logId(1, 2));
      },
    },
    {
      title: 'a command is applied that is not committed',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.apply('b', [committed(1, 1)], logId(1, 1));
        taps.turn('b', { term: 1, last: logId(1, 1), commit: 0 });
      },
    },
  ],
  LogNotCompactedPastFlushed: [
    {
      title: 'the log gives up what only memory has',
      play: (_, taps) => {
        oneCommitted(taps);
        taps.apply('a', [committed(1, 1)], logId(1, 1));
        taps.store('a', { base: { last: logId(1, 1), configuration: configuration('a b c') } });
      },
    },
  ],
  ConfigurationOverlap: [
    {
      title: 'a change of two voters at once',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a', { entries: [configured(1, 1, configuration('a d e'))] });
      },
    },
    {
      title: 'a joint configuration is left for another than it led to',
      play: (_, taps) => {
        taps.startAll();
        const joint = configured(1, 1, configuration('a b d', 'a b c'));
        taps.store('a', { entries: [joint, configured(1, 2, configuration('a b c'))] });
      },
    },
    {
      title: 'a leader begins a change before the last is committed',
      play: (_, taps) => {
        taps.startAll();
        const joint = configuration('a b d', 'a b c');
        const next = configuration('a b d');
        taps.store('a', { entries: [configured(1, 1, joint), configured(1, 2, next)] });
        taps.turn('a', { role: 'leader', term: 1, last: logId(1, 2), commit: 0, configuration: next });
      },
    },
    {
      title: 'a node uses another than the newest of its log',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a', { entries: [configured(1, 1, configuration('a b d', 'a b c'))] });
        taps.turn('a', { term: 1, last: logId(1, 1) });
      },
    },
  ],
  SnapshotConfiguration: [
    {
      title: 'a snapshot leaves the configuration of before in force',
      play: (_, taps) => {
        const joint = configuration('a b c d', 'a b c');
        taps.startAll();
        taps.store('a b', { hardState: hard(1, 'a'), entries: [configured(1, 1, joint), command(1, 2)] });
        taps.turn('a', { term: 1, last: logId(1, 2), commit: 2, applied: 2, configuration: joint });
        taps.store('c', { base: { last: logId(1, 2), configuration: configuration('a b c') } });
      },
    },
    {
      title: 'a log gives up the entry of a configuration, and forgets it',
      play: (_, taps) => {
        taps.startAll();
        taps.store('a', { entries: [configured(1, 1, configuration('a b c d', 'a b c')), command(1, 2)] });
        taps.store('a', { base: { last: logId(1, 2), configuration: configuration('a b c') } });
      },
    },
  ],
  ReadConfirmed: [
    {
      title: 'a leader answers a read that nobody but the reader can have confirmed',
      play: (_, taps) => {
        taps.startAll();
        askedByB(taps, configuration('a b c d e'));
      },
    },
    {
      title: 'a majority of the new voters alone confirms a read',
      play: (_, taps) => {
        taps.startAll();
        askedByB(taps, configuration('a b c', 'a b c d'));
      },
    },
  ],
  KnownLogOracle: [
    {
      title: 'a read is older than what had been told',
      play: (report) =>
        ledger(report, (calls, oracle) => {
          calls.wrote(calls.begin('put a', oracle), 5);
          calls.read(calls.begin('read a', oracle), 4);
        }),
    },
    {
      title: 'an acknowledged write is nowhere',
      play: (report) =>
        ledger(report, (calls, oracle) => {
          calls.wrote(calls.begin('put a', oracle), 5);
          calls.close();
        }),
    },
    {
      title: 'a compaction has forgotten what happened at its own revision',
      play: (report) =>
        ledger(report, (_, oracle) => {
          const encoded = bytes('delete a');
          const key = { type: 'delete', key: 'a', modRevision: 2, encoded, encodedWithPrevKv: () => encoded } as const;
          const history = [{ revision: 2, events: [key] }];
          const told = (revisions: typeof history) => ({ kind: 'events', revisions, next: 3, bytes: 1 }) as const;
          oracle.hear('a', { revision: 2, compactRevision: 0, eventsFrom: () => told(history) }, 2);
          oracle.hearOldest('b', { revision: 2, compactRevision: 2, eventsFrom: () => told([]) });
        }),
    },
  ],
  WatchOrdered: [
    {
      title: 'events come in another order',
      play: (report) => watch(report, (guarantees, event) => guarantees.events(3, [event(3), event(2)])),
    },
    {
      title: 'a response goes back',
      play: (report) =>
        watch(report, (guarantees, event) => {
          guarantees.events(3, [event(2), event(3)]);
          guarantees.events(3, [event(2)]);
        }),
    },
  ],
  WatchUnique: [
    {
      title: 'an event comes twice in one response',
      play: (report) => watch(report, (guarantees, event) => guarantees.events(3, [event(2), event(2), event(3)])),
    },
    {
      title: 'the last event comes once more',
      play: (report) =>
        watch(report, (guarantees, event) => {
          guarantees.events(2, [event(2)]);
          guarantees.events(2, [event(2)]);
        }),
    },
  ],
  WatchReliable: [
    {
      title: 'an event is left out',
      play: (report) => watch(report, (guarantees, event) => guarantees.events(3, [event(3)])),
    },
    {
      title: 'progress is told before the event',
      play: (report) => watch(report, (guarantees) => guarantees.progress(2)),
    },
  ],
  WatchAtomic: [
    {
      title: 'half of a revision comes',
      play: (report) => watch(report, (guarantees, event) => guarantees.events(4, [event(2), event(3), event(4)])),
    },
  ],
  WatchResumable: [
    {
      title: 'a resumed watch skips an event',
      play: (report) =>
        watch(report, (guarantees, event) => {
          guarantees.events(2, [event(2)]);
          guarantees.resumed();
          guarantees.events(4, [event(4), event(4, 'b')]);
        }),
    },
    {
      title: 'a resumed watch repeats an event',
      play: (report) =>
        watch(report, (guarantees, event) => {
          guarantees.events(2, [event(2)]);
          guarantees.resumed();
          guarantees.events(3, [event(2), event(3)]);
        }),
    },
    {
      title: 'a watch is said to be overtaken when it was not',
      play: (report) =>
        watch(report, (guarantees, event) => {
          guarantees.events(3, [event(2), event(3)]);
          guarantees.overtaken(4);
        }),
    },
  ],
  LeaseNotEarly: [
    {
      title: 'a lease ends before its time',
      play: (report) =>
        ledger(report, (calls) => {
          calls.granted(7n, { ttl: 100, began: 0, revision: 5 });
          calls.foundNoLease(7n);
        }),
    },
  ],
  EqualHash: [
    {
      title: 'two members have two checksums at one revision',
      play: (report) => {
        const hashes = new EqualHash(report);
        hashes.told('a', { hashRevision: 3, compactRevision: 1 }, 17);
        hashes.told('b', { hashRevision: 3, compactRevision: 1 }, 18);
      },
    },
  ],
  BoundedDisk: [
    {
      title: 'two snapshots are left',
      play: (report) => checkBoundedDisk(report, 'a', { snapshots: ['1', '2'], segments: 1, segmentsMax: 2 }),
    },
    {
      title: 'segments pile up',
      play: (report) => checkBoundedDisk(report, 'a', { snapshots: [], segments: 3, segmentsMax: 2 }),
    },
  ],
  BoundedMemory: [
    { title: 'reads pile up', play: (_, taps) => taps.held('a', { readsWaiting: 11 }) },
    { title: 'the log grows', play: (_, taps) => taps.held('a', { logEntries: 101 }) },
  ],
  Liveness: [
    {
      title: 'no majority is ever enough',
      play: (report) => whole(report, { rules: { core: { ...paperRules, majority: (voters) => voters + 1 } } }),
    },
    {
      title: 'a leader that no majority answers leads on beside the next one',
      play: (report) =>
        whole(report, {
          plan: { ticks: 600 },
          rules: { core: { ...paperRules, resigns: () => false } },
          inputs: ['n1>n2,n2>n1,n1>n3,n3>n1', 'n2>n1,n1>n2,n2>n3,n3>n2', 'n3>n1,n1>n3,n3>n2,n2>n3'].flatMap(
            (links, part) => [
              { at: 100 + 150 * part, input: { kind: 'cut', shape: 'isolate', links } },
              { at: 249 + 150 * part, input: { kind: 'healNetwork' } },
            ],
          ),
        }),
    },
    {
      title: 'whoever was cut off stays in its later term, and the leader does not heed it',
      play: (report) =>
        whole(report, {
          plan: { ticks: 600, settings: { ...quick, preVote: false } },
          rules: { core: { ...paperRules, heedsTerm: (kind) => kind !== 'appendEntriesReply' } },
          inputs: [
            { at: 100, input: { kind: 'cut', shape: 'isolate', links: 'n1>n2,n2>n1,n1>n3,n3>n1' } },
            { at: 200, input: { kind: 'healNetwork' } },
          ],
        }),
    },
  ],
  NoStrayRejection: [
    {
      title: 'a promise is rejected with nobody listening',
      play: (report) =>
        whole(report, {
          host: {
            turn: () => nodeHost.turn(),
            onStray: (listener) => {
              listener(new Error('nobody hears this'));
              return () => {};
            },
          },
        }),
    },
  ],
  FailStop: [
    {
      title: 'a member stops itself on a disk that works',
      play: (report) => {
        const majority = (): never => {
          throw new Error('an invariant is broken');
        };
        return whole(report, { rules: { core: { ...paperRules, majority } } });
      },
    },
  ],
  KnownErrors: [
    {
      title: 'a call fails with an error that says nothing',
      play: (report) =>
        whole(report, { plan: { ticks: 300, valueBytes: 20_000, settings: { ...quick, commandBytesMax: 100 } } }),
    },
  ],
  Linearizability: [
    {
      title: 'a read goes back',
      play: (report) => {
        const one = { client: 'c', input: { kind: 'write', key: 'a', value: '1' } } as const;
        const read = { client: 'c', input: { kind: 'read', key: 'a' } } as const;
        const verdict = checkLinearizability(registerModel, [
          { ...one, began: 1, answer: { at: 2, output: { kind: 'written' } } },
          { ...read, began: 3, answer: { at: 4, output: { kind: 'value', value: undefined } } },
        ]);
        if (verdict.kind !== 'linearizable') report('Linearizability', verdict.text);
      },
    },
  ],
};

for (const name of checkerNames) {
  for (const { title, play } of reds[name]) {
    test(`${name} goes red: ${title}`, async () => {
      const taps = new Taps({ readsWaiting: 10, logEntries: 100 });
      const found: CheckerName[] = [];

      await play((checker) => void found.push(checker), taps);

      const names = [...found, ...taps.names];
      assert.ok(names.includes(name), `it saw ${names.join(', ') || 'nothing'}`);
    });
  }
}

test('no checker is without a red test', () => {
  for (const name of checkerNames) assert.ok(reds[name].length > 0, name);
});

test('a lease that is granted anew is not ended by the end of its former life, told late', () => {
  const none = new Uint8Array(0);
  const before = { key: 'k', createRevision: 2, modRevision: 2, version: 1, value: none, lease: 7n };
  const foundAt = (revision: number): number => {
    let found = 0;
    ledger(
      () => {
        found += 1;
      },
      (calls) => {
        calls.granted(7n, { ttl: 100, began: 0, revision: 5 });
        const common = { revision, key: 'k', encoded: none, kv: undefined, decoded: undefined };
        calls.learned(revision, [{ ...common, type: 'delete', before }]);
      },
    );
    return found;
  };
  assert.deepEqual([foundAt(5), foundAt(6)], [0, 1]);
});

test('a cluster that obeys is not found fault with', () => {
  const taps = new Taps({ readsWaiting: 10, logEntries: 100 });
  const joint = configuration('a b d', 'a b c');
  const next = configuration('a b d');

  taps.startAll();
  taps.store('a', { hardState: hard(1, 'a') });
  taps.store('b c', { hardState: hard(1, 'a') });
  taps.send(grant('b', 'a', 1));
  taps.send(grant('c', 'a', 1));
  const own = taps.write('a', { entries: [command(1, 1)] });
  taps.turn('a', { role: 'leader', term: 1, last: logId(1, 1) });
  taps.store('b c', { entries: [command(1, 1)] });
  taps.send(matched('b', 1, 1));
  taps.turn('a', { role: 'leader', term: 1, last: logId(1, 1), commit: 1 });
  own();
  taps.apply('a', [committed(1, 1)], logId(1, 1), 2);
  taps.acknowledged('a', 2);
  taps.flushed('a', 1);
  taps.store('a', { base: { last: logId(1, 1), configuration: configuration('a b c') } });
  taps.store('a b', { entries: [configured(1, 2, joint)] });
  taps.start('d');
  taps.store('d', { hardState: hard(1), entries: [command(1, 1), configured(1, 2, joint)] });
  taps.turn('a', { role: 'leader', term: 1, last: logId(1, 2), commit: 2, applied: 1, configuration: joint });
  taps.store('a b d', { entries: [configured(1, 3, next)] });
  taps.turn('a', { role: 'leader', term: 1, last: logId(1, 3), commit: 3, applied: 1, configuration: next });
  // Without an answer, a write may be on the disk or not.
  taps.write('c', { entries: [configured(1, 2, joint)] });
  taps.end('c');
  taps.start('c', { hardState: hard(1, 'a'), entries: [command(1, 1)] });
  taps.held('a', { readsWaiting: 10, logEntries: 100 });

  assert.deepEqual(taps.found, []);
});
