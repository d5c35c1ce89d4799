// RFC 9113 §6: what the payload of each type of frame must look like, whatever the state of the connection. Each function
// throws exactly the error that the section names.

import { type ErrorCode, errorCode, flag, frameBytesMax, frameBytesMin, setting, windowMax } from './frame.ts';
import { ConnectionError, StreamError } from './frame-errors.ts';

/** A part of a frame's payload. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The data of a DATA frame, without its padding. */
export function dataSpan(flags: number, streamId: number, bytes: Buffer, start: number, end: number): Span {
  // §6.1: stream 0 is an error of the connection.
  onStream(streamId, 'DATA');
  return withoutPadding(flags, bytes, start, end);
}

/** The fragment of a field block in a HEADERS frame, without padding and priority. */
export function headersSpan(flags: number, streamId: number, bytes: Buffer, start: number, end: number): Span {
  onStream(streamId, 'HEADERS');
  const span = withoutPadding(flags, bytes, start, end);
  if ((flags & flag.priority) === 0) return span;
  // §6.2: five octets of priority, which nobody looks at any more (§5.3.2).
  if (span.end - span.start < 5) fail(errorCode.frameSizeError, 'HEADERS too short for its priority');
  return { start: span.start + 5, end: span.end };
}

function withoutPadding(flags: number, bytes: Buffer, start: number, end: number): Span {
  if ((flags & flag.padded) === 0) return { start, end };
  if (start === end) fail(errorCode.frameSizeError, 'a padded frame without the length of its padding');
  const padding = bytes[start] ?? 0;
  // §6.1, §6.2: padding as long as what is left of the payload, or longer, is an error of the connection.
  if (padding >= end - start) fail(errorCode.protocolError, 'padding longer than its frame');
  return { start: start + 1, end: end - padding };
}

/** §6.3: checked, and then of no consequence. */
export function checkPriority(streamId: number, start: number, end: number): void {
  onStream(streamId, 'PRIORITY');
  if (end - start !== 5) throw new StreamError(streamId, errorCode.frameSizeError, 'PRIORITY is not 5 bytes');
}

/** The code of a RST_STREAM; unknown ones are passed on (§7). */
export function rstStreamCode(streamId: number, bytes: Buffer, start: number, end: number): number {
  onStream(streamId, 'RST_STREAM');
  // §6.4: an error of the connection.
  if (end - start !== 4) fail(errorCode.frameSizeError, 'RST_STREAM is not 4 bytes');
  return bytes.readUInt32BE(start);
}

/** What one SETTINGS frame sets; absent is unchanged. */
export interface PeerSettings {
  headerTableSize?: number;
  initialWindowSize?: number;
  maxFrameSize?: number;
  maxHeaderListSize?: number;
}

/** `undefined` for an acknowledgement. */
export function readSettings(
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
): PeerSettings | undefined {
  offStream(streamId, 'SETTINGS');
  if ((flags & flag.ack) !== 0) {
    // §6.5: an acknowledgement has no payload.
    if (start !== end) fail(errorCode.frameSizeError, 'an acknowledgement of SETTINGS with a payload');
    return undefined;
  }
  if ((end - start) % 6 !== 0) fail(errorCode.frameSizeError, 'SETTINGS is not a multiple of 6 bytes');
  const settings: PeerSettings = {};
  // §6.5.3: in the order they appear; the last one of a kind is what counts.
  for (let at = start; at < end; at += 6) applySetting(settings, bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
  return settings;
}

function applySetting(settings: PeerSettings, id: number, value: number): void {
  // §6.5.2: the ranges, and their errors. Unknown settings are ignored.
  switch (id) {
    case setting.headerTableSize:
      settings.headerTableSize = value;
      break;
    case setting.enablePush:
      if (value > 1) fail(errorCode.protocolError, `ENABLE_PUSH of ${value}`);
      break;
    case setting.initialWindowSize:
      if (value > windowMax) fail(errorCode.flowControlError, `INITIAL_WINDOW_SIZE of ${value}`);
      settings.initialWindowSize = value;
      break;
    case setting.maxFrameSize:
      if (value < frameBytesMin || value > frameBytesMax) fail(errorCode.protocolError, `MAX_FRAME_SIZE of ${value}`);
      settings.maxFrameSize = value;
      break;
    case setting.maxHeaderListSize:
      settings.maxHeaderListSize = value;
      break;
  }
}

/** §6.7. */
export function checkPing(streamId: number, start: number, end: number): void {
  offStream(streamId, 'PING');
  if (end - start !== 8) fail(errorCode.frameSizeError, 'PING is not 8 bytes');
}

/** §6.8. */
export function checkGoaway(streamId: number, start: number, end: number): void {
  offStream(streamId, 'GOAWAY');
  if (end - start < 8) fail(errorCode.frameSizeError, 'GOAWAY is shorter than 8 bytes');
}

/** The increment of a WINDOW_UPDATE. */
export function windowIncrement(streamId: number, bytes: Buffer, start: number, end: number): number {
  // §6.9: an error of the connection.
  if (end - start !== 4) fail(errorCode.frameSizeError, 'WINDOW_UPDATE is not 4 bytes');
  const increment = bytes.readUInt32BE(start) & windowMax;
  if (increment > 0) return increment;
  // §6.9: an increment of 0 is an error of the stream, or of the connection when it is its window.
  if (streamId === 0) fail(errorCode.protocolError, 'WINDOW_UPDATE by 0');
  throw new StreamError(streamId, errorCode.protocolError, 'WINDOW_UPDATE by 0');
}

/** §6.10. */
export function checkContinuation(streamId: number): void {
  onStream(streamId, 'CONTINUATION');
}

function onStream(streamId: number, name: string): void {
  if (streamId === 0) fail(errorCode.protocolError, `${name} on stream 0`);
}

function offStream(streamId: number, name: string): void {
  if (streamId !== 0) fail(errorCode.protocolError, `${name} on stream ${streamId}`);
}

function fail(code: ErrorCode, message: string): never {
  throw new ConnectionError(code, message);
}
