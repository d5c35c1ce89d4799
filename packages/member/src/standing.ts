// What this member is in its cluster, as of what is applied here: a voter, a learner, or removed for good.

import type { Configuration, Logger, NodeId } from '@kontiki/raft';
import { decodeRemoved, joiningName, memberIdOf, removedName } from './roster.ts';

export interface StandingOptions {
  readonly self: NodeId;
  readonly record: (name: string) => Uint8Array | undefined;
  readonly logger: Logger | undefined;
  /** Members that were removed, whenever there are others than before: for the transport, which tells them. */
  readonly removedMembers: ((ids: readonly bigint[]) => void) | undefined;
}

export class Standing {
  readonly #options: StandingOptions;
  readonly #listeners: (() => void)[] = [];
  #wasMember = false;
  #isRemoved = false;
  #isLearner = false;
  #removedRecord: Uint8Array | undefined;

  constructor(options: StandingOptions) {
    this.#options = options;
    this.lookAtRecords();
  }

  get isLearner(): boolean {
    return this.#isLearner;
  }

  onRemoved(listener: () => void): void {
    if (this.#isRemoved) listener();
    else this.#listeners.push(listener);
  }

  /** This configuration is applied. Whoever joins reads of older ones, in which it was not a member yet. */
  configured(configuration: Configuration): void {
    const { self, record } = this.#options;
    const isLearner = configuration.learners.includes(self);
    const isMember = isLearner || configuration.voters.includes(self) || configuration.outgoing.includes(self);
    this.#isLearner = isLearner && record(joiningName(memberIdOf(self))) === undefined;
    if (isMember) this.#wasMember = true;
    else if (this.#wasMember) this.removed('the configuration without this member is committed');
  }

  /** Records may have changed. */
  lookAtRecords(): void {
    const record = this.#options.record(removedName);
    if (record === undefined || record === this.#removedRecord) return;
    this.#removedRecord = record;
    const ids = decodeRemoved(record);
    this.#options.removedMembers?.(ids);
    if (ids.includes(memberIdOf(this.#options.self))) this.removed('this member is among those that were removed');
  }

  /** For good; from its own log, or since another member said so. */
  removed(how: string): void {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    const { self, logger } = this.#options;
    logger?.({ level: 'warn', message: 'this member was removed from the cluster', fields: { member: self, how } });
    for (const listener of this.#listeners) listener();
  }
}
