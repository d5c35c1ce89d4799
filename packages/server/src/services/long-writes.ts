// Writes that may be answered at length, one at a time: what they are answered comes whatever room there is, all of a batch at
// once, and takes its time while nobody else is served.

import { type Call, grpcCode, RpcError } from '@kontiki/grpc';

export class LongWrites {
  #isWriting = false;
  /** Each lets the next one begin. */
  readonly #line: (() => void)[] = [];

  /** @throws RpcError CANCELLED when its client had gone before its turn came; it was not begun. */
  async inTurn<Done>(call: Pick<Call, 'cancelled'>, write: () => Promise<Done>): Promise<Done> {
    if (this.#isWriting) await new Promise<void>((resolve) => this.#line.push(resolve));
    this.#isWriting = true;
    try {
      if (call.cancelled) throw new RpcError(grpcCode.cancelled, 'the call was given up before its turn came');
      return await write();
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#isWriting = false;
      else next();
    }
  }
}
