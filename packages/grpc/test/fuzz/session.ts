// Sessions of a client as bytes: first such as any client might have, then damaged: cut, bits turned, frames lost, doubled,
// exchanged, and taken from another session.

import { gzipSync } from 'node:zlib';
import { clientPreface } from '../../src/connection/preface.ts';
import { flag, frameType } from '../../src/frames/frame.ts';
import { Encoder } from '../../src/hpack/encoder.ts';
import { data, fieldsOf, frame, requestRows, rstStream, settings, settingsAck, windowUpdate } from '../client.ts';
import type { Random } from '../random.ts';

const methods = ['Say', 'Say', 'Talk', 'Talk', 'Count', 'Collect', 'Refuse', 'Break', 'Wait', 'No'];
const oddRows: typeof requestRows = [
  ['grpc-timeout', '5m'],
  ['grpc-timeout', '1H'],
  ['grpc-timeout', '-1x'],
  ['content-length', '12'],
  ['x-some-bin', 'AAEC'],
  ['x-told', 'nothing'],
  ['grpc-accept-encoding', 'identity,gzip'],
];

/** As a client sends them, the preface first. */
export function drawSession(random: Random): Buffer[] {
  const encoder = new Encoder({ tableSizeMax: 4096, huffman: random.chance(0.7) });
  const rows: [number, number][] = random.chance(0.5) ? [] : [[4, drawWindow(random)]];
  const frames = [clientPreface, settings(...rows), settingsAck];
  const open: number[] = [];
  let nextStream = 1;
  for (let steps = random.below(40); steps > 0; steps--) {
    const streamId = open[random.below(open.length)];
    if (streamId === undefined || random.chance(0.3)) {
      frames.push(...drawRequest(random, encoder, nextStream));
      open.push(nextStream);
      nextStream += 2 + 2 * (random.chance(0.1) ? random.below(5) : 0);
    } else if (random.chance(0.6)) {
      const ends = random.chance(0.5);
      frames.push(...drawData(random, streamId, ends));
      if (ends) open.splice(open.indexOf(streamId), 1);
    } else {
      frames.push(drawControl(random, streamId));
    }
  }
  return frames;
}

/** The bytes of a session after what may have happened to them on the way. */
export function damage(random: Random, session: readonly Buffer[], other: readonly Buffer[]): Buffer {
  const frames = [...session];
  for (let times = random.below(4); times > 0; times--) {
    const [one, another] = [random.below(frames.length), random.below(frames.length)];
    const [first = clientPreface, second = clientPreface] = [frames[one], frames[another]];
    switch (random.below(8)) {
      case 0:
        frames.splice(one, 1);
        break;
      case 1:
        frames.splice(one, 0, second);
        break;
      case 2:
        frames[one] = second;
        frames[another] = first;
        break;
      case 3:
        frames.splice(one, random.below(3), ...other.slice(random.below(other.length)).slice(0, 5));
        break;
      case 4:
        frames[one] = first.subarray(0, random.below(first.length + 1));
        break;
      case 5:
        frames.splice(
          one,
          0,
          frame(random.below(12), random.below(256), random.below(12), random.bytes(random.below(40))),
        );
        break;
      default:
        frames[one] = turned(random, first);
    }
  }
  const bytes = Buffer.concat(frames);
  return random.chance(0.3) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

function turned(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let times = 1 + random.below(4); times > 0; times--) {
    // Heads of frames are where most is to be gained.
    const at = random.chance(0.5) ? random.below(Math.min(9, copy.length)) : random.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  }
  return copy;
}

function drawWindow(random: Random): number {
  return [0, 1, 100, 65_535, 1_000_000, 2 ** 31 - 1][random.below(6)] ?? 0;
}

function drawRequest(random: Random, encoder: Encoder, streamId: number): Buffer[] {
  const path = `/test.Echo/${methods[random.below(methods.length)]}`;
  const rows = requestRows.map(([name, value]) => [name, name === ':path' ? path : value] as const);
  if (random.chance(0.3)) rows.push(oddRows[random.below(oddRows.length)] ?? ['x', 'y']);
  if (random.chance(0.1)) rows.push(['x-long', 'v'.repeat(random.below(20_000))]);
  if (random.chance(0.2)) rows.push(['grpc-encoding', 'gzip']);
  const block = Buffer.from(encoder.encode(fieldsOf(rows)));
  const ends = random.chance(0.1) ? flag.endStream : 0;
  if (block.length <= 16_384 && random.chance(0.8)) {
    return [frame(frameType.headers, flag.endHeaders | ends, streamId, block)];
  }
  const step = Math.min(16_384, 1 + random.below(block.length));
  const frames = [frame(frameType.headers, ends, streamId, block.subarray(0, step))];
  for (let at = step; at < block.length; at += step) {
    const last = at + step >= block.length;
    frames.push(frame(frameType.continuation, last ? flag.endHeaders : 0, streamId, block.subarray(at, at + step)));
  }
  return frames;
}

function drawData(random: Random, streamId: number, ends: boolean): Buffer[] {
  const messages: Buffer[] = [];
  for (let count = random.below(4); count > 0; count--) messages.push(drawMessage(random));
  const bytes = Buffer.concat(messages);
  const step = random.chance(0.7) ? 16_384 : 1 + random.below(300);
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += step) frames.push(padded(random, streamId, bytes.subarray(at, at + step)));
  if (ends) frames.push(data(streamId, '', true));
  return frames;
}

function padded(random: Random, streamId: number, bytes: Buffer): Buffer {
  if (random.chance(0.9) || bytes.length > 16_000) return data(streamId, bytes);
  const padding = random.below(200);
  return frame(
    frameType.data,
    flag.padded,
    streamId,
    Buffer.concat([Buffer.from([padding]), bytes, Buffer.alloc(padding)]),
  );
}

function drawMessage(random: Random): Buffer {
  const asked = `${random.below(200)} ${random.below(5000)}`;
  const plain = random.chance(0.6) ? Buffer.from(asked) : random.bytes(random.below(random.chance(0.1) ? 70_000 : 300));
  const zips = random.chance(0.2);
  const bytes = zips ? gzipSync(plain) : plain;
  const head = Buffer.from([zips ? 1 : 0, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function drawControl(random: Random, streamId: number): Buffer {
  switch (random.below(7)) {
    case 0:
      return windowUpdate(0, 1 + random.below(100_000));
    case 1:
    case 2:
      return windowUpdate(streamId, 1 + random.below(100_000));
    case 3:
      return rstStream(streamId, random.below(14));
    case 4:
      return settings([1 + random.below(6), random.chance(0.5) ? drawWindow(random) : random.below(20_000)]);
    case 5:
      return frame(frameType.ping, 0, 0, random.bytes(8));
    default:
      return random.chance(0.1)
        ? frame(frameType.goaway, 0, 0, '0000000000000000')
        : frame(frameType.priority, 0, streamId, random.bytes(5));
  }
}
