// Transports inside one process that pass messages as they are: no bytes, no connections. Nodes that shall be tested
// without the transport package talk over this one.

import type { Message, NodeId } from '../core/api.ts';
import type {
  Cancel,
  Done,
  RequestOutcome,
  SnapshotSink,
  SnapshotSource,
  Ticker,
  Transport,
  TransportHandler,
} from '../driver/ports.ts';

interface Host {
  readonly handler: TransportHandler;
  readonly ticker: Ticker;
}

export class MessageNetwork {
  readonly #hosts = new Map<NodeId, Host>();
  readonly #cut = new Set<string>();
  /** Looks at every message; `false` loses it. */
  filter: (message: Message) => boolean = () => true;

  /** The transport of `id`. Replaces an earlier one of the same id: that process is gone. */
  at(id: NodeId, ticker: Ticker): Transport {
    let host: Host | undefined;
    return {
      start: (handler: TransportHandler): void => {
        host = { handler, ticker };
        this.#hosts.set(id, host);
      },
      setPeers: () => {},
      send: (message: Message): void => {
        const target = this.#reach(id, message.to);
        if (target === undefined) ticker.defer(() => host?.handler.unreachable(message.to));
        else if (this.filter(message)) target.ticker.defer(() => this.#deliver(message, target));
      },
      sendSnapshot: (to: NodeId, source: SnapshotSource, done: Done): Cancel =>
        this.#transfer(id, to, source, ticker, done),
      request: (to, body, timeoutTicks, answer): void => this.#request(id, to, body, timeoutTicks, ticker, answer),
      stop: (done: Done): void => {
        if (host !== undefined && this.#hosts.get(id) === host) this.#hosts.delete(id);
        host = undefined;
        ticker.defer(() => done(undefined));
      },
    };
  }

  /** The process at `id` is gone without a word. */
  kill(id: NodeId): void {
    this.#hosts.delete(id);
  }

  /** Nothing passes between the two, in either direction. */
  cut(a: NodeId, b: NodeId): void {
    this.#cut.add(`${a} ${b}`).add(`${b} ${a}`);
  }

  /** Cuts `id` off from everybody else of `all`. */
  isolate(id: NodeId, all: readonly NodeId[]): void {
    for (const other of all) if (other !== id) this.cut(id, other);
  }

  heal(): void {
    this.#cut.clear();
  }

  #reach(from: NodeId, to: NodeId): Host | undefined {
    return this.#cut.has(`${from} ${to}`) ? undefined : this.#hosts.get(to);
  }

  #deliver(message: Message, target: Host): void {
    if (this.#hosts.get(message.to) === target && this.#reach(message.from, message.to) === target) {
      target.handler.receive(message);
    }
  }

  #request(
    from: NodeId,
    to: NodeId,
    body: Uint8Array,
    timeoutTicks: number,
    ticker: Ticker,
    answer: (outcome: RequestOutcome) => void,
  ): void {
    const target = this.#reach(from, to);
    if (target === undefined) {
      ticker.defer(() => answer({ kind: 'refused', reason: `no connection to ${to}` }));
      return;
    }
    let isAnswered = false;
    const finish = (outcome: RequestOutcome): void => {
      if (isAnswered) return;
      isAnswered = true;
      cancel();
      answer(outcome);
    };
    const cancel = ticker.after(timeoutTicks, () => finish({ kind: 'lost', reason: `${to} did not answer in time` }));
    target.ticker.defer(() => {
      if (this.#reach(from, to) !== target) return;
      target.handler.request(from, body, (reply) => {
        ticker.defer(() => {
          if (this.#reach(to, from) !== undefined) finish({ kind: 'answered', body: reply });
        });
      });
    });
  }

  #transfer(from: NodeId, to: NodeId, source: SnapshotSource, ticker: Ticker, done: Done): Cancel {
    let isOver = false;
    let sink: SnapshotSink | undefined;
    const finish = (error: Error | undefined): void => {
      if (isOver) return;
      isOver = true;
      source.close();
      if (error !== undefined) sink?.abort();
      ticker.defer(() => done(error));
    };
    const target = this.#reach(from, to);
    const isConnected = (): boolean => target !== undefined && this.#reach(from, to) === target;
    const pump = (into: SnapshotSink): void => {
      source.next((outcome) => {
        if (isOver) return;
        if (!isConnected()) finish(new Error(`the connection to ${to} was lost`));
        else if (outcome.kind === 'failed') finish(outcome.error);
        else if (outcome.value === undefined) into.commit(finish);
        else {
          into.write(outcome.value, (error) => {
            if (error !== undefined) finish(error);
            else if (!isOver) pump(into);
          });
        }
      });
    };
    ticker.defer(() => {
      if (isOver) return;
      sink = isConnected() ? target?.handler.offerSnapshot(from, source.meta) : undefined;
      if (sink === undefined) finish(new Error(`${to} cannot be reached or wants no snapshot now`));
      else pump(sink);
    });
    return () => finish(new Error('the transfer was cancelled'));
  }
}
