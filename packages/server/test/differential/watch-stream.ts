/** One watch stream of one side: what came, kept apart by watch id, and the means to wait for it without polling. */

import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { WatchRequest, WatchResponse } from '@kontiki/etcd-proto';

/** Everything that arrived for one watch id, in order, as far as it has not been compared yet. */
export interface WatchLog {
  responses: WatchResponse[];
  /** Events since the id was last created. */
  events: number;
  cancels: number;
}

export class WatchStream {
  readonly #call: ClientDuplexStream<WatchRequest, WatchResponse>;
  readonly #logs = new Map<bigint, WatchLog>();
  readonly #created: WatchResponse[] = [];
  /** Every response as it came, if the stream is recorded. */
  readonly transcript: WatchResponse[] = [];
  readonly #isRecorded: boolean;
  #failure: string | undefined;
  #onChange: () => void = () => undefined;

  constructor(call: ClientDuplexStream<WatchRequest, WatchResponse>, options: { readonly isRecorded: boolean }) {
    this.#call = call;
    this.#isRecorded = options.isRecorded;
    call.on('data', (response: WatchResponse) => {
      this.#take(response);
      this.#onChange();
    });
    call.on('error', (error: ServiceError) => {
      this.#failure = `the stream ended: ${error.details}`;
      this.#onChange();
    });
    call.on('end', () => {
      this.#failure ??= 'the stream ended';
      this.#onChange();
    });
  }

  send(request: WatchRequest): void {
    this.#call.write(request);
  }

  log(watchId: bigint): WatchLog {
    const known = this.#logs.get(watchId);
    if (known !== undefined) return known;
    const log: WatchLog = { responses: [], events: 0, cancels: 0 };
    this.#logs.set(watchId, log);
    return log;
  }

  get watchIds(): readonly bigint[] {
    return [...this.#logs.keys()];
  }

  /** The next answer to a create request, in order; answers on one stream come in the order of their requests. */
  async nextCreated(seconds: number): Promise<WatchResponse | undefined> {
    await this.waitUntil(() => this.#created.length > 0, seconds);
    return this.#created.shift();
  }

  /** False if the condition did not become true in time, or cannot any more. */
  waitUntil(condition: () => boolean, seconds: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (result: boolean): void => {
        clearTimeout(timer);
        this.#onChange = () => undefined;
        resolve(result);
      };
      const timer = setTimeout(() => finish(condition()), seconds * 1000);
      this.#onChange = () => {
        if (condition()) finish(true);
        else if (this.#failure !== undefined) finish(false);
      };
    });
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  close(): void {
    this.#call
      .removeAllListeners('data')
      .removeAllListeners('error')
      .on('error', () => undefined);
    this.#call.cancel();
  }

  #take(response: WatchResponse): void {
    if (this.#isRecorded) this.transcript.push(response);
    if (response.created) {
      this.#created.push(response);
      if (!response.canceled) Object.assign(this.log(response.watchId), { events: 0 });
      return;
    }
    const log = this.log(response.watchId);
    log.responses.push(response);
    log.events += response.events.length;
    if (response.canceled) log.cancels += 1;
  }
}
