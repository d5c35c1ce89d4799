// Connections that others open: the handshake of strangers, bounded in number, size and time.

import type { Cancel, NodeId } from '@kontiki/raft';
import type { ByteReader } from './bytes.ts';
import { Channel, type ChannelHandler } from './channel.ts';
import type { FrameKind } from './frames.ts';
import type { GreetContext } from './greet.ts';
import { type Greeting, type Purpose, readGreeting, writeGreeting } from './handshake.ts';
import type { Connection } from './network.ts';

export class Acceptor {
  readonly #context: GreetContext;
  readonly #strangersMax: number;
  readonly #welcome: (from: NodeId, purpose: Purpose, channel: Channel) => ChannelHandler;
  /** Each with what ends its patience. */
  readonly #strangers = new Map<Channel, Cancel>();

  /** `welcome` takes over whoever passed the handshake. */
  constructor(
    context: GreetContext,
    strangersMax: number,
    welcome: (from: NodeId, purpose: Purpose, channel: Channel) => ChannelHandler,
  ) {
    this.#context = context;
    this.#strangersMax = strangersMax;
    this.#welcome = welcome;
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
    const channel: Channel = new Channel(this.#context, connection, {
      frame: (kind, body) => {
        if (isGreeted) channel.refuse('one greeting is enough');
        else isGreeted = this.#onHello(channel, kind, body);
      },
      drained: () => {},
      closed: (reason) => {
        this.#leave(channel);
        gate.logRefusal(hostOf(channel.remote), reason);
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
    if (kind !== 'hello') {
      channel.refuse(`a frame of kind ${kind} came before the greeting`);
      return false;
    }
    const hello = readGreeting(body);
    this.#context.gate.check(hello, (refusal) => {
      if (channel.isClosed) return;
      if (refusal !== undefined) channel.refuse(refusal);
      else this.#admit(channel, hello);
    });
    return true;
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
