// How a session's client reaches a member: one port, and ways to fill it from what an embedder has.

import type { NodeId } from '../core/api.ts';
import type { RequestOutcome, Ticker, Transport } from '../driver/ports.ts';

export interface SessionEndpoint {
  /**
   * Brings a request to a member and its answer back. Always calls `answer`, once, after `request` has returned, and at the
   * latest after `timeoutTicks`. `lost` unless it is certain that the member never saw the request. A request that arrives
   * twice is executed once all the same; but with a network that doubles, `SessionExpiredError.effect` may say `none` of a
   * command whose other copy came in time.
   */
  request(body: Uint8Array, timeoutTicks: number, answer: (outcome: RequestOutcome) => void): void;
}

/** A member in this process: a `SessionHost`, or anything that answers with one. */
export function localEndpoint(
  host: { handle(request: Uint8Array, reply: (answer: Uint8Array) => void): void },
  ticker: Ticker,
): SessionEndpoint {
  return {
    request: (body, timeoutTicks, answer): void => {
      const finish = onceWithin(ticker, timeoutTicks, answer);
      ticker.defer(() => host.handle(body, (reply) => finish({ kind: 'answered', body: reply })));
    },
  };
}

/** A member behind an embedder's own RPC. A rejection counts as lost, because nobody knows how far the request came. */
export function remoteEndpoint(call: (request: Uint8Array) => Promise<Uint8Array>, ticker: Ticker): SessionEndpoint {
  return {
    request: (body, timeoutTicks, answer): void => {
      const finish = onceWithin(ticker, timeoutTicks, answer);
      ticker.defer(() => {
        call(body).then(
          (reply) => finish({ kind: 'answered', body: reply }),
          (error: unknown) => finish({ kind: 'lost', reason: String(error) }),
        );
      });
    },
  };
}

/** A peer, over the link that Raft uses: its `DriverOptions.onRequest` hands the body to its `SessionHost`. */
export function peerEndpoint(transport: Transport, to: NodeId): SessionEndpoint {
  return { request: (body, timeoutTicks, answer) => transport.request(to, body, timeoutTicks, answer) };
}

function onceWithin(
  ticker: Ticker,
  timeoutTicks: number,
  answer: (outcome: RequestOutcome) => void,
): (outcome: RequestOutcome) => void {
  let isOver = false;
  const finish = (outcome: RequestOutcome): void => {
    if (isOver) return;
    isOver = true;
    cancel();
    answer(outcome);
  };
  const cancel = ticker.after(timeoutTicks, () => finish({ kind: 'lost', reason: 'no answer came in time' }));
  return finish;
}
