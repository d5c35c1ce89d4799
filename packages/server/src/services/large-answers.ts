// Answers that may be as large as the store: each is made when its client has read what it asked for before, and when there is
// memory for it. How large that of a read becomes is guessed from how large rows were lately, and known once it is measured.

import type { Answer, Call } from '@kontiki/grpc';
import type { DeleteRangeResult, KvError, PutResult, RangeRequest, RangeResult, TxnResult } from '@kontiki/kv';
import type { Member } from '@kontiki/member';
import { type MeasuredResponse, measuredResponse } from './kv-responses.ts';
import type { Headers } from './response-header.ts';

/** Such answers are made whatever else waits. */
const smallBytesMax = 65_536;
/** Of writes that were done, what waits for memory. What is beyond it is sent, and whoever holds the most goes. */
const waitingBytesMax = 128 * 2 ** 20;
/** The usual row counts for so much of the guess, at least. */
const olderPart = 7 / 8;
const nothing = new Uint8Array(0);

/** What of a call is asked here. */
type Asker = Pick<Call, 'room' | 'made' | 'cancelled'>;

export class LargeAnswers {
  readonly #store: Member['store'];
  readonly #headers: Headers;
  /** Bytes of a row, as the large answers of late had them. */
  #rowBytes = 0;
  /** Of writes that were done. */
  #waitingBytes = 0;

  constructor({ store }: Member, headers: Headers) {
    this.#store = store;
    this.#headers = headers;
  }

  /** @throws what `unwrap` throws. */
  async range(
    request: RangeRequest,
    call: Asker,
    unwrap: (result: RangeResult | KvError) => RangeResult,
  ): Promise<Answer> {
    return await this.#answer(call, this.#guess(request), () => {
      const result = unwrap(this.#store.range(request));
      return { result, rows: result.kvs.length };
    });
  }

  async readTxn(call: Asker, ask: () => TxnResult): Promise<Answer> {
    return await this.#answer(call, 0, () => ({ result: ask(), rows: 0 }));
  }

  /** Of what is done already, whether its client takes the answer or not. */
  written(call: Asker, result: PutResult | DeleteRangeResult | TxnResult): Answer | Promise<Answer> {
    const response = measuredResponse(result, this.#headers.encoded(result.revision));
    const { size } = response;
    if (size <= smallBytesMax) return response.encode();
    if (this.#waitingBytes > 0 && this.#waitingBytes + size > waitingBytesMax) return response.encode();
    return this.#whenThereIsRoom(call, response);
  }

  async #whenThereIsRoom(call: Asker, response: MeasuredResponse): Promise<Answer> {
    this.#waitingBytes += response.size;
    try {
      for (;;) {
        const room = call.room(response.size);
        if (room !== undefined) await room;
        if (call.cancelled) return nothing;
        if (call.made(response.size)) return response.encode();
      }
    } finally {
      this.#waitingBytes -= response.size;
    }
  }

  async #answer(
    call: Asker,
    guess: number,
    ask: () => { readonly result: RangeResult | TxnResult; readonly rows: number },
  ): Promise<Answer> {
    let bytes = guess;
    for (;;) {
      const room = call.room(bytes);
      if (room !== undefined) await room;
      if (call.cancelled) return nothing;
      const { result, rows } = ask();
      const response = measuredResponse(result, this.#headers.encoded(result.revision));
      if (response.size <= smallBytesMax) return response.encode();
      if (rows > 0) this.#rowBytes = Math.max(response.size / rows, this.#rowBytes * olderPart);
      if (call.made(response.size)) return response.encode();
      bytes = response.size;
    }
  }

  /** 0 for what is small, and where it would cost much to know. */
  #guess(request: RangeRequest): number {
    const isLatest = request.revision <= 0;
    if (request.rangeEnd === '' || !isLatest || request.countOnly || request.keysOnly) return 0;
    const counted = this.#store.range({ ...request, countOnly: true });
    if (counted.kind === 'error') return 0;
    const rows = request.limit > 0 ? Math.min(request.limit, counted.count) : counted.count;
    const bytes = rows * this.#rowBytes;
    return bytes <= smallBytesMax ? 0 : bytes;
  }
}
