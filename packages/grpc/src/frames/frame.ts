// RFC 9113 §4, §6, §7, §11: the numbers of HTTP/2.
//
//   frame    length u24 · type u8 · flags u8 · reserved bit, stream u31 · payload

export const frameHeadBytes = 9;

/** §4.2: what every endpoint must be able to receive, and what may be sent before the peer has allowed more. */
export const frameBytesMin = 16_384;
export const frameBytesMax = 16_777_215;

/** §6.9.1. */
export const windowMax: number = 2 ** 31 - 1;
/** §6.9.2: of the connection, and of streams until SETTINGS say otherwise. */
export const windowDefault = 65_535;

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

/** §6.5.2. */
export const setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** §7. */
export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const;

export type ErrorCode = (typeof errorCode)[keyof typeof errorCode];
