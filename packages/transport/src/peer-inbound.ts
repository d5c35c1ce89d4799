// What a peer sends on the connection it opened: Raft messages, and requests that want an answer on the same way back.

import type { NodeId, TransportHandler } from '@kontiki/raft';
import type { ByteReader } from './bytes.ts';
import { type Channel, type ChannelContext, type ChannelHandler, encodeWith } from './channel.ts';
import { readMessage } from './codec.ts';
import type { FrameId, FrameKind } from './frames.ts';

export interface InboundEnds {
  readonly self: NodeId;
  readonly from: NodeId;
  readonly channel: Channel;
  /** Requests of this peer that may be in work here; more are refused unread. */
  readonly requestsMax: number;
  readonly closed: ChannelHandler['closed'];
  readonly received: () => void;
}

export function peerInbound(context: ChannelContext, handler: TransportHandler, ends: InboundEnds): ChannelHandler {
  const { channel, from } = ends;
  let openRequests = 0;

  const onRequest = (body: ByteReader, { counter }: FrameId): void => {
    if (openRequests >= ends.requestsMax) {
      channel.send('requestRefused', (out) => {
        out.varint(counter);
        out.text(`${openRequests} requests of yours are in work here already`);
      });
      return;
    }
    openRequests += 1;
    let isReplied = false;
    handler.request(from, body.rest(), (reply) => {
      if (isReplied) return;
      isReplied = true;
      openRequests -= 1;
      if (channel.isClosed) return;
      channel.write(
        encodeWith(context, 'response', reply.length + 8, (out) => {
          out.varint(counter);
          out.raw(reply);
        }),
      );
      // Who does not read answers may not ask more.
      if (channel.isBlocked) channel.pause();
    });
  };

  return {
    frame: (kind: FrameKind, body, id) => {
      if (kind === 'message') {
        const message = readMessage(body, { from, to: ends.self });
        ends.received();
        handler.receive(message);
      } else if (kind === 'request') onRequest(body, id);
      else channel.refuse(`a frame of kind ${kind} has no place here`);
    },
    drained: () => channel.resume(),
    closed: ends.closed,
  };
}
