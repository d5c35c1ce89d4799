// The offenders, in a process of their own: each attack by so many connections at a time, opened again when they are ended,
// and written to as fast as the server takes it. They know no mercy, and no GOAWAY.

import { connect } from 'node:net';
import { errorCode, flag, frameType, windowDefault } from '../../src/frames/frame.ts';
import { FrameReader } from '../../src/frames/frame-reader.ts';
import { frame } from '../client.ts';
import type { Attack } from './attack.ts';
import type { Fates, FromChild, Order, ToChild } from './protocol.ts';

function nameOf(code: number): string {
  const [name = String(code)] = Object.entries(errorCode).find(([, other]) => other === code) ?? [];
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** So many of `next` are written at once. */
const batch = 200;
/** For those who do not read, to find out how it ended; and for the server to end what it has said is ended. */
const afterwardsMs = 2500;
/** For the server to end what it has to end, however busy the machine is. */
const endedMsMax = 30_000;

/** The module that this process was told has them. */
const { attacks } = (await import(process.argv[2] ?? '')) as { readonly attacks: readonly Attack[] };

async function play({ attack: name, ports, connections, ms }: Order): Promise<Fates> {
  const attack = attacks.find((other) => other.name === name);
  if (attack === undefined) throw new Error(`no attack ${name}`);
  const until = Date.now() + ms;
  const fates: Record<string, number> = {};
  const port = attack.toTls ? ports.tls : ports.plain;
  await Promise.all(
    Array.from({ length: connections * (attack.times ?? 1) }, async () => {
      do {
        const fate = await offend(attack, port, until);
        fates[fate] = (fates[fate] ?? 0) + 1;
      } while (Date.now() < until);
    }),
  );
  return fates;
}

/** One connection, until it is ended, or time has been up for a while. */
function offend(attack: Attack, port: number, until: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let goaway: number | undefined;
    let reset: number | undefined;
    let time = 0;
    let window = windowDefault;
    let isOver = false;
    let pace: NodeJS.Timeout | undefined;
    const reader = new FrameReader(2 ** 24, (type, flags, streamId, bytes, start, end) => {
      if (type === frameType.goaway) goaway = bytes.readUInt32BE(start + 4);
      else if (type === frameType.rstStream) reset = bytes.readUInt32BE(start);
      else if (type === frameType.windowUpdate && streamId === 0) window += bytes.readUInt32BE(start);
      else if (type === frameType.ping && (flags & flag.ack) === 0 && attack.isAlive) {
        socket.write(frame(frameType.ping, flag.ack, 0, bytes.subarray(start, end)));
      }
    });
    const settle = (fate: string): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(deadline);
      clearInterval(pace);
      socket.destroy();
      if (goaway !== undefined) resolve(`GOAWAY ${nameOf(goaway)}`);
      else resolve(fate === 'open' && reset !== undefined ? `RST ${nameOf(reset)}` : fate);
    };
    const { next, everyMs } = attack;
    const go = (): void => {
      if (next === undefined || socket.destroyed || isOver) return;
      const room = socket.write(Buffer.concat(Array.from({ length: batch }, () => next(time++))));
      if (room) setImmediate(go);
      else socket.once('drain', go);
    };
    const goSlowly = (): void => {
      if (next === undefined || socket.writableLength > 1_000_000) return;
      if (attack.keepsToWindow && window < windowDefault) return;
      const bytes = next(time++);
      window -= bytes.length;
      socket.write(bytes);
    };
    const deadline = setTimeout(
      () => {
        // Whoever was deaf listens now.
        socket.resume();
        setTimeout(() => settle('open'), attack.ends.includes('open') ? afterwardsMs : endedMsMax);
      },
      Math.max(0, until - Date.now()),
    );
    socket.on('error', () => settle('cut'));
    socket.on('end', () => settle('cut'));
    socket.on('close', () => settle('cut'));
    socket.on('connect', () => {
      socket.setNoDelay(true);
      if (attack.begin.length > 0) socket.write(attack.begin);
      if (attack.halfCloses) socket.end();
      if (everyMs === undefined) setImmediate(go);
      else if (!isOver) pace = setInterval(goSlowly, everyMs);
    });
    socket.on('data', (chunk) => {
      // What is not HTTP/2 is no GOAWAY.
      if (!attack.toTls) reader.read(chunk);
    });
    if (attack.deaf) socket.pause();
  });
}

const say = (message: FromChild): void => {
  process.send?.(message);
};
process.on('message', (message: ToChild) => {
  if (message.kind === 'stop') process.exit(0);
  if (message.kind !== 'attack') return;
  const { id, order } = message;
  void play(order).then((fates) => say({ kind: 'fates', id, fates }));
});
process.on('disconnect', () => process.exit(0));
say({ kind: 'ready' });
