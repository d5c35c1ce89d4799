// What a session's client and its member say to each other, and what of it stands in the log. Both are read by other
// versions than wrote them, so each begins with a mark and a version.
//
//   request, answer    'k' 's' version kind fields
//   command in the log 'K' 'S' version stamp(8) kind fields
//
// A command of the log that is malformed was never written by this package: every member refuses it alike. One of a version
// that is not known here may mean something to others, so this member must not go on as if it meant nothing.

import type { Index, NodeId } from '../core/api.ts';
import { asIndex } from '../core/numbers.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { MalformedError } from './errors.ts';

/** Names a session: the index of the entry that registered it, so it is unique in the cluster. */
export type ClientId = Index;

/** What all members keep, at most. Each registration brings those of the leader of then into the log, for all to obey. */
export interface SessionLimits {
  /** Sessions; one more ends the one that was used least recently. */
  readonly sessions: number;
  /** Commands of one session that its client has under way, and so replies that are kept for it. */
  readonly window: number;
  /** Bytes of replies of all sessions; beyond, the oldest are dropped. */
  readonly replyBytes: number;
  /** A session that was not used for so many ticks of cluster time ends. */
  readonly idleTicks: number;
}

/** In `firstOpen`, a client says that it has, or needs no more, the answers to everything before this sequence. */
export type SessionRequest =
  | { readonly kind: 'register' }
  | {
      readonly kind: 'command';
      readonly client: ClientId;
      readonly sequence: number;
      readonly firstOpen: number;
      readonly body: Uint8Array;
    }
  | { readonly kind: 'keepAlive'; readonly client: ClientId; readonly firstOpen: number }
  | { readonly kind: 'close'; readonly client: ClientId };

/** What stands in the log. `plain` is a command outside any session: executed as often as it stands there. */
export type SessionCommand = { readonly stamp: number } & (
  | Exclude<SessionRequest, { readonly kind: 'register' }>
  | { readonly kind: 'register'; readonly limits: SessionLimits }
  | { readonly kind: 'plain'; readonly body: Uint8Array }
);

/** Why a command was not executed, the same on every member. */
export type SessionRefusal =
  /** Expired, evicted, closed, or never registered. */
  | 'unknownSession'
  /** It was executed before, and the reply is no longer kept. */
  | 'replyDropped'
  /** The client itself has said that it needs no answer any more. */
  | 'answered'
  /** Too far ahead of `firstOpen`. */
  | 'outOfWindow'
  | 'malformed';

/** What the state machine answers: the result of a `SessionCommand`. */
export type SessionResult =
  | { readonly kind: 'registered'; readonly client: ClientId; readonly limits: SessionLimits }
  /** `at` is the entry that was executed, the first one of several that stand for the same command. */
  | { readonly kind: 'done'; readonly at: Index; readonly reply: Uint8Array }
  | { readonly kind: 'alive' }
  | { readonly kind: 'refused'; readonly reason: SessionRefusal };

/** What a member answers to a request: a result, or why there is none yet. */
export type SessionAnswer =
  | SessionResult
  /** No effect, this member does not lead. */
  | { readonly kind: 'notLeader'; readonly leader: NodeId | undefined }
  /** No effect; not now, or not by this member. */
  | { readonly kind: 'overloaded' | 'stopped' | 'tooLarge' }
  /** It may have had its effect, or have it later. */
  | { readonly kind: 'unknown' };

const requestKinds = ['register', 'command', 'keepAlive', 'close', 'plain'] as const;
const refusals: readonly SessionRefusal[] = ['unknownSession', 'replyDropped', 'answered', 'outOfWindow', 'malformed'];
const answerKinds = [
  'registered',
  'done',
  'alive',
  'refused',
  'notLeader',
  'overloaded',
  'stopped',
  'tooLarge',
  'unknown',
] as const;

const version = 1;
const wireMark = 0x6b73;
const logMark = 0x4b53;
/** Characters of a node's name in a hint; a longer one is left out. */
const nodeIdMax = 1024;

export function encodeRequest(request: SessionRequest): Uint8Array {
  const writer = new ByteWriter().u16(wireMark).u8(version).u8(requestKinds.indexOf(request.kind));
  writeFields(writer, request);
  return writer.done();
}

export function decodeRequest(bytes: Uint8Array): SessionRequest {
  const reader = new ByteReader(bytes, 'the session request');
  const kind = readHead(reader);
  if (kind === 'plain') return reader.fail('its kind is not for clients');
  if (kind === 'register') {
    reader.end();
    return { kind };
  }
  return readFields(reader, kind);
}

export function encodeCommand(command: SessionCommand): Uint8Array {
  const writer = new ByteWriter().u16(logMark).u8(version).count(command.stamp).u8(requestKinds.indexOf(command.kind));
  if (command.kind === 'register') writeLimits(writer, command.limits);
  else if (command.kind === 'plain') writer.raw(command.body);
  else writeFields(writer, command);
  return writer.done();
}

