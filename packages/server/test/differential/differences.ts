/**
 * Where ours is meant to answer otherwise than etcd 3.4.23. The list is the table "Differences" of docs/etcd-api.md and
 * nowhere else; each row that begins with one of the words below is held against every answer, and a row that no run
 * meets is as wrong as a difference that no row names.
 *
 *   `status RPC`       cells are `OK` or `Code: text`
 *   `field MESSAGE.f`  cells are values as this tool prints them, or `any`
 *   `transcript NAME`  cells are summaries of what a watch stream answered to a fixed series of requests
 *
 * A `*` at the end of a cell stands for any rest. Rows of other kinds are for people.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface DifferenceRow {
  readonly id: string;
  readonly where: string;
  readonly kind: 'version' | 'intent';
  readonly ours: string;
  readonly theirs: string;
  readonly reason: string;
}

export const documentation: string = fileURLToPath(new URL('../../../../docs/etcd-api.md', import.meta.url));

export class Differences {
  static readonly none: Differences = new Differences([]);

  readonly #rows = new Map<string, DifferenceRow[]>();
  readonly #met = new Set<string>();

  constructor(rows: readonly DifferenceRow[]) {
    for (const row of rows) {
      if (!/^(status|field|transcript) /.test(row.where)) continue;
      this.#rows.set(row.where, [...(this.#rows.get(row.where) ?? []), row]);
    }
  }

  /** `undefined`: no row speaks of this field. Else whether the pair of values is the one that is listed. */
  field(name: string, reference: string, target: string): boolean | undefined {
    return this.#rows.has(`field ${name}`) ? this.#listed(`field ${name}`, reference, target) : undefined;
  }

  /** Whether this pair of outcomes of an RPC is listed. */
  status(rpc: string, reference: string, target: string): boolean {
    return this.#listed(`status ${rpc}`, reference, target);
  }

  /** `undefined`: the transcripts must be equal. */
  transcript(name: string, reference: string, target: string): boolean | undefined {
    return this.#rows.has(`transcript ${name}`) ? this.#listed(`transcript ${name}`, reference, target) : undefined;
  }

  /** Rows that nothing has exercised. */
  unmet(): readonly string[] {
    return [...this.#rows.values()].flat().flatMap((row) => (this.#met.has(row.id) ? [] : [`${row.id}: ${row.where}`]));
  }

  #listed(where: string, reference: string, target: string): boolean {
    for (const row of this.#rows.get(where) ?? []) {
      if (!fits(row.theirs, reference) || !fits(row.ours, target)) continue;
      this.#met.add(row.id);
      return true;
    }
    return false;
  }
}

/** The rows of the table under the heading "Differences" of a Markdown text. */
export function readDifferences(markdown: string): readonly DifferenceRow[] {
  const [, section = ''] = markdown.split(/^## Differences$/m);
  const lines = (section.split(/^## /m)[0] ?? '').split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => {
    const cells = line
      .slice(1, line.lastIndexOf('|'))
      .split(/(?<!\\)\|/)
      .map((cell) =>
        cell
          .trim()
          .replaceAll('\\|', '|')
          .replace(/^`([^`]*)`$/, '$1'),
      );
    const [id = '', where = '', kind = '', ours = '', theirs = '', reason = ''] = cells;
    if (cells.length !== 6 || reason === '') throw new Error(`not a row of six cells: ${line}`);
    if (kind !== 'version' && kind !== 'intent') throw new Error(`${id}: kind is neither version nor intent`);
    return { id, where, kind, ours, theirs, reason };
  });
}

export function documentedDifferences(): Differences {
  return new Differences(readDifferences(readFileSync(documentation, 'utf8')));
}

function fits(cell: string, text: string): boolean {
  if (cell === 'any') return true;
  return cell.endsWith('*') ? text.startsWith(cell.slice(0, -1)) : text === cell;
}
