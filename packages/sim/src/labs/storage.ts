// What outlives the lives of a lab server. The persister of the labs saves in memory, whole and at once; the disk loses what was
// not synced when the power goes. Either is opened anew by each life.

import type {
  Completion,
  Done,
  Entry,
  Index,
  LogStore,
  Persist,
  RecoveredLog,
  SnapshotStore,
  Term,
  Ticker,
} from '@kontiki/raft';
import { MemorySnapshotDisk } from '@kontiki/raft/memory';
import { MemoryDisk, openSnapshots, openWal, tableChecksum, type WalRules } from '@kontiki/wal';
import { Chance } from '../chance.ts';

export interface OpenStorage {
  readonly log: LogStore;
  readonly snapshots: SnapshotStore;
}

export interface LabStorage {
  open(ticker: Ticker, completion: Completion<OpenStorage>): void;
  /** The life that has it open is over, at whatever it was. */
  crash(): void;
  /** Calls once when the next sync begins; it ends later. Absent where a write is durable when it is made. */
  readonly whenWriting?: (cut: () => void) => void;
}

const segmentBytes = 64 * 1024;
/** Share of the syncs that take long, and how long. */
const stallPerMille = 5;
const stallTicks = 20;

/** The labs' persister: every save is whole and durable when it was made. */
export class LabPersister implements LabStorage {
  readonly #log = new PersistedLog();
  readonly #snapshots = new MemorySnapshotDisk();

  open(ticker: Ticker, completion: Completion<OpenStorage>): void {
    completion({ kind: 'done', value: { log: this.#log.open(ticker), snapshots: this.#snapshots.open(ticker) } });
  }

  crash(): void {
    this.#log.close();
  }
}

/** Log and snapshot files on a simulated disk whose syncs take time: at a crash the power fails. */
export class LabDisk implements LabStorage {
  readonly #chance: Chance;
  readonly #disk: MemoryDisk;
  readonly #rules: { readonly rules?: WalRules };
  #ticker: Ticker | undefined;
  #cut: (() => void) | undefined;

  constructor(seed: string, name: string, rules?: WalRules) {
    this.#rules = rules === undefined ? {} : { rules };
    this.#chance = new Chance(seed, `disk of ${name}`);
    this.#disk = new MemoryDisk({
      schedule: (task, { kind }) => {
        const isSync = kind === 'fdatasync' || kind === 'syncDirectory';
        if (isSync && this.#cut !== undefined) {
          // Before what ends the sync is scheduled.
          this.#ticker?.defer(this.#cut);
          this.#cut = undefined;
        }
        if (!isSync) this.#ticker?.defer(task);
        else if (this.#chance.below(1000) < stallPerMille) this.#ticker?.after(stallTicks, task);
        else if (this.#chance.oneIn(3)) this.#ticker?.after(1, task);
        else this.#ticker?.defer(task);
      },
    });
  }

  open(ticker: Ticker, completion: Completion<OpenStorage>): void {
    this.#ticker = ticker;
    const vfs = this.#disk.mount();
    const checksum = tableChecksum;
    const later = (task: () => void): (() => void) => ticker.after(20, task);
    const rules = this.#rules;
    openWal({ vfs, checksum, segmentBytes, later, directory: '/wal', ...rules }, (log) => {
      if (log.kind === 'failed') {
        completion(log);
        return;
      }
      openSnapshots({ vfs, checksum, directory: '/snapshots', ...rules }, (snapshots) => {
        if (snapshots.kind === 'failed') completion(snapshots);
        else completion({ kind: 'done', value: { log: log.value, snapshots: snapshots.value } });
      });
    });
  }

  whenWriting(cut: () => void): void {
    this.#cut = cut;
  }

  crash(): void {
    this.#ticker = undefined;
    this.#cut = undefined;
    this.#disk.crash(() => this.#chance.oneIn(2));
  }
}

/** As `MemoryLogDisk`, but a write costs what is new in it, however long the log is. */
class PersistedLog {
  #hardState: RecoveredLog['hardState'] = { term: 0 as Term, votedFor: undefined, commit: 0 as Index };
  #base: RecoveredLog['base'] = {
    last: { term: 0 as Term, index: 0 as Index },
    configuration: { voters: [], outgoing: [], learners: [], addresses: [] },
  };
  #entries: Entry[] = [];
  #openings = 0;

  open(ticker: Ticker): LogStore {
    this.#openings += 1;
    const opening = this.#openings;
    return {
      recovered: { hardState: this.#hardState, base: this.#base, entries: this.#entries.slice() },
      append: (write: Persist, done: Done): void => {
        if (opening !== this.#openings) return;
        this.#save(write);
        ticker.defer(() => done(undefined));
      },
      close: (done: Done): void => ticker.defer(() => done(undefined)),
    };
  }

  /** What the life that has it open still does, does not arrive. */
  close(): void {
    this.#openings += 1;
  }

  #save({ hardState, base, entries }: Persist): void {
    this.#hardState = hardState ?? this.#hardState;
    if (base !== undefined) this.#rebase(base);
    const [first] = entries;
    if (first === undefined) return;
    const keep = first.index - this.#base.last.index - 1;
    if (keep < 0 || keep > this.#entries.length)
      throw new Error(`entry ${first.index} leaves a gap behind ${this.#base.last.index + this.#entries.length}`);
    this.#entries.length = keep;
    for (const entry of entries) this.#entries.push(entry);
  }

  /** §7: a snapshot that ends inside the log keeps the tail, one that contradicts or passes the log replaces it. */
  #rebase(base: RecoveredLog['base']): void {
    const { index, term } = base.last;
    const at = index - this.#base.last.index;
    const found = at === 0 ? this.#base.last.term : this.#entries[at - 1]?.term;
    if (found === term) this.#entries.splice(0, at);
    else this.#entries = [];
    this.#base = base;
  }
}
