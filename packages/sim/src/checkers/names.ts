// Every property that a run is judged by: its name, as violations and mutants say it, and what it claims.

export const checkerClaims = {
  ElectionSafety: 'At most one leader can be elected in a term (figure 3), and by the votes of a majority (§5.2).',
  LeaderAppendOnly: 'A leader never overwrites or deletes entries in its log; it only appends (figure 3, §5.3).',
  LogMatching: 'Two logs that hold an entry with the same index and term are identical up to it (figure 3, §5.3).',
  LeaderCompleteness: 'What was committed in a term is in the log of the leaders of all later ones (figure 3, §5.4).',
  StateMachineSafety: 'No two members apply different entries at one index, and none skips one (figure 3, §5.4.3).',
  VoteOncePerTerm: 'A member votes once in a term, and no vote leaves before it is durable (§5.2, figure 2).',
  MonotoneTerm: 'The term of a member never falls, nor does that on its disk (figure 2).',
  MonotoneCommit: 'The commit index of a process never falls (figure 2).',
  MonotoneApplied: 'A state machine never goes back, but by a restart to what it had made durable (figure 2).',
  MonotoneRevision: 'The revision of a store grows with the applied index, and the same way on every member.',
  MajorityDurable: 'What is committed or acknowledged is durable on a majority, of both halves while joint (§5.3).',
  AcknowledgedDurable: 'A leader hears, and takes for stored, only what the disk of a follower has (thesis §10.2.1).',
  DurableKept: 'What a disk has acknowledged is there after a restart, unless it was wiped (figure 2).',
  AppliedWithinDurable: 'Nothing is applied that is not committed and durable on the same member.',
  LogNotCompactedPastFlushed: 'The log gives up only what the state machine or a snapshot holds durably (§7).',
  ConfigurationOverlap: 'Configurations follow each other by joint consensus, one uncommitted at a time (thesis §4.3).',
  SnapshotConfiguration: 'A log that has lost its beginning begins with the configuration as of there (§7).',
  ReadConfirmed: 'A read is served once a majority, of both halves while joint, has answered since (thesis §6.4).',
  KnownLogOracle: 'Every answer to a client agrees with the one history that all members tell (§8).',
  WatchOrdered: 'Events of a watch come in the order of revisions.',
  WatchUnique: 'No event of a watch comes twice.',
  WatchReliable: 'No event of a watch is left out.',
  WatchAtomic: 'The events of one revision come whole.',
  WatchResumable: 'A watch that goes on after a break neither skips nor repeats.',
  LeaseNotEarly: 'A lease never ends before its time, nor by a leader that was deposed.',
  EqualHash: 'Members at one revision have one checksum.',
  BoundedDisk: 'What is left on disks is bounded by what must be kept, not by what was written.',
  BoundedMemory: 'Logs, queues, overlays and waiting calls stay within their limits.',
  Liveness: 'Once a majority is healed, it makes progress, and everybody catches up.',
  NoStrayRejection: 'No promise is rejected with nobody listening.',
  FailStop: 'A member stops itself on a broken disk, and for no other reason.',
  KnownErrors: 'A call fails only with an error that says whether it may have had an effect.',
  Linearizability: 'The calls of clients have an order that explains every answer (Wing and Gong).',
} as const;

export type CheckerName = keyof typeof checkerClaims;

export const checkerNames: readonly CheckerName[] = Object.keys(checkerClaims).filter(isCheckerName);

export function isCheckerName(name: string): name is CheckerName {
  return Object.hasOwn(checkerClaims, name);
}

/** Where a checker says what it found: both facts that clash, in one sentence. */
export type ReportViolation = (checker: CheckerName, text: string) => void;
