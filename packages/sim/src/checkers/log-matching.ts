// Log Matching (figure 3, §5.3) over a cluster: every entry that is handed to a log or recovered from one names the same
// command and follows the same term wherever it is seen.

import type { Entry, LogId, Term } from '@kontiki/raft';
import { LogMatching } from '@kontiki/raft/story';
import type { Checker } from './checker.ts';
import type { ReportViolation } from './names.ts';
import type { NodeRecord } from './node-record.ts';

export class ClusterLogMatching implements Checker {
  readonly #report: ReportViolation;
  readonly #known = new LogMatching();

  constructor(report: ReportViolation) {
    this.#report = report;
  }

  find(id: LogId): Entry | undefined {
    return this.#known.find(id);
  }

  started(node: NodeRecord, { base, entries }: Parameters<NonNullable<Checker['started']>>[1]): void {
    this.#look(node, base.last.term, entries);
  }

  handedToLog(node: NodeRecord, write: Parameters<NonNullable<Checker['handedToLog']>>[1]): void {
    const [first] = write.entries;
    if (first === undefined) return;
    const previous = node.written.previousOf(write);
    if (previous !== undefined) this.#look(node, previous, write.entries);
    else this.#report('LogMatching', `${node.id} writes ${first.index} after ${node.written.lastIndex}`);
  }

  #look(node: NodeRecord, before: Term, entries: readonly Entry[]): void {
    let previous = before;
    for (const entry of entries) {
      const violation = this.#known.saw(node.id, entry, previous);
      if (violation !== undefined) {
        this.#report('LogMatching', violation.text);
        return;
      }
      previous = entry.term;
    }
  }
}
