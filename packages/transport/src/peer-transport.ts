// The transport of one member: one outgoing link per peer, the connections others opened, and snapshots beside them.
// Everything it needs of the platform comes in through `Network`, `Ticker` and the checksum.

import type {
  Cancel,
  Done,
  Logger,
  Message,
  NodeId,
  Peer,
  RequestOutcome,
  SnapshotSource,
  Ticker,
  Transport,
  TransportHandler,
} from '@kontiki/raft';
import { Acceptor, type Discovered } from './acceptor.ts';
import { type Channel, type ChannelHandler, encodeWith } from './channel.ts';
import { messageBytes, writeMessage } from './codec.ts';
import { type Checksum, crc32 } from './crc32.ts';
import type { GreetContext } from './greet.ts';
import { Gate, type Identity, type IncarnationStore, type Purpose } from './handshake.ts';
import type { Network } from './network.ts';
import { peerInbound } from './peer-inbound.ts';
import { type LinkLimits, type LinkStatus, PeerLink } from './peer-link.ts';
import { type TransportRules, transportRules } from './rules.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';
import { sendSnapshot } from './snapshot-sender.ts';

export interface TransportLimits extends LinkLimits {
  /** The largest frame, and with it the largest message and request body (25 bytes less). */
  readonly frameBytesMax: number;
  /** Connections that have not said who they are. */
  readonly strangers: number;
  /** Requests of one peer in work here. */
  readonly inboundRequests: number;
  readonly handshakeTicks: number;
  /** Both sides ping this often; after three spans without a byte a connection is closed. */
  readonly pingTicks: number;
}

export const defaultTransportLimits: TransportLimits = {
  frameBytesMax: 64 * 1024 * 1024,
  queueFrames: 4096,
  queueBytes: 64 * 1024 * 1024,
  requests: 16_384,
  inboundRequests: 16_384,
  reconnectTicks: { first: 5, most: 100 },
  strangers: 32,
  handshakeTicks: 300,
  pingTicks: 100,
};

export interface PeerTransportOptions {
  readonly identity: Identity;
  readonly network: Network;
  readonly ticker: Ticker;
  readonly incarnations: IncarnationStore;
  readonly log: Logger;
  readonly limits?: Partial<TransportLimits>;
  readonly checksum?: Checksum;
  /** Answers processes that know no ids yet and ask about the cluster (`discover`); without it they are refused. */
  readonly discovered?: Discovered;
  /** Called once: a member says that this one was removed from the cluster for good. */
  readonly onRemoved?: () => void;
  /** Other decisions than the right ones: for proving that checkers can go red. No server sets them. */
  readonly rules?: TransportRules;
}

export interface TransportStatus {
  readonly peers: readonly (LinkStatus & { readonly id: NodeId })[];
  readonly received: number;
  /** Messages to members that are no peers. */
  readonly unaddressed: number;
  readonly strangers: number;
}

export class PeerTransport implements Transport {
  readonly #options: PeerTransportOptions;
  readonly #limits: TransportLimits;
  readonly #context: GreetContext;
  readonly #acceptor: Acceptor;
  readonly #links = new Map<NodeId, PeerLink>();
  readonly #inbound = new Map<string, Channel>();
  readonly #transfers = new Set<Cancel>();
  #handler: TransportHandler | undefined;
  #counter = 0;
  #received = 0;
  #unaddressed = 0;
  #isStopped = false;
  #isRemoved = false;

  constructor(options: PeerTransportOptions) {
    this.#options = options;
    this.#limits = { ...defaultTransportLimits, ...options.limits };
    const { identity, ticker, network, rules = transportRules } = options;
    this.#context = {
      ticker,
      network,
      self: identity,
      checksum: options.checksum ?? crc32,
      rules,
      gate: new Gate(identity, options.incarnations, options.log, rules),
      pingTicks: this.#limits.pingTicks,
      handshakeTicks: this.#limits.handshakeTicks,
      frameBytesMax: this.#limits.frameBytesMax,
      nextId: () => ({ boot: identity.boot, counter: ++this.#counter }),
      toldOfRemoval: ({ cluster, id }) => {
        if (cluster === identity.cluster && id === identity.id) this.#removedByOthers();
      },
    };
    const welcome = (from: NodeId, purpose: Purpose, channel: Channel): ChannelHandler =>
      this.#welcome(from, purpose, channel);
    this.#acceptor = new Acceptor(this.#context, this.#limits.strangers, welcome, options.discovered);
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    this.#options.network.listen((connection) => {
      if (this.#isStopped) connection.destroy();
      else this.#acceptor.accept(connection);
    });
  }

