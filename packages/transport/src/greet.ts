// Opening a connection from this side: dial, say hello, and judge the welcome. Used for peers and for snapshots.

import type { Cancel, NodeId } from '@kontiki/raft';
import type { ByteReader } from './bytes.ts';
import { Channel, type ChannelContext } from './channel.ts';
import type { FrameKind } from './frames.ts';
import { type Gate, type Identity, type Purpose, readGreeting, writeGreeting } from './handshake.ts';
import type { Network } from './network.ts';

export interface GreetContext extends ChannelContext {
  readonly self: Identity;
  readonly gate: Gate;
  readonly network: Network;
  readonly handshakeTicks: number;
}

export type GreetOutcome =
  /** The taker must call `trust` on the channel in this turn. */
  { readonly kind: 'opened'; readonly channel: Channel } | { readonly kind: 'failed'; readonly reason: string };

/** Answers once, unless cancelled. */
export function greet(
  context: GreetContext,
  to: NodeId,
  address: Uint8Array,
  purpose: Purpose,
  answer: (outcome: GreetOutcome) => void,
): Cancel {
  let channel: Channel | undefined;
  let isAnswered = false;
  const finish = (outcome: GreetOutcome): void => {
    if (isAnswered) return;
    isAnswered = true;
    cancelTimer();
    answer(outcome);
  };
  const onFrame = (kind: FrameKind, body: ByteReader): void => {
    if (kind !== 'welcome') {
      channel?.refuse(`a frame of kind ${kind} came before the welcome`);
      return;
    }
    const welcome = readGreeting(body);
    context.gate.check({ ...welcome, purpose }, (refusal, removed) => {
      if (channel === undefined || channel.isClosed) return;
      const problem = refusal ?? (welcome.id === to ? undefined : `${to} was called, ${welcome.id} answers`);
      if (problem === undefined) {
        finish({ kind: 'opened', channel });
        return;
      }
      context.gate.logRefusal(to, problem);
      channel.refuse(problem, removed);
    });
  };
  const cancelDial = context.network.dial(address, (dialled) => {
    if (isAnswered) {
      if (dialled.kind === 'done') dialled.value.destroy();
      return;
    }
    if (dialled.kind === 'failed') {
      finish({ kind: 'failed', reason: dialled.error.message });
      return;
    }
    channel = new Channel(context, dialled.value, {
      frame: onFrame,
      drained: () => {},
      closed: (reason, refusal) => {
        if (refusal !== undefined) context.gate.logRefusal(to, refusal);
        finish({ kind: 'failed', reason });
      },
    });
    channel.send('hello', (out) => writeGreeting(out, { ...context.self, to, purpose }));
  });
  const cancelTimer = context.ticker.after(context.handshakeTicks, () => {
    cancelDial();
    channel?.close('the other side did not answer the handshake in time');
    finish({ kind: 'failed', reason: 'the other side did not answer in time' });
  });
  return () => {
    if (isAnswered) return;
    isAnswered = true;
    cancelTimer();
    cancelDial();
    channel?.close('no longer wanted');
  };
}
