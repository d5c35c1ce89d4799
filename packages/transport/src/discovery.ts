// How a process that has no ids yet learns about a cluster: it asks at the address of a member, in one frame, and is answered
// in one. Question and answer are the embedder's bytes. Nothing of it reaches Raft, and nothing is remembered on either side.

import type { Cancel, Completion, Ticker } from '@kontiki/raft';
import { Channel } from './channel.ts';
import { type Checksum, crc32 } from './crc32.ts';
import type { Network } from './network.ts';
import { transportRules } from './rules.ts';

export interface DiscoveryParts {
  readonly network: Pick<Network, 'dial'>;
  readonly ticker: Ticker;
  readonly checksum?: Checksum;
}

/** Larger than any list of members that an operator would want to read. */
const answerBytesMax = 256 * 1024;
const pingTicks = 100;

/** Asks the member at `address`. Answers once, within `timeoutTicks`, unless it is cancelled. */
export function discover(
  parts: DiscoveryParts,
  address: Uint8Array,
  question: Uint8Array,
  timeoutTicks: number,
  answer: Completion<Uint8Array>,
): Cancel {
  const { ticker, network, checksum = crc32 } = parts;
  let counter = 0;
  let channel: Channel | undefined;
  let isOver = false;
  const end = (): void => {
    isOver = true;
    cancelTimer();
    cancelDial();
    channel?.close('no longer wanted');
  };
  const finish: Completion<Uint8Array> = (outcome) => {
    if (isOver) return;
    end();
    answer(outcome);
  };
  const fail = (reason: string): void => finish({ kind: 'failed', error: new Error(reason) });
  const context = {
    ticker,
    checksum,
    pingTicks,
    rules: transportRules,
    frameBytesMax: answerBytesMax,
    nextId: () => ({ boot: 0, counter: ++counter }),
  };
  const cancelDial = network.dial(address, (dialled) => {
    if (isOver) {
      if (dialled.kind === 'done') dialled.value.destroy();
      return;
    }
    if (dialled.kind === 'failed') {
      finish(dialled);
      return;
    }
    const handler = {
      frame: (kind: string, body: { rest(): Uint8Array }): void => {
        if (kind === 'discovered') finish({ kind: 'done', value: body.rest() });
        else fail(`a frame of kind ${kind} came instead of an answer`);
      },
      drained: () => {},
      closed: (reason: string): void => fail(reason),
    };
    channel = new Channel(context, dialled.value, handler);
    // Whoever asks has nothing to lose but this much memory.
    channel.trust(handler);
    channel.send('discover', (out) => out.raw(question));
  });
  const cancelTimer = ticker.after(timeoutTicks, () => fail('the member there did not answer in time'));
  return () => {
    if (!isOver) end();
  };
}
