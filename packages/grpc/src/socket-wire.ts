// A socket under a connection, plain or TLS.

import type { Socket } from 'node:net';
import type { Connection } from './connection/connection.ts';
import type { Wire } from './connection/wire.ts';
import { errorCode } from './frames/frame.ts';

const nothing = Buffer.alloc(0);

export function wireOf(socket: Socket): Wire {
  return {
    write: (buffers, done) => {
      const last = buffers.length - 1;
      if (last > 0) socket.cork();
      for (let index = 0; index < last; index++) socket.write(buffers[index] ?? nothing);
      socket.write(buffers[last] ?? nothing, done);
      if (last > 0) socket.uncork();
      return socket.writableLength;
    },
    end: () => socket.end(),
    destroy: () => socket.destroy(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  };
}

/** From now on the connection hears what the socket does. */
export function attach(socket: Socket, connection: Connection): void {
  socket.on('data', (chunk: Buffer) => connection.receive(chunk));
  socket.on('drain', () => connection.drained());
  // A connection that breaks concerns its own calls only, and they are told.
  socket.on('error', () => socket.destroy());
  // Nothing more can come, also no window for answers: whoever only half closes is gone as well.
  socket.on('end', () => connection.close(errorCode.noError, ''));
  socket.on('close', () => connection.lost());
}
