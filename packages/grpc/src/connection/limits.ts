// Every number that bounds what one connection may cost, and what is usual.

export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

export interface ConnectionLimits {
  /** SETTINGS_MAX_CONCURRENT_STREAMS. A call that was taken back counts until its handler has finished. */
  readonly concurrentStreamsMax: number;
  /** SETTINGS_MAX_HEADER_LIST_SIZE; a field block may have no more bytes either. */
  readonly headerListBytesMax: number;
  /** HEADERS and CONTINUATION frames of one field block. */
  readonly blockFramesMax: number;
  /** SETTINGS_INITIAL_WINDOW_SIZE: what a client may send on a stream before anybody has read it. */
  readonly streamWindowBytes: number;
  /** The receive window of the connection. */
  readonly connectionWindowBytes: number;
  /** What may be granted to messages larger than a stream's window, all together. One is always granted. */
  readonly largeMessageBytesMax: number;
  /** What one stream holds back for a client that reads slowly, before its writer is told to wait. */
  readonly streamQueueBytes: number;
  /** What all streams together hold back, before new ones are refused, and writers that do not wait lose theirs. */
  readonly queueBytesMax: number;
  /** With more than that held back, something must be taken within this time. */
  readonly stallMs: number;
  /** While others wait for memory, so long may nothing be taken of what is held back. */
  readonly yieldMs: number;
  /** What the socket may hold back, before the connection neither reads nor writes on. */
  readonly backlogBytesMax: number;
  /** Preface, SETTINGS, and the acknowledgement of ours must all be here by then. */
  readonly openingMs: number;
  /** From the first frame of a field block to its last. */
  readonly blockMs: number;
  /** Streams that end by RST_STREAM, from either side (rapid reset, made-you-reset). */
  readonly resets: Rate;
  /** Frames that lead nowhere: SETTINGS, PING, PRIORITY, unknown ones, empty DATA. What we answer with pays them back. */
  readonly idleFrames: Rate;
  /** DATA frames too short for the head of a message. Those of a fair length, and answers, pay them back. */
  readonly fragments: Rate;
  /** WINDOW_UPDATE, beyond two for every request and every DATA frame of ours. */
  readonly windowUpdates: Rate;
  /** DATA frames of ours that a tiny window made tiny. */
  readonly tinyFrames: Rate;
}

export const defaultLimits: ConnectionLimits = {
  concurrentStreamsMax: 256,
  headerListBytesMax: 16_384,
  blockFramesMax: 8,
  streamWindowBytes: 65_535,
  connectionWindowBytes: 1_048_576,
  largeMessageBytesMax: 8_388_608,
  streamQueueBytes: 65_536,
  queueBytesMax: 8_388_608,
  stallMs: 30_000,
  yieldMs: 5000,
  backlogBytesMax: 262_144,
  openingMs: 10_000,
  blockMs: 10_000,
  resets: { burst: 1000, perSecond: 200 },
  idleFrames: { burst: 1000, perSecond: 100 },
  fragments: { burst: 10_000, perSecond: 1000 },
  windowUpdates: { burst: 10_000, perSecond: 1000 },
  tinyFrames: { burst: 10_000, perSecond: 100 },
};
