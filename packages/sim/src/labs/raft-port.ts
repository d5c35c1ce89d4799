// Raft over the labs' network: each message that asks is an RPC, and the message that answers it goes back as its reply. What
// ties the two is what the core echoes: the round of an append, the phase of a vote, the id of a read.
//
// A follower may answer one append twice, at once with what is durable and again when the new entries are: that is one RPC,
// whose second reply costs its bytes only. The bytes are those of the codec that servers use.

import type {
  Cancel,
  Done,
  Message,
  MessageOf,
  NodeId,
  Peer,
  RequestOutcome,
  SnapshotMeta,
  SnapshotSource,
  Ticker,
  Transport,
  TransportHandler,
} from '@kontiki/raft';
import { ByteReader, ByteWriter, readMessage, writeMessage } from '@kontiki/transport';
import type { LabEndpoint, Request } from './network.ts';

/** The bytes of a snapshot travel before the message that says to take it. */
const snapshotMethod = 'snapshotBytes';
const methods: ReadonlySet<string> = new Set<Message['kind'] | typeof snapshotMethod>([
  'requestVote',
  'appendEntries',
  'installSnapshot',
  'readIndex',
  'timeoutNow',
  snapshotMethod,
]);

/** Whether a request is Raft's own. */
export function isRaftMethod(method: string): boolean {
  return methods.has(method);
}

/** Rounds of one peer that may still be answered. More than it ever has under way. */
const roundsMax = 512;
/** Of these, so many that were answered in full. What comes twice may be answered once more. */
const answeredMax = 16;
/** §5.1: how long after it failed a request for a vote is sent again, and how often, if nothing else was sent meanwhile. */
const retryTicks = 5;
const retriesMax = 8;
const nothing = new Uint8Array(0);
const scratch = new ByteWriter(4096);

type Reply = Request['reply'];

/** How to answer an append, and up to which entry: the answer that says so, or that refuses, is almost always the last. */
interface Round {
  readonly reply: Reply;
  readonly through: number;
  isAnswered: boolean;
}

interface Link {
  readonly endpoint: LabEndpoint;
  /** Calls to this peer, and the newest of them that was answered. */
  sent: number;
  answered: number;
  /** How to answer what it asked. */
  readonly rounds: Map<number, Round>;
  readonly reads: Map<number, Reply>;
  readonly votes: Map<string, Reply>;
}

export class RaftPort implements Transport {
  readonly #id: NodeId;
  readonly #ticker: Ticker;
  readonly #links: ReadonlyMap<NodeId, Link>;
  readonly #sendsTwice: boolean;
  #handler: TransportHandler | undefined;

  /** `sendsTwice` is a fault, planted. */
  constructor(id: NodeId, ticker: Ticker, endpoints: ReadonlyMap<NodeId, LabEndpoint>, sendsTwice: boolean) {
    this.#sendsTwice = sendsTwice;
    this.#id = id;
    this.#ticker = ticker;
    this.#links = new Map([...endpoints].map(([peer, endpoint]) => [peer, newLink(endpoint)]));
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
  }

  setPeers(_peers: readonly Peer[]): void {}

