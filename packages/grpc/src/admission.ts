// Who may come in: so many sockets at once, and so many of them that have not said yet what they speak. A handshake takes
// an ordinary client milliseconds, so when there are too many, the one that has taken longest gives way.

/** As much of a socket as matters here. */
export interface Newcomer {
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

export interface AdmissionOptions {
  readonly connectionsMax: number;
  readonly handshakesMax: number;
  readonly onTurnedAway: (peer: string, why: 'connections' | 'handshakes') => void;
}

export class Admission {
  readonly #options: AdmissionOptions;
  #connections = 0;
  /** Oldest first, by their two ends: TLS puts a socket of its own over the one that came in. */
  readonly #handshakes = new Map<string, Newcomer>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get connections(): number {
    return this.#connections;
  }

  get handshakes(): number {
    return this.#handshakes.size;
  }

  /** `false`: it was closed, there are too many. */
  admit(socket: Newcomer): boolean {
    const { connectionsMax, handshakesMax, onTurnedAway } = this.#options;
    if (this.#connections >= connectionsMax) {
      socket.destroy();
      onTurnedAway(peerOf(socket), 'connections');
      return false;
    }
    for (const [ends, oldest] of this.#handshakes) {
      if (this.#handshakes.size < handshakesMax) break;
      this.#handshakes.delete(ends);
      oldest.destroy();
      onTurnedAway(peerOf(oldest), 'handshakes');
    }
    const ends = endsOf(socket);
    this.#connections += 1;
    this.#handshakes.set(ends, socket);
    socket.once('close', () => {
      this.#connections -= 1;
      if (this.#handshakes.get(ends) === socket) this.#handshakes.delete(ends);
    });
    return true;
  }

  /** Closes whoever has not said what it speaks: nothing of its own is under way. */
  endHandshakes(): void {
    for (const socket of [...this.#handshakes.values()]) socket.destroy();
  }

  /** It has said what it speaks. */
  settled(socket: Newcomer): void {
    this.#handshakes.delete(endsOf(socket));
  }
}

export function peerOf({ remoteAddress, remotePort }: Newcomer): string {
  return `${remoteAddress ?? ''}:${remotePort ?? ''}`;
}

function endsOf(socket: Newcomer): string {
  return `${socket.localPort} ${peerOf(socket)}`;
}
