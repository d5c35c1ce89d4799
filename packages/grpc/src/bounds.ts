// What the options of a server may be. A number that cannot be meant is refused when the server is made: on the wire it
// would come out as another one, or a timer would take it for nothing.

import type { CallLimits } from './calls/server-call.ts';
import type { KeepaliveOptions } from './connection/keepalive.ts';
import type { ConnectionLimits, Rate } from './connection/limits.ts';
import { windowDefault, windowMax } from './frames/frame.ts';

const u32Max = 2 ** 32 - 1;
const anyBytes = [1, Number.MAX_SAFE_INTEGER] as const;

/** RFC 9113 §6.5.2, §6.9.1, and for messages what a window can let in. */
const ranges = {
  concurrentStreamsMax: [1, u32Max],
  headerListBytesMax: [1, u32Max],
  blockFramesMax: anyBytes,
  streamWindowBytes: [1, windowMax],
  // §6.9.2: a client takes it for so much until it is told of more.
  connectionWindowBytes: [windowDefault, windowMax],
  largeMessageBytesMax: anyBytes,
  streamQueueBytes: anyBytes,
  queueBytesMax: anyBytes,
  backlogBytesMax: anyBytes,
  receiveBytesMax: [0, windowMax],
  sendBytesMax: [0, u32Max],
  memoryBytesMax: anyBytes,
  connectionsMax: anyBytes,
  handshakesMax: anyBytes,
} as const satisfies Readonly<Record<string, readonly [least: number, most: number]>>;

export interface Bounded extends ConnectionLimits, CallLimits, KeepaliveOptions {
  readonly memoryBytesMax: number;
  readonly connectionsMax: number;
  readonly handshakesMax: number;
  readonly handshakeMs: number;
}

/** Throws `RangeError` for the first that is none. */
export function checkBounds(options: Bounded): void {
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === 'number') checkNumber(name, value);
    else if (typeof value === 'object' && value !== null) checkRate(name, value);
  }
}

function checkNumber(name: string, value: number): void {
  const range: readonly [number, number] | undefined = name in ranges ? ranges[name as keyof typeof ranges] : undefined;
  if (range !== undefined && !(Number.isInteger(value) && value >= range[0] && value <= range[1])) {
    throw new RangeError(`${name} is ${value}; it must be an integer from ${range[0]} to ${range[1]}`);
  }
  // Times, and whence a message is gzipped: `Infinity` is never.
  if (!(value >= 0)) throw new RangeError(`${name} is ${value}; it must not be below 0`);
}

function checkRate(name: string, { burst, perSecond }: Rate): void {
  if (!(burst >= 1 && perSecond >= 0)) {
    throw new RangeError(`${name} is ${burst} and ${perSecond} a second; it must be 1 and 0 at least`);
  }
}