  setPeers(peers: readonly Peer[]): void {
    if (this.#isStopped) return;
    const wanted = new Map(peers.map((peer) => [peer.id, peer]));
    for (const [id, link] of this.#links) {
      const peer = wanted.get(id);
      if (peer !== undefined && sameBytes(peer.address, link.peer.address)) continue;
      this.#links.delete(id);
      link.stop();
    }
    for (const peer of peers) {
      if (peer.id === this.#options.identity.id || this.#links.has(peer.id)) continue;
      const hooks = {
        unreachable: (): void => this.#handler?.unreachable(peer.id),
        received: (message: Message): void => {
          this.#received += 1;
          this.#handler?.receive(message);
        },
      };
      this.#links.set(peer.id, new PeerLink(this.#context, this.#limits, peer, hooks));
    }
  }

  /**
   * Members that were removed for good, all that are remembered. Each is told so when it calls or answers, now if it is
   * connected, and nothing of it is taken any more.
   */
  setRemoved(ids: readonly NodeId[]): void {
    const { gate } = this.#context;
    gate.removed = new Set(ids);
    for (const [slot, channel] of [...this.#inbound]) {
      const removal = gate.removalOf(slot.slice(slot.indexOf(' ') + 1) as NodeId);
      if (removal !== undefined) channel.refuse(removal.sentence, removal.removed);
    }
  }

  /** Whether there is a connection to this peer now. */
  isConnected(id: NodeId): boolean {
    return this.#links.get(id)?.isOpen === true;
  }

  send(message: Message): void {
    const link = this.#links.get(message.to);
    if (link !== undefined) link.sendMessage(message);
    else if (!this.#sendBack(message)) this.#unaddressed += 1;
  }

  /**
   * To a member that spoke first, on the connection it opened. A follower that lags must be able to answer a leader of which its own
   * log does not tell yet: without an answer it would never be sent what tells it.
   */
  #sendBack(message: Message): boolean {
    const channel = this.#inbound.get(`peer ${message.to}`);
    if (channel === undefined || channel.isBlocked) return false;
    const frame = encodeWith(this.#context, 'message', messageBytes(message), (out) => writeMessage(out, message));
    if (frame.length > this.#context.frameBytesMax) return false;
    channel.write(frame);
    return true;
  }

  sendSnapshot(to: NodeId, source: SnapshotSource, done: Done): Cancel {
    const link = this.#links.get(to);
    if (link === undefined) {
      source.close();
      this.#options.ticker.defer(() => done(new Error(`${to} is no peer of this member`)));
      return () => {};
    }
    const cancel = sendSnapshot(this.#context, link.peer, source, (error) => {
      this.#transfers.delete(cancel);
      done(error);
    });
    this.#transfers.add(cancel);
    return cancel;
  }

  request(to: NodeId, body: Uint8Array, timeoutTicks: number, answer: (outcome: RequestOutcome) => void): void {
    const link = this.#links.get(to);
    if (link !== undefined) link.request(body, timeoutTicks, answer);
    else {
      const reason = `${to} is no peer of this member`;
      this.#options.ticker.defer(() => answer({ kind: 'refused', reason }));
    }
  }

  status(): TransportStatus {
    return {
      peers: [...this.#links].map(([id, link]) => ({ id, ...link.status() })),
      received: this.#received,
      unaddressed: this.#unaddressed,
      strangers: this.#acceptor.strangers,
    };
  }

  stop(done: Done): void {
    this.#isStopped = true;
    for (const cancel of [...this.#transfers]) cancel();
    for (const link of this.#links.values()) link.stop();
    this.#links.clear();
    this.#acceptor.stop();
    for (const channel of [...this.#inbound.values()]) channel.close('this member stops');
    this.#options.network.close(done);
  }

  #removedByOthers(): void {
    if (this.#isRemoved || this.#isStopped) return;
    this.#isRemoved = true;
    this.#options.ticker.defer(() => {
      if (!this.#isStopped) this.#options.onRemoved?.();
    });
  }

  /** A peer has passed the handshake. A newer connection for the same purpose replaces the older one. */
  #welcome(from: NodeId, purpose: Purpose, channel: Channel): ChannelHandler {
    const handler = this.#handler;
    if (handler === undefined) throw new Error('a connection came in before the transport was started');
    const slot = `${purpose} ${from}`;
    this.#inbound.get(slot)?.close('the peer opened a newer connection');
    this.#inbound.set(slot, channel);
    const closed = (reason: string, refusal: string | undefined): void => {
      if (this.#inbound.get(slot) === channel) this.#inbound.delete(slot);
      if (refusal !== undefined) this.#context.gate.logRefusal(from, refusal);
      this.#options.log({ level: 'debug', message: 'peer connection closed', fields: { peer: from, purpose, reason } });
    };
    if (purpose === 'snapshot') return new SnapshotReceiver(this.#context, handler, from, channel, closed);
    this.#links.get(from)?.nudge();
    return peerInbound(this.#context, handler, {
      self: this.#options.identity.id,
      from,
      channel,
      requestsMax: this.#limits.inboundRequests,
      closed,
      received: () => {
        this.#received += 1;
      },
    });
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
