// The outgoing side of one peer: a connection that is opened again whenever it is lost, a bounded queue before it, and
// the requests that wait for answers on it.
//
// A request is `refused` as long as its bytes have not been given to a connection, and `lost` afterwards: a caller may
// repeat the first kind without asking itself whether it happened twice.

import type { Cancel, Message, Peer, RequestOutcome } from '@kontiki/raft';
import type { ByteReader } from './bytes.ts';
import { type Channel, encodeWith } from './channel.ts';
import { messageBytes, readMessage, writeMessage } from './codec.ts';
import type { FrameId, FrameKind } from './frames.ts';
import { type GreetContext, greet } from './greet.ts';

export interface LinkLimits {
  readonly queueFrames: number;
  readonly queueBytes: number;
  /** Requests that wait for an answer. */
  readonly requests: number;
  readonly reconnectTicks: { readonly first: number; readonly most: number };
}

export interface LinkStatus {
  readonly state: 'waiting' | 'connecting' | 'open';
  readonly queuedFrames: number;
  readonly queuedBytes: number;
  readonly sent: number;
  /** Raft messages that were not sent: no connection, or a full queue. */
  readonly dropped: number;
  readonly requests: number;
  /** Why there is no connection, if there is none. */
  readonly problem: string | undefined;
}

interface Queued {
  readonly frame: Uint8Array;
  readonly request: Request | undefined;
}

interface Request {
  readonly answer: (outcome: RequestOutcome) => void;
  readonly cancelTimer: Cancel;
  hasLeft: boolean;
}

export class PeerLink {
  readonly peer: Peer;
  readonly #context: GreetContext;
  readonly #limits: LinkLimits;
  readonly #onUnreachable: () => void;
  readonly #onMessage: (message: Message) => void;
  #state: LinkStatus['state'] = 'waiting';
  #channel: Channel | undefined;
  #cancelConnect: Cancel = () => {};
  #backoffTicks = 0;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  readonly #requests = new Map<number, Request>();
  #sent = 0;
  #dropped = 0;
  #problem: string | undefined;
  #isStopped = false;
  #isUnreachableDue = false;

  constructor(
    context: GreetContext,
    limits: LinkLimits,
    peer: Peer,
    hooks: { readonly unreachable: () => void; readonly received: (message: Message) => void },
  ) {
    this.#context = context;
    this.#limits = limits;
    this.peer = peer;
    this.#onUnreachable = hooks.unreachable;
    this.#onMessage = hooks.received;
    this.#connect();
  }

  status(): LinkStatus {
    return {
      state: this.#state,
      queuedFrames: this.#queue.length,
      queuedBytes: this.#queuedBytes,
      sent: this.#sent,
      dropped: this.#dropped,
      requests: this.#requests.size,
      problem: this.#state === 'open' ? undefined : this.#problem,
    };
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  sendMessage(message: Message): void {
    if (this.#isFull(0)) {
      this.#drop();
      return;
    }
    const frame = encodeWith(this.#context, 'message', messageBytes(message), (out) => writeMessage(out, message));
    if (frame.length > this.#context.frameBytesMax || this.#isFull(frame.length)) {
      this.#drop();
      return;
    }
    this.#enqueue({ frame, request: undefined });
  }

  request(body: Uint8Array, timeoutTicks: number, answer: (outcome: RequestOutcome) => void): void {
    const refuse = (reason: string): void => this.#context.ticker.defer(() => answer({ kind: 'refused', reason }));
    if (this.#isFull(0)) {
      refuse(this.#state === 'waiting' ? `no connection to ${this.peer.id}` : `the queue to ${this.peer.id} is full`);
      return;
    }
    if (this.#requests.size >= this.#limits.requests) {
      refuse(`${this.#requests.size} requests to ${this.peer.id} wait for an answer already`);
      return;
    }
    let id: FrameId | undefined;
    const frame = encodeWith(
      { ...this.#context, nextId: () => (id = this.#context.nextId()) },
      'request',
      body.length,
      (out) => out.raw(body),
    );
    if (id === undefined || frame.length > this.#context.frameBytesMax || this.#isFull(frame.length)) {
      refuse(`a request of ${body.length} bytes does not fit`);
      return;
    }
    const { counter } = id;
    const cancelTimer = this.#context.ticker.after(timeoutTicks, () => this.#expire(counter));
    const request: Request = { answer, cancelTimer, hasLeft: false };
    this.#requests.set(counter, request);
    this.#enqueue({ frame, request });
  }

  /** The peer was heard from: there is no reason to wait with the next attempt. */
  nudge(): void {
    if (this.#state !== 'waiting' || this.#isStopped) return;
    this.#cancelConnect();
    this.#connect();
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#cancelConnect();
    this.#channel?.close('no longer wanted');
    this.#onLost('the link was closed');
  }

  #isFull(more: number): boolean {
    if (this.#state === 'waiting') return true;
    return this.#queue.length >= this.#limits.queueFrames || this.#queuedBytes + more > this.#limits.queueBytes;
  }

  #drop(): void {
    this.#dropped += 1;
    this.#unreachable();
  }

  /** Told at the end of the turn and once, so that a burst of drops is one report and never comes out of `send`. */
  #unreachable(): void {
    if (this.#isUnreachableDue) return;
    this.#isUnreachableDue = true;
    this.#context.ticker.defer(() => {
      this.#isUnreachableDue = false;
      if (!this.#isStopped) this.#onUnreachable();
    });
  }

  #enqueue(item: Queued): void {
    const channel = this.#channel;
    if (this.#state === 'open' && channel !== undefined && !channel.isBlocked && this.#queue.length === 0) {
      this.#write(channel, item);
      return;
    }
    this.#queue.push(item);
    this.#queuedBytes += item.frame.length;
  }

  #write(channel: Channel, item: Queued): void {
    if (item.request !== undefined) item.request.hasLeft = true;
    this.#sent += 1;
    channel.write(item.frame);
  }

  #flush(): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    let written = 0;
    for (const item of this.#queue) {
      if (channel.isBlocked || channel.isClosed) break;
      written += 1;
      this.#queuedBytes -= item.frame.length;
      this.#write(channel, item);
    }
    this.#queue.splice(0, written);
  }