/** `undefined` is a command that this package has not written. Throws for one that a newer version of it has written. */
export function decodeCommand(bytes: Uint8Array): SessionCommand | undefined {
  try {
    return readCommand(new ByteReader(bytes, 'the session command'));
  } catch (error: unknown) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

function readCommand(reader: ByteReader): SessionCommand {
  if (reader.u16() !== logMark) reader.fail('it does not begin with its mark');
  const written = reader.u8();
  if (written !== version) {
    throw new RangeError(`a session command of version ${written} is committed, and only ${version} is known: upgrade`);
  }
  const stamp = reader.count();
  const kind = kindOf(reader);
  if (kind === 'plain') return { stamp, kind, body: reader.rest() };
  if (kind !== 'register') return { stamp, ...readFields(reader, kind) };
  const limits = readLimits(reader);
  reader.end();
  return { stamp, kind, limits };
}

export function encodeAnswer(answer: SessionAnswer): Uint8Array {
  const writer = new ByteWriter().u16(wireMark).u8(version).u8(answerKinds.indexOf(answer.kind));
  switch (answer.kind) {
    case 'registered':
      writeLimits(writer.count(answer.client), answer.limits);
      break;
    case 'done':
      writer.count(answer.at).raw(answer.reply);
      break;
    case 'refused':
      writer.u8(refusals.indexOf(answer.reason));
      break;
    case 'notLeader':
      writeText(writer, answer.leader ?? '');
      break;
    default:
  }
  return writer.done();
}

export function decodeAnswer(bytes: Uint8Array): SessionAnswer {
  const reader = new ByteReader(bytes, 'the answer of a session');
  readMark(reader);
  const kind = answerKinds[reader.u8()] ?? reader.fail('its kind is not known');
  const answer = readAnswer(reader, kind);
  reader.end();
  return answer;
}

function readAnswer(reader: ByteReader, kind: SessionAnswer['kind']): SessionAnswer {
  switch (kind) {
    case 'registered':
      return { kind, client: asIndex(reader.count()), limits: readLimits(reader) };
    case 'done':
      return { kind, at: asIndex(reader.count()), reply: reader.rest() };
    case 'refused':
      return { kind, reason: refusals[reader.u8()] ?? reader.fail('its reason is not known') };
    case 'notLeader': {
      const leader = readText(reader);
      return { kind, leader: leader === '' ? undefined : (leader as NodeId) };
    }
    default:
      return { kind };
  }
}

export function writeLimits(writer: ByteWriter, limits: SessionLimits): void {
  writer.u32(limits.sessions).u32(limits.window).count(limits.replyBytes).count(limits.idleTicks);
}

export function readLimits(reader: ByteReader): SessionLimits {
  const limits = {
    sessions: reader.u32(),
    window: reader.u32(),
    replyBytes: reader.count(),
    idleTicks: reader.count(),
  };
  if (Object.values(limits).some((value) => value < 1)) reader.fail('a limit is 0');
  return limits;
}

function writeFields(writer: ByteWriter, request: SessionRequest): void {
  if (request.kind === 'register') return;
  writer.count(request.client);
  if (request.kind === 'close') return;
  writer.count(request.firstOpen);
  if (request.kind === 'command') writer.count(request.sequence).raw(request.body);
}

function readFields(
  reader: ByteReader,
  kind: 'command' | 'keepAlive' | 'close',
): Exclude<SessionRequest, { readonly kind: 'register' }> {
  const client = asIndex(reader.count());
  if (kind === 'close') {
    reader.end();
    return { kind, client };
  }
  const firstOpen = reader.count();
  if (kind === 'keepAlive') {
    reader.end();
    return { kind, client, firstOpen };
  }
  const sequence = reader.count();
  if (sequence < firstOpen) reader.fail(`sequence ${sequence} is before ${firstOpen}, the first that is open`);
  return { kind, client, firstOpen, sequence, body: reader.rest() };
}

function readHead(reader: ByteReader): (typeof requestKinds)[number] {
  readMark(reader);
  return kindOf(reader);
}

function readMark(reader: ByteReader): void {
  if (reader.u16() !== wireMark) reader.fail('it does not begin with its mark');
  const written = reader.u8();
  if (written !== version) reader.fail(`it is of version ${written}, and only ${version} is known`);
}

function kindOf(reader: ByteReader): (typeof requestKinds)[number] {
  return requestKinds[reader.u8()] ?? reader.fail('its kind is not known');
}

function writeText(writer: ByteWriter, text: string): void {
  const kept = text.length > nodeIdMax ? '' : text;
  writer.u16(kept.length);
  for (let at = 0; at < kept.length; at++) writer.u16(kept.charCodeAt(at));
}

function readText(reader: ByteReader): string {
  const length = reader.u16();
  if (length > nodeIdMax) reader.fail(`a name of ${length} characters`);
  return String.fromCharCode(...Array.from({ length }, () => reader.u16()));
}
