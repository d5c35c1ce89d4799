// What recovery answers in every case, as a table. The facts are gathered in `survey.ts` and the answer is carried out in
// `opening.ts`; this file only decides. docs/wal-format.md shows the same table, and a test keeps the two equal.

import { InvariantError } from './errors.ts';

/** What was found in the directory, up to the first thing that is out of order. Columns are explained in the docs. */
export interface Facts {
  readonly format: 'known' | 'newer';
  readonly segments: 'none' | 'some';
  readonly slot: 'absent' | 'unreadable' | 'readable';
  readonly header: 'sound' | 'damaged' | 'short';
  readonly link: 'follows' | 'missing' | 'breaks';
  readonly frames: 'end' | 'broken' | 'nonsense';
  readonly place: 'earlier' | 'last';
  readonly first: 'whole' | 'broken';
  readonly behind: 'nothing' | 'laterBatch';
  readonly front: 'reached' | 'missing';
  readonly claim: 'none' | 'within' | 'beyond';
}

export const columns: readonly (keyof Facts)[] = [
  'format',
  'segments',
  'slot',
  'header',
  'link',
  'frames',
  'place',
  'first',
  'behind',
  'front',
  'claim',
];

export type RecoveryOutcome =
  /** Nothing was ever acknowledged here: begin a log. */
  | 'create'
  /** All batches are whole. */
  | 'open'
  /** The last batch was never acknowledged: keep it aside and go on without it. */
  | 'cutTail'
  /** Something acknowledged is gone: stop. */
  | 'corrupt'
  /** Written by a newer program: stop. */
  | 'refuse';

export interface Row {
  readonly id: string;
  /** The cells that matter; the others are "don't care". */
  readonly when: Partial<Facts>;
  readonly outcome: RecoveryOutcome;
  readonly why: string;
}

/** The first row that fits decides. */
export const recoveryTable: readonly Row[] = [
  {
    id: 'A',
    when: { format: 'newer' },
    outcome: 'refuse',
    why: 'a file has a newer format',
  },
  {
    id: 'B',
    when: { segments: 'none', slot: 'absent' },
    outcome: 'create',
    why: 'the directory is new',
  },
  {
    id: 'C',
    when: { segments: 'none', slot: 'readable', claim: 'none' },
    outcome: 'create',
    why: 'the log was being created when the process stopped',
  },
  {
    id: 'D',
    when: { segments: 'none', slot: 'readable' },
    outcome: 'corrupt',
    why: 'all segments are gone',
  },
  {
    id: 'E',
    when: { slot: 'unreadable' },
    outcome: 'corrupt',
    why: 'both slots of the durable index are damaged',
  },
  {
    id: 'F',
    when: { slot: 'absent' },
    outcome: 'corrupt',
    why: 'the file of the durable index is gone',
  },
  {
    id: 'G',
    when: { link: 'missing' },
    outcome: 'corrupt',
    why: 'a segment between others is gone',
  },
  {
    id: 'H',
    when: { header: 'damaged' },
    outcome: 'corrupt',
    why: 'the header of a segment is damaged',
  },
  {
    id: 'I',
    when: { header: 'short' },
    outcome: 'corrupt',
    why: 'a segment is shorter than its header says',
  },
  {
    id: 'J',
    when: { link: 'breaks' },
    outcome: 'corrupt',
    why: 'a segment does not follow from the one before it, which lost its end or was exchanged',
  },
  {
    id: 'K',
    when: { frames: 'nonsense' },
    outcome: 'corrupt',
    why: 'a record with a right checksum says what no writer says',
  },
  {
    id: 'L',
    when: { place: 'earlier', frames: 'broken' },
    outcome: 'corrupt',
    why: 'a batch in an older segment is damaged, and it was acknowledged before the next segment began',
  },
  {
    id: 'M',
    when: { first: 'broken' },
    outcome: 'corrupt',
    why: 'the first batch of a segment is damaged, and it was durable before the segment had its name',
  },
  {
    id: 'N',
    when: { behind: 'laterBatch' },
    outcome: 'corrupt',
    why: 'a batch is damaged, and a later one behind it proves that it was acknowledged',
  },
  {
    id: 'O',
    when: { claim: 'beyond' },
    outcome: 'corrupt',
    why: 'the log ends before the durable index: acknowledged batches are damaged or gone',
  },
  {
    id: 'P',
    when: { front: 'missing' },
    outcome: 'corrupt',
    why: 'the oldest segments are gone, though the log is not yet based behind them',
  },
  {
    id: 'Q',
    when: { frames: 'broken' },
    outcome: 'cutTail',
    why: 'the last batch was torn before it was acknowledged',
  },
  {
    id: 'R',
    when: { frames: 'end' },
    outcome: 'open',
    why: 'every batch is whole',
  },
];

export function decide(facts: Facts): Row {
  const row = recoveryTable.find(({ when }) =>
    columns.every((column) => when[column] === undefined || when[column] === facts[column]),
  );
  // Row R fits whatever the rows before it left.
  if (row === undefined) throw new InvariantError(`no row for ${JSON.stringify(facts)}`);
  return row;
}
