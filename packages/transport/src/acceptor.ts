// Connections that others open: the handshake of strangers, bounded in number, size and time.

import type { Cancel, NodeId } from '@kontiki/raft';
import type { ByteReader } from './bytes.ts';
import { Channel, type ChannelHandler } from './channel.ts';
import type { FrameKind } from './frames.ts';
import type { GreetContext } from './greet.ts';
import { type Greeting, type Purpose, readGreeting, writeGreeting } from './handshake.ts';
import type { Connection } from './network.ts';

/** A process that has no ids yet asks about the cluster; question and answer are the embedder's bytes. */
export type Discovered = (question: Uint8Array, answer: (body: Uint8Array) => void) => void;

export class Acceptor {
  readonly #context: GreetContext;
  readonly #strangersMax: number;
  readonly #welcome: (from: NodeId, purpose: Purpose, channel: Channel) => ChannelHandler;
  readonly #discovered: Discovered | undefined;
  /** Each with what ends its patience. */
  readonly #strangers = new Map<Channel, Cancel>();

  /** `welcome` takes over whoever passed the handshake, `discovered` answers those who cannot greet yet. */
  constructor(
    context: GreetContext,
    strangersMax: number,
    welcome: (from: NodeId, purpose: Purpose, channel: Channel) => ChannelHandler,
    discovered?: Discovered,
  ) {
    this.#context = context;
    this.#strangersMax = strangersMax;
    this.#welcome = welcome;
    this.#discovered = discovered;
  }

  /** Connections that have not said who they are yet. */
  get strangers(): number {
    return this.#strangers.size;
  }

  accept(connection: Connection): void {
    const { gate } = this.#context;
    if (this.#strangers.size >= this.#strangersMax) {
      gate.logRefusal('strangers', `${this.#strangers.size} connections have not said who they are; no more for now`);
      connection.destroy();
      return;
    }
    let isGreeted = false;
    let isAsker = false;
    const channel: Channel = new Channel(this.#context, connection, {
      frame: (kind, body) => {
        isAsker = kind === 'discover';
        if (isGreeted) channel.refuse('one greeting is enough');
        else isGreeted = this.#onHello(channel, kind, body);
      },
      drained: () => {},
      closed: (reason) => {
        this.#leave(channel);
        // Whoever asks about the cluster goes when it is answered.
        if (!isAsker) gate.logRefusal(hostOf(channel.remote), reason);
      },
    });
    const refuse = (): void => channel.refuse('no greeting came in time');
    this.#strangers.set(channel, this.#context.ticker.after(this.#context.handshakeTicks, refuse));
  }

  stop(): void {
    for (const channel of [...this.#strangers.keys()]) channel.close('this member stops');
  }

  #leave(channel: Channel): void {
    this.#strangers.get(channel)?.();
    this.#strangers.delete(channel);
  }

  #onHello(channel: Channel, kind: FrameKind, body: ByteReader): boolean {
    if (kind === 'discover') {
      this.#onDiscover(channel, body.rest());
      return true;
    }
    if (kind !== 'hello') {
      channel.refuse(`a frame of kind ${kind} came before the greeting`);
      return false;
    }
    const hello = readGreeting(body);
    this.#context.gate.check(hello, (refusal, removed) => {
      if (channel.isClosed) return;
      if (refusal !== undefined) channel.refuse(refusal, removed);
      else this.#admit(channel, hello);
    });
    return true;
  }

  /** It stays a stranger, with a stranger's patience: it is told who the members are, and goes. */
  #onDiscover(channel: Channel, question: Uint8Array): void {
    if (this.#discovered === undefined) {
      channel.refuse('this member tells nobody about its cluster');
      return;
    }
    this.#discovered(question, (answer) => {
      if (!channel.isClosed) channel.send('discovered', (out) => out.raw(answer));
    });
  }

  #admit(channel: Channel, hello: Greeting): void {
    this.#leave(channel);
    channel.send('welcome', (out) =>
      writeGreeting(out, { ...this.#context.self, to: hello.id, purpose: hello.purpose }),
    );
    channel.trust(this.#welcome(hello.id, hello.purpose, channel));
  }
}

function hostOf(remote: string): string {
  return remote.replace(/:\d+$/, '');
}
