// The sessions as part of the replicated state (§8, thesis §6.3): who is registered, and what was answered to whom. It
// changes only with commands of the log, so it is the same on every member at the same entry; duplicates are seen here,
// where commands are applied, and nowhere earlier, because only the log knows which of two came first.
//
// It knows nothing of what commands do. A state machine in memory is wrapped by `SessionMachine`; one on disk calls `apply`
// itself and stores `encode()` in the same transaction as its own state.

import type { Index } from '../core/api.ts';
import { unreachable } from '../core/assert.ts';
import { asIndex } from '../core/numbers.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { ClusterClock } from './cluster-clock.ts';
import {
  type ClientId,
  decodeCommand,
  readLimits,
  type SessionCommand,
  type SessionLimits,
  type SessionRefusal,
  type SessionResult,
  writeLimits,
} from './session-format.ts';
import { type SessionRules, sessionRules } from './session-rules.ts';

interface Kept {
  /** The entry that was executed. */
  readonly at: Index;
  /** `undefined`: executed, and the reply was dropped. */
  reply: Uint8Array | undefined;
}

interface Session {
  readonly client: ClientId;
  usedAt: number;
  /** Nothing before it will be asked for again. */
  firstOpen: number;
  readonly replies: Map<number, Kept>;
}

export const defaultSessionLimits: SessionLimits = {
  sessions: 4096,
  window: 128,
  replyBytes: 64 * 1024 * 1024,
  // An hour of ticks of 10 ms.
  idleTicks: 360_000,
};

const mark = 0x4b535431; // 'KST1'

/** A reply costs its bytes and about so many more. */
const bytesPerReply = 64;

export class SessionTable {
  /** The clock of this member, from which a leader makes stamps. Not part of the replicated state. */
  readonly clock: ClusterClock = new ClusterClock();
  readonly #rules: SessionRules;
  #limits: SessionLimits = defaultSessionLimits;
  #now = 0;
  /** The least recently used first. */
  #sessions = new Map<ClientId, Session>();
  /** Replies with their bytes, the oldest first; the entry that was executed names each. */
  #kept = new Map<Index, Kept>();
  #keptBytes = 0;
  #duplicates = 0;

  constructor(rules: SessionRules = sessionRules) {
    this.#rules = rules;
  }

  /** The newest stamp that was applied. */
  get now(): number {
    return this.#now;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get replyBytes(): number {
    return this.#keptBytes;
  }

  /** Commands of this life that were seen a second time and not executed. */
  get duplicates(): number {
    return this.#duplicates;
  }

  has(client: ClientId): boolean {
    return this.#sessions.has(client);
  }

  /**
   * Applies one committed command, in the order of the log. `execute` is called at most once, with what is to be done, and
   * answers the bytes that the client shall get, now and whenever it asks again.
   */
  apply(
    { index, command }: { readonly index: Index; readonly command: Uint8Array },
    execute: (body: Uint8Array) => Uint8Array,
  ): SessionResult {
    const decoded = decodeCommand(command);
    if (decoded === undefined) return refused('malformed');
    this.#now = Math.max(this.#now, decoded.stamp);
    this.#expire();
    switch (decoded.kind) {
      case 'register':
        return this.#register(index, decoded.limits);
      case 'command':
        return this.#applyCommand(index, decoded, execute);
      case 'keepAlive': {
        const session = this.#use(decoded.client, decoded.firstOpen);
        return session === undefined ? refused('unknownSession') : { kind: 'alive' };
      }
      case 'close':
        this.#end(this.#sessions.get(decoded.client));
        return { kind: 'alive' };
      case 'plain':
        return { kind: 'done', at: index, reply: execute(decoded.body) };
      default:
        return unreachable(decoded);
    }
  }

