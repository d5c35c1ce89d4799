// What every client library can do, said in one way, so that one suite holds for all of them.

import type { Method, Service } from '../../src/index.ts';

export type Kind = Method['kind'];

/** Names that end in `-bin` carry bytes, as base64 here. */
export type Fields = Readonly<Record<string, string>>;

export interface Saying {
  readonly kind: Kind;
  /** `/test.Echo/Say`. */
  readonly path: string;
  /** Each is sent when the one before was answered, if the call is a conversation. */
  readonly messages: readonly Buffer[];
  readonly fields?: Fields;
  readonly timeoutMs?: number;
  /** The call is taken back when this has settled. */
  readonly cancelled?: Promise<void>;
}

export interface Heard {
  readonly messages: readonly Buffer[];
  readonly code: number;
  /** The status message. */
  readonly text: string;
  readonly head: Fields;
  readonly trailers: Fields;
}

export interface OtherClient {
  call(saying: Saying): Promise<Heard>;
  close(): void;
}

export interface ClientOptions {
  readonly port: number;
  /** What is served there. */
  readonly services: readonly Service[];
  /** Requests are compressed. */
  readonly gzip?: boolean;
  /** PEM: TLS, and who has signed the server's certificate. */
  readonly root?: Buffer;
}

export type CreateClient = (options: ClientOptions) => OtherClient;
