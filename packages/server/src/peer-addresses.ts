// Peers are known by their URLs, connections are made to hosts and ports: the network that the transport is given here
// reads the former and dials the latter, one URL after the other until one answers.

import { peerUrlsOf } from '@kontiki/member';
import type { Cancel, Completion, Done } from '@kontiki/raft';
import type { Connection, Network } from '@kontiki/transport';
import { tcpAddress } from '@kontiki/transport/node';
import { parseUrl } from './config/urls.ts';

export class PeerUrlNetwork implements Network {
  readonly #tcp: Network;

  constructor(tcp: Network) {
    this.#tcp = tcp;
  }

  dial(address: Uint8Array, opened: Completion<Connection>): Cancel {
    return dialPeer((hostAndPort, done) => this.#tcp.dial(hostAndPort, done), address, opened);
  }

  listen(accept: (connection: Connection) => void): void {
    this.#tcp.listen(accept);
  }

  close(done: Done): void {
    this.#tcp.close(done);
  }
}

/** One URL of the address after the other. */
export function dialPeer(dial: Network['dial'], address: Uint8Array, opened: Completion<Connection>): Cancel {
  let cancel: Cancel = () => undefined;
  let isCancelled = false;
  const attempt = (urls: readonly string[]): void => {
    const [url, ...others] = urls;
    cancel = dial(hostAndPort(url ?? ''), (outcome) => {
      if (outcome.kind === 'failed' && others.length > 0 && !isCancelled) attempt(others);
      else opened(outcome);
    });
  };
  attempt(peerUrlsOf(address));
  return () => {
    isCancelled = true;
    cancel();
  };
}

/** What is no URL is dialled as it is, so that the network below says what is wrong with it. */
function hostAndPort(url: string): Uint8Array {
  try {
    const { host, port } = parseUrl(url);
    return tcpAddress(host, port);
  } catch {
    return Buffer.from(url);
  }
}
