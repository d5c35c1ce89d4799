// Takes one snapshot from a peer into a sink, chunk by chunk. What arrives faster than the sink writes is held up in the
// sender: the connection is paused. Only a length and checksum that fit, and a commit that worked, are answered `stored`.

import type { NodeId, SnapshotSink, TransportHandler } from '@kontiki/raft';
import type { ByteReader } from './bytes.ts';
import type { Channel, ChannelContext, ChannelHandler } from './channel.ts';
import { readSnapshotMeta } from './codec.ts';
import type { FrameKind } from './frames.ts';

/** Received and not yet written; above it the connection is paused. */
const heldBytesMax = 1024 * 1024;

export class SnapshotReceiver implements ChannelHandler {
  readonly #context: ChannelContext;
  readonly #handler: TransportHandler;
  readonly #from: NodeId;
  readonly #channel: Channel;
  readonly #onClosed: ChannelHandler['closed'];
  #sink: SnapshotSink | undefined;
  #stage: 'waiting' | 'receiving' | 'ended' | 'committing' | 'over' = 'waiting';
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isWriting = false;
  #length = 0;
  #crc = 0;

  constructor(
    context: ChannelContext,
    handler: TransportHandler,
    from: NodeId,
    channel: Channel,
    onClosed: ChannelHandler['closed'],
  ) {
    this.#context = context;
    this.#handler = handler;
    this.#from = from;
    this.#channel = channel;
    this.#onClosed = onClosed;
  }

  frame(kind: FrameKind, body: ByteReader): void {
    if (kind === 'snapshotStart' && this.#stage === 'waiting') this.#begin(body);
    else if (kind === 'snapshotChunk' && this.#stage === 'receiving') this.#hold(body.rest());
    else if (kind === 'snapshotEnd' && this.#stage === 'receiving') this.#onEnd(body);
    else this.#channel.refuse(`a frame of kind ${kind} has no place here`);
  }

  drained(): void {}

  closed(reason: string, refusal: string | undefined): void {
    const wasCommitting = this.#stage === 'committing';
    this.#stage = 'over';
    // A commit that runs may still succeed; a sink that writes is let go when the write is done.
    if (!wasCommitting && !this.#isWriting) this.#abort();
    this.#onClosed(reason, refusal);
  }

  #begin(body: ByteReader): void {
    const meta = readSnapshotMeta(body);
    body.end('snapshot metadata');
    this.#sink = this.#handler.offerSnapshot(this.#from, meta);
    if (this.#sink === undefined) {
      this.#channel.refuse('no snapshot is wanted here now');
      return;
    }
    this.#stage = 'receiving';
    this.#channel.send('snapshotAccepted');
  }

  #hold(chunk: Uint8Array): void {
    this.#length += chunk.length;
    this.#crc = this.#context.checksum(chunk, this.#crc);
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > heldBytesMax) this.#channel.pause();
    this.#write();
  }

  #onEnd(body: ByteReader): void {
    const length = body.varint('snapshot length');
    const crc = body.u32('snapshot checksum');
    if (length !== this.#length || crc !== this.#crc) {
      this.#channel.refuse(`the snapshot arrived with ${this.#length} of ${length} bytes, or its checksum is wrong`);
      return;
    }
    this.#stage = 'ended';
    this.#write();
  }

  #write(): void {
    const sink = this.#sink;
    if (this.#isWriting || sink === undefined) return;
    const chunk = this.#held.shift();
    if (chunk === undefined) {
      if (this.#stage === 'ended') this.#commit(sink);
      return;
    }
    this.#isWriting = true;
    sink.write(chunk, (error) => {
      this.#isWriting = false;
      this.#heldBytes -= chunk.length;
      if (this.#stage === 'over') {
        this.#abort();
        return;
      }
      if (error !== undefined) {
        this.#channel.refuse(`storing the snapshot failed: ${error.message}`);
        return;
      }
      if (this.#heldBytes <= heldBytesMax) this.#channel.resume();
      this.#write();
    });
  }

  #commit(sink: SnapshotSink): void {
    this.#stage = 'committing';
    sink.commit((error) => {
      this.#sink = undefined;
      if (this.#stage === 'over') return;
      if (error === undefined) this.#channel.send('snapshotStored');
      else this.#channel.refuse(`storing the snapshot failed: ${error.message}`);
    });
  }

  #abort(): void {
    this.#sink?.abort();
    this.#sink = undefined;
  }
}