  send(message: Message): void {
    const link = this.#links.get(message.to);
    if (link === undefined) return;
    switch (message.kind) {
      case 'requestVoteReply':
        link.votes.get(message.phase)?.(encode(message));
        return;
      case 'appendEntriesReply':
        answerRound(link.rounds, message);
        return;
      case 'readIndexReply':
        link.reads.get(message.readId)?.(encode(message));
        link.reads.delete(message.readId);
        return;
      default:
        this.#ask(link, message);
        if (this.#sendsTwice && message.kind === 'appendEntries' && message.entries.length > 0)
          this.#ask(link, message);
    }
  }

  /** A request of a peer. */
  handle({ from, method, args, reply }: Request): void {
    const peer = from as NodeId;
    const link = this.#links.get(peer);
    if (this.#handler === undefined || link === undefined) return;
    if (method === snapshotMethod) {
      this.#takeSnapshot(peer, args, reply);
      return;
    }
    const message = decode(args, peer, this.#id);
    if (message.kind === 'requestVote') link.votes.set(message.phase, reply);
    else if (message.kind === 'readIndex') link.reads.set(message.readId, reply);
    else if (message.kind === 'timeoutNow') reply(nothing);
    else if (message.kind === 'appendEntries' || message.kind === 'installSnapshot') {
      link.rounds.set(message.round, { reply, through: lastOf(message), isAnswered: false });
      dropOldest(link.rounds);
    }
    this.#handler.receive(message);
  }

  sendSnapshot(to: NodeId, source: SnapshotSource, done: Done): Cancel {
    let isOver = false;
    const finish = (error: Error | undefined): void => {
      if (isOver) return;
      isOver = true;
      source.close();
      this.#ticker.defer(() => done(error));
    };
    const chunks: Uint8Array[] = [];
    const next = (): void =>
      source.next((outcome) => {
        if (isOver) return;
        if (outcome.kind === 'failed') finish(outcome.error);
        else if (outcome.value === undefined) {
          this.#links.get(to)?.endpoint.call(snapshotMethod, this.#announce(to, source.meta, chunks), (reply) => {
            finish(reply?.[0] === 1 ? undefined : new Error('the bytes did not arrive, or were not wanted'));
          });
        } else {
          chunks.push(outcome.value);
          next();
        }
      });
    next();
    return () => finish(new Error('the transfer was cancelled'));
  }

  request(to: NodeId, _body: Uint8Array, _ticks: number, answer: (outcome: RequestOutcome) => void): void {
    this.#ticker.defer(() => answer({ kind: 'refused', reason: `nothing is forwarded to ${to}` }));
  }

  stop(done: Done): void {
    this.#handler = undefined;
    this.#ticker.defer(() => done(undefined));
  }

  #ask(link: Link, message: Message, retries: number = retriesMax): void {
    link.sent += 1;
    const number = link.sent;
    link.endpoint.call(message.kind, encode(message), (reply) => {
      if (reply !== undefined) {
        link.answered = Math.max(link.answered, number);
        if (reply.length > 0) this.#handler?.receive(decode(reply, message.to, this.#id));
        return;
      }
      // It, and what was sent behind it, may be lost; a failure that is older than an answer says nothing about now.
      if (number > link.answered) this.#handler?.unreachable(message.to);
      if (message.kind === 'requestVote' && retries > 0) {
        // §5.1: a leader comes again with its next heartbeat; a candidate that does not would wait for its next election.
        this.#ticker.after(retryTicks, () => {
          if (link.sent === number) this.#ask(link, message, retries - 1);
        });
      }
    });
  }

  /** The message that will name the snapshot, and its bytes behind it. */
  #announce(to: NodeId, snapshot: SnapshotMeta, chunks: readonly Uint8Array[]): Uint8Array {
    const { term } = snapshot.last;
    const head = encode({ kind: 'installSnapshot', from: this.#id, to, term, snapshot, round: 0 });
    const out = new ByteWriter(chunks.reduce((sum, chunk) => sum + chunk.length + 8, head.length + 8));
    out.blob(head);
    for (const chunk of chunks) out.blob(chunk);
    return out.take();
  }

  #takeSnapshot(from: NodeId, args: Uint8Array, reply: Reply): void {
    const reader = new ByteReader(args);
    const head = decode(reader.blob('head'), from, this.#id);
    const sink = head.kind === 'installSnapshot' ? this.#handler?.offerSnapshot(from, head.snapshot) : undefined;
    const answer = (error: Error | undefined): void => reply(Uint8Array.of(error === undefined ? 1 : 0));
    if (sink === undefined) {
      reply(Uint8Array.of(0));
      return;
    }
    const next = (): void => {
      if (reader.left === 0) sink.commit(answer);
      else {
        sink.write(reader.blob('chunk'), (error) => {
          if (error === undefined) next();
          else answer(error);
        });
      }
    };
    next();
  }
}

function newLink(endpoint: LabEndpoint): Link {
  return { endpoint, sent: 0, answered: 0, rounds: new Map(), reads: new Map(), votes: new Map() };
}

function answerRound(rounds: ReadonlyMap<number, Round>, message: MessageOf<'appendEntriesReply'>): void {
  const round = rounds.get(message.round);
  if (round === undefined) return;
  const { outcome } = message;
  round.isAnswered ||= outcome.kind === 'rejected' || outcome.match >= round.through;
  round.reply(encode(message));
}

/** The last entry that the follower will have with this. */
function lastOf(message: MessageOf<'appendEntries'> | MessageOf<'installSnapshot'>): number {
  return message.kind === 'appendEntries' ? message.prev.index + message.entries.length : message.snapshot.last.index;
}

function dropOldest(rounds: Map<number, Round>): void {
  for (const [number, { isAnswered }] of rounds) {
    if (rounds.size <= (isAnswered ? answeredMax : roundsMax)) return;
    rounds.delete(number);
  }
}

function encode(message: Message): Uint8Array {
  scratch.clear();
  writeMessage(scratch, message);
  return scratch.copy();
}

function decode(bytes: Uint8Array, from: NodeId, to: NodeId): Message {
  return readMessage(new ByteReader(bytes), { from, to });
}
