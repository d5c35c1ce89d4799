/** The same watch stream on both sides: what is asked of one is asked of the other, at the same time. */

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { WatchRequestSchema, type WatchResponse } from '@kontiki/etcd-proto';
import type { Coverage } from './coverage.ts';
import type { Side } from './side.ts';
import type { WatchStream } from './watch-stream.ts';

export interface Sides {
  readonly reference: Side;
  readonly target: Side;
  /** How long an answer on a stream may take. */
  readonly answerSecondsMax: number;
}

export class StreamPair {
  readonly #reference: WatchStream;
  readonly #target: WatchStream;
  readonly #secondsMax: number;

  constructor({ reference, target, answerSecondsMax }: Sides, at: number, options = { isRecorded: false }) {
    this.#reference = reference.openWatch(at, options);
    this.#target = target.openWatch(at, options);
    this.#secondsMax = answerSecondsMax;
  }

  send(request: MessageInitShape<typeof WatchRequestSchema>, coverage: Coverage): void {
    const message = create(WatchRequestSchema, request);
    coverage.sawMessage(WatchRequestSchema, message);
    this.#reference.send(message);
    this.#target.send(message);
  }

  /** The reference's answer first, in this and all that follows. */
  ask<T>(question: (stream: WatchStream) => T): readonly [T, T] {
    return [question(this.#reference), question(this.#target)];
  }

  /** Whether the condition came true in time. */
  waitUntil(condition: (stream: WatchStream) => boolean): Promise<readonly [boolean, boolean]> {
    return this.#wait((stream) => stream.waitUntil(() => condition(stream), this.#secondsMax));
  }

  /** The next answer to a create request. */
  nextCreated(): Promise<readonly [WatchResponse | undefined, WatchResponse | undefined]> {
    return this.#wait((stream) => stream.nextCreated(this.#secondsMax));
  }

  close(): void {
    this.#reference.close();
    this.#target.close();
  }

  async #wait<T>(question: (stream: WatchStream) => Promise<T>): Promise<readonly [T, T]> {
    return Promise.all([question(this.#reference), question(this.#target)]);
  }
}