  /** The whole replicated state, as of now. */
  encode(): Uint8Array {
    const writer = new ByteWriter().u32(mark).count(this.#now);
    writeLimits(writer, this.#limits);
    writer.u32(this.#sessions.size);
    for (const { client, usedAt, firstOpen, replies } of this.#sessions.values()) {
      const kept = this.#rules.keepsRepliesInSnapshot() ? [...replies] : [];
      writer.count(client).count(usedAt).count(firstOpen).u32(kept.length);
      for (const [sequence, { at, reply }] of kept) {
        writer.count(sequence).count(at);
        if (reply === undefined) writer.u8(0);
        else writer.u8(1).u32(reply.length).raw(reply);
      }
    }
    return writer.done();
  }

  /** Replaces everything by what `encode` gave. Throws `MalformedError`, and then has changed nothing. */
  load(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes, 'the stored table of sessions');
    if (reader.u32() !== mark) reader.fail('it does not begin with its mark');
    const now = reader.count();
    const limits = readLimits(reader);
    const sessions = new Map<ClientId, Session>();
    for (let left = reader.u32(); left > 0; left--) {
      const session = readSession(reader);
      if (sessions.has(session.client)) reader.fail(`session ${session.client} is there twice`);
      sessions.set(session.client, session);
    }
    reader.end();
    this.#now = now;
    this.#limits = limits;
    this.#sessions = sessions;
    this.#kept = new Map();
    this.#keptBytes = 0;
    const kept = [...sessions.values()].flatMap(({ replies }) => [...replies.values()]);
    for (const each of kept.sort((a, b) => a.at - b.at)) this.#keep(each);
  }

  #register(index: Index, limits: SessionLimits): SessionResult {
    // The limits come with the log, so that members which were started with other ones do not part ways.
    this.#limits = limits;
    while (this.#sessions.size >= limits.sessions) this.#end(this.#sessions.values().next().value);
    this.#sessions.set(index, { client: index, usedAt: this.#time(), firstOpen: 1, replies: new Map() });
    return { kind: 'registered', client: index, limits };
  }

  #applyCommand(
    at: Index,
    command: Extract<SessionCommand, { readonly kind: 'command' }>,
    execute: (body: Uint8Array) => Uint8Array,
  ): SessionResult {
    const { client, sequence, firstOpen, body } = command;
    const session = this.#use(client, firstOpen);
    if (session === undefined) {
      if (this.#rules.executesUnknown()) return { kind: 'done', at, reply: execute(body) };
      return refused('unknownSession');
    }
    const kept = session.replies.get(sequence);
    const wasAnswered = sequence < session.firstOpen;
    if (!this.#rules.mayExecute({ wasExecuted: kept !== undefined, wasAnswered })) {
      this.#duplicates += 1;
      if (kept === undefined) return refused('answered');
      return kept.reply === undefined ? refused('replyDropped') : { kind: 'done', at: kept.at, reply: kept.reply };
    }
    if (sequence >= session.firstOpen + this.#limits.window) return refused('outOfWindow');
    // A copy: what the state machine handed out is its own, and a reply must not change any more.
    const reply = execute(body).slice();
    const mine: Kept = { at, reply };
    session.replies.set(sequence, mine);
    this.#keep(mine);
    return { kind: 'done', at, reply };
  }

  /** Notes that a session is in use, and drops what its client has. */
  #use(client: ClientId, firstOpen: number): Session | undefined {
    const session = this.#sessions.get(client);
    if (session === undefined) return undefined;
    session.usedAt = this.#time();
    this.#sessions.delete(client);
    this.#sessions.set(client, session);
    if (firstOpen <= session.firstOpen) return session;
    session.firstOpen = firstOpen;
    for (const [sequence, kept] of session.replies) {
      if (sequence >= firstOpen) continue;
      session.replies.delete(sequence);
      this.#forget(kept);
    }
    return session;
  }

  /** Sessions are used in the order of the log and time never falls, so the first to expire are the least recently used. */
  #expire(): void {
    const now = this.#time();
    for (const session of this.#sessions.values()) {
      if (session.usedAt + this.#limits.idleTicks > now) return;
      this.#end(session);
    }
  }

  #end(session: Session | undefined): void {
    if (session === undefined) return;
    this.#sessions.delete(session.client);
    for (const kept of session.replies.values()) this.#forget(kept);
  }

  #time(): number {
    return this.#rules.expiryTime({ cluster: this.#now, local: this.clock.ticks });
  }

  /** Beyond the bound the oldest replies go; that their commands were executed stays known. */
  #keep(kept: Kept): void {
    if (kept.reply === undefined) return;
    this.#kept.set(kept.at, kept);
    this.#keptBytes += kept.reply.length + bytesPerReply;
    for (const oldest of this.#kept.values()) {
      if (this.#keptBytes <= this.#limits.replyBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(kept: Kept): void {
    if (kept.reply === undefined) return;
    this.#kept.delete(kept.at);
    this.#keptBytes -= kept.reply.length + bytesPerReply;
    kept.reply = undefined;
  }
}

function readSession(reader: ByteReader): Session {
  const client = asIndex(reader.count());
  const usedAt = reader.count();
  const firstOpen = reader.count();
  const replies = new Map<number, Kept>();
  for (let left = reader.u32(); left > 0; left--) {
    const sequence = reader.count();
    if (replies.has(sequence)) reader.fail(`reply ${sequence} of session ${client} is there twice`);
    const at = asIndex(reader.count());
    // A copy, because the bytes may be of a buffer that is used again.
    const reply = reader.u8() === 0 ? undefined : reader.raw(reader.u32()).slice();
    replies.set(sequence, { at, reply });
  }
  return { client, usedAt, firstOpen, replies };
}

function refused(reason: SessionRefusal): SessionResult {
  return { kind: 'refused', reason };
}
