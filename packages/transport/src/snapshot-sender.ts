// Sends one snapshot on a connection of its own.
//
//   hello → ← welcome   start(meta) → ← accepted   chunk → chunk → … end(length, crc) → ← stored
//
// The source is asked for its next chunk only while the connection takes more, so memory holds one chunk and what the
// socket buffers. `done` without error means that the receiver's sink has committed.

import type { Cancel, Completion, Done, Peer, SnapshotSource } from '@kontiki/raft';
import { type Channel, encodeWith } from './channel.ts';
import { writeSnapshotMeta } from './codec.ts';
import { type GreetContext, greet } from './greet.ts';

/** Larger chunks of a source are cut, so that frames stay small. */
export const chunkBytesMax: number = 256 * 1024;

export function sendSnapshot(context: GreetContext, peer: Peer, source: SnapshotSource, done: Done): Cancel {
  const sender = new SnapshotSender(context, peer, source, done);
  return () => sender.finish(new Error('the transfer was cancelled'));
}

class SnapshotSender {
  readonly #context: GreetContext;
  readonly #source: SnapshotSource;
  readonly #done: Done;
  readonly #cancelGreet: Cancel;
  #channel: Channel | undefined;
  #stage: 'greeting' | 'offered' | 'sending' | 'ended' | 'finished' = 'greeting';
  #isReading = false;
  #length = 0;
  #crc = 0;

  constructor(context: GreetContext, peer: Peer, source: SnapshotSource, done: Done) {
    this.#context = context;
    this.#source = source;
    this.#done = done;
    this.#cancelGreet = greet(context, peer.id, peer.address, 'snapshot', (outcome) => {
      if (outcome.kind === 'failed') this.finish(new Error(outcome.reason));
      else this.#offer(outcome.channel);
    });
  }

  finish(error: Error | undefined): void {
    if (this.#stage === 'finished') return;
    this.#stage = 'finished';
    this.#cancelGreet();
    this.#source.close();
    this.#channel?.close(error?.message ?? 'the transfer is complete');
    this.#context.ticker.defer(() => this.#done(error));
  }

  #offer(channel: Channel): void {
    this.#channel = channel;
    this.#stage = 'offered';
    channel.trust({
      frame: (kind) => {
        if (kind === 'snapshotAccepted' && this.#stage === 'offered') {
          this.#stage = 'sending';
          this.#pump(channel);
        } else if (kind === 'snapshotStored' && this.#stage === 'ended') this.finish(undefined);
        else this.finish(new Error(`a frame of kind ${kind} has no place here`));
      },
      drained: () => this.#pump(channel),
      closed: (reason) => this.finish(new Error(reason)),
    });
    channel.send('snapshotStart', (out) => writeSnapshotMeta(out, this.#source.meta));
  }

  #pump(channel: Channel): void {
    if (this.#stage !== 'sending' || this.#isReading || channel.isBlocked) return;
    this.#isReading = true;
    const onChunk: Completion<Uint8Array | undefined> = (outcome) => {
      this.#isReading = false;
      if (this.#stage !== 'sending') return;
      if (outcome.kind === 'failed') this.finish(outcome.error);
      else if (outcome.value === undefined) this.#end(channel);
      else {
        this.#write(channel, outcome.value);
        this.#pump(channel);
      }
    };
    this.#source.next(onChunk);
  }

  #write(channel: Channel, bytes: Uint8Array): void {
    this.#length += bytes.length;
    this.#crc = this.#context.checksum(bytes, this.#crc);
    for (let at = 0; at < bytes.length; at += chunkBytesMax) {
      const chunk = bytes.subarray(at, at + chunkBytesMax);
      channel.write(encodeWith(this.#context, 'snapshotChunk', chunk.length, (out) => out.raw(chunk)));
    }
  }

  #end(channel: Channel): void {
    this.#stage = 'ended';
    channel.send('snapshotEnd', (out) => {
      out.varint(this.#length);
      out.u32(this.#crc);
    });
  }
}
