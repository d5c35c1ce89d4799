/** Holds two answers against each other and gathers what does not agree, in the light of the rules and the list. */

import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { type WatchResponse, WatchResponseSchema } from '@kontiki/etcd-proto';
import { type CompareContext, compareMessages, type Discrepancy } from './compare.ts';
import type { Coverage } from './coverage.ts';
import type { Differences } from './differences.ts';
import type { Identities } from './identities.ts';
import { comparePairs } from './watch-compare.ts';

export interface Grounds {
  readonly identities: Identities;
  readonly differences: Differences;
  readonly coverage: Coverage;
}

export class Judge {
  readonly #grounds: Grounds;
  readonly #found: Discrepancy[] = [];

  constructor(grounds: Grounds) {
    this.#grounds = grounds;
  }

  /** What was found since the last call. */
  take(): readonly Discrepancy[] {
    return this.#found.splice(0);
  }

  report(path: string, reference: string, target: string): void {
    this.#found.push({ path, reference, target });
  }

  /** `endpoint`: which of the target's members answered. */
  compareReplies<Desc extends DescMessage>(
    schema: Desc,
    reference: MessageShape<Desc>,
    target: MessageShape<Desc>,
    endpoint: number,
  ): void {
    this.#grounds.coverage.sawMessage(schema, reference);
    this.#found.push(...compareMessages(schema, reference, target, this.#context(endpoint)));
  }

  /** Takes the pairs out of both lists; what has no partner stays. */
  comparePairs(reference: WatchResponse[], target: WatchResponse[], isSynced: boolean, endpoint: number): void {
    const { coverage } = this.#grounds;
    for (const response of reference) {
      coverage.sawMessage(WatchResponseSchema, response);
      if (response.cancelReason !== '') coverage.sawError(`Watch canceled: ${response.cancelReason}`);
    }
    this.#found.push(...comparePairs(reference, target, isSynced, this.#context(endpoint)));
  }

  /** Outcomes of which at least one is an error: `OK` or `Code: text`. */
  compareStatus(rpc: string, reference: string, target: string): void {
    this.#grounds.coverage.sawError(reference);
    if (this.#grounds.differences.status(rpc, reference, target)) return;
    if (reference !== target) this.report(`status ${rpc}`, reference, target);
  }

  compareTranscripts(name: string, reference: string, target: string): void {
    const listed = this.#grounds.differences.transcript(name, reference, target);
    if (!(listed ?? reference === target)) this.report(`transcript ${name}`, reference, target);
  }

  #context(endpoint: number): CompareContext {
    const { identities, differences } = this.#grounds;
    return { identities, differences, endpoint };
  }
}
