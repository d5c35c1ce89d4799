// One client's calls to a service that one of several servers leads: where the leader was, and who says that they are not it.
// One call at a time, and each is sent until it is answered.

import type { LabEndpoint } from '../network.ts';
import type { Body, Threads } from '../threads.ts';
import { decodeJson, encodeJson } from './json-bytes.ts';

/** What a server says to a request. */
export type Reply<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** It does not lead, or does no longer: the request may still be carried out. `leader` is whom it takes for the leader. */
  | { readonly kind: 'wrongLeader'; readonly leader?: number };

export interface Answered<Answer> {
  readonly answer: Answer;
  /** It was sent before, and nobody knows what became of that. */
  readonly isRepeat: boolean;
}

/** How long to wait after every server was asked in vain. An election takes far longer. */
const pauseMs = 20;

export class Calls<Request, Answer> {
  readonly #threads: Threads;
  readonly #endpoints: readonly LabEndpoint[];
  #leader = 0;
  /** The last one, which a server that is asked again says again. */
  #refusal: { readonly bytes: Uint8Array; readonly reply: Reply<Answer> } | undefined;

  /** One endpoint to each server. It reaches nobody yet. */
  constructor(threads: Threads, endpoints: readonly LabEndpoint[]) {
    this.#threads = threads;
    this.#endpoints = endpoints;
  }

  /** From now on it reaches these and no others. */
  connect(servers: readonly number[]): void {
    for (const [server, endpoint] of this.#endpoints.entries()) endpoint.enable(servers.includes(server));
  }

  /** Asks until somebody answers. */
  *call(request: Request): Body<Answered<Answer>> {
    const bytes = encodeJson(request);
    const servers = this.#endpoints.length;
    for (let failed = 0; ; failed += 1) {
      if (failed > 0 && failed % servers === 0) yield* this.#threads.sleep(pauseMs);
      const reply = yield* this.#send(bytes);
      if (reply?.kind === 'answered') return { answer: reply.answer, isRepeat: failed > 0 };
      // Two that take each other for the leader must not keep us from the others.
      const hint = failed % servers === 0 ? reply?.leader : undefined;
      this.#leader = hint ?? (this.#leader + 1) % servers;
    }
  }

  /** `undefined`: the request was lost, or its reply. */
  *#send(request: Uint8Array): Body<Reply<Answer> | undefined> {
    const endpoint = this.#endpoints[this.#leader];
    if (endpoint === undefined) return undefined;
    const bytes = yield* this.#threads.answerOf<Uint8Array | undefined>((answer) => {
      endpoint.call('kv', request, answer);
    });
    return bytes === undefined ? undefined : this.#read(bytes);
  }

  #read(bytes: Uint8Array): Reply<Answer> {
    if (this.#refusal?.bytes === bytes) return this.#refusal.reply;
    const reply = decodeJson<Reply<Answer>>(bytes);
    if (reply.kind === 'wrongLeader') this.#refusal = { bytes, reply };
    return reply;
  }
}