  #connect(): void {
    this.#state = 'connecting';
    const { peer } = this;
    this.#cancelConnect = greet(this.#context, peer.id, peer.address, 'peer', (outcome) => {
      if (outcome.kind === 'failed') {
        this.#onLost(outcome.reason);
        return;
      }
      this.#state = 'open';
      this.#backoffTicks = 0;
      this.#channel = outcome.channel;
      outcome.channel.trust({
        frame: (kind, body) => this.#onFrame(kind, body),
        drained: () => this.#flush(),
        closed: (reason) => this.#onLost(reason),
      });
      this.#flush();
    });
  }

  #onFrame(kind: FrameKind, body: ByteReader): void {
    if (kind === 'message') {
      // A peer that does not know yet where to find this member answers on the way it was spoken to.
      this.#onMessage(readMessage(body, { from: this.peer.id, to: this.#context.self.id }));
      return;
    }
    if (kind !== 'response' && kind !== 'requestRefused') {
      this.#channel?.refuse(`a frame of kind ${kind} has no place here`);
      return;
    }
    const counter = this.#context.rules.answered(body.varint('request'), this.#requests.keys());
    const request = counter === undefined ? undefined : this.#requests.get(counter);
    if (counter === undefined || request === undefined) return; // Its time ran out before the answer came.
    this.#requests.delete(counter);
    request.cancelTimer();
    request.answer(
      kind === 'response' ? { kind: 'answered', body: body.rest() } : { kind: 'refused', reason: body.text('reason') },
    );
  }

  #expire(counter: number): void {
    const request = this.#requests.get(counter);
    if (request === undefined) return;
    this.#requests.delete(counter);
    if (request.hasLeft) {
      request.answer({ kind: 'lost', reason: `${this.peer.id} did not answer in time` });
      return;
    }
    const at = this.#queue.findIndex((item) => item.request === request);
    const [removed] = at < 0 ? [] : this.#queue.splice(at, 1);
    this.#queuedBytes -= removed?.frame.length ?? 0;
    request.answer({ kind: 'refused', reason: `${this.peer.id} could not be reached in time` });
  }

  #onLost(reason: string): void {
    if (this.#state === 'waiting' && !this.#isStopped) return;
    this.#state = 'waiting';
    this.#channel = undefined;
    this.#problem = reason;
    // What is queued is old by the time there is a connection again; Raft repeats what still matters.
    this.#dropped += this.#queue.filter((item) => item.request === undefined).length;
    this.#queue = [];
    this.#queuedBytes = 0;
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const request of requests) {
      request.cancelTimer();
      const kind = this.#context.rules.withoutConnection(request.hasLeft);
      this.#context.ticker.defer(() =>
        request.answer({ kind, reason: `the connection to ${this.peer.id}: ${reason}` }),
      );
    }
    if (this.#isStopped) return;
    this.#unreachable();
    const { first, most } = this.#limits.reconnectTicks;
    this.#backoffTicks = this.#backoffTicks === 0 ? first : Math.min(this.#backoffTicks * 2, most);
    this.#cancelConnect = this.#context.ticker.after(this.#backoffTicks, () => this.#connect());
  }
}
