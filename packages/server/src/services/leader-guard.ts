// What every call passes before its method. A learner serves little. A call that asks for a leader (`hasleader: true`) is
// refused at once while there is none; a stream in progress is ended only when there was none for three election timeouts,
// since setting streams up again costs clients more.

import { isUtf8 } from 'node:buffer';
import type { Call, Method, RequestListener, ResponseStream, RpcError, Service } from '@kontiki/grpc';
import type { Member } from '@kontiki/member';
import { refusal } from '../errors.ts';

const electionsWithoutLeader = 3;

/** What a learner serves: `Range` decides by itself, for a learner serves those that are serializable. */
const learnersPaths: ReadonlySet<string> = new Set([
  '/etcdserverpb.KV/Range',
  '/etcdserverpb.Maintenance/Status',
  '/etcdserverpb.Maintenance/Snapshot',
  '/grpc.health.v1.Health/Check',
  '/grpc.health.v1.Health/Watch',
]);

export function guardOf(member: Member): (path: string, kind: Method['kind'], call: Call) => RpcError | undefined {
  return (path, _kind, call) => {
    if (member.isLearner() && !learnersPaths.has(path)) return refusal('notSupportedForLearner');
    const clientVersion = call.header('client-api-version');
    if (clientVersion !== undefined && !isUtf8(Buffer.from(clientVersion, 'latin1'))) {
      return refusal('invalidClientApiVersion');
    }
    return wantsLeader(call) && member.status().leader === undefined ? refusal('noLeader') : undefined;
  };
}

/** The streams in progress. Ends those that want a leader when there has been none for too long, and all at the end. */
export class OpenStreams {
  readonly #limitMs: number;
  readonly #open = new Set<OpenStream>();
  #timer: NodeJS.Timeout | undefined;

  constructor(member: Member, electionMs: number) {
    this.#limitMs = electionsWithoutLeader * electionMs;
    member.onLeaderChange((leader) => this.#onLeader(leader));
    this.#onLeader(member.status().leader);
  }

  /** The same service, whose streams are watched over. */
  over(service: Service): Service {
    const methods = Object.entries(service.methods).map(([name, method]) => [name, this.#watched(method)] as const);
    return { ...service, methods: Object.fromEntries(methods) };
  }

  /** The server closes: a stream would go on for ever. */
  endAll(): void {
    clearTimeout(this.#timer);
    for (const { responses } of [...this.#open]) responses.fail(refusal('stopped'));
  }

  #onLeader(leader: bigint | undefined): void {
    clearTimeout(this.#timer);
    if (leader !== undefined) return;
    this.#timer = setTimeout(() => {
      for (const { responses, wantsLeader } of [...this.#open]) {
        if (wantsLeader) responses.fail(refusal('noLeader'));
      }
    }, this.#limitMs);
    this.#timer.unref();
  }

  #watched(method: Method): Method {
    if (method.kind === 'unary') return method;
    const { kind, open } = method;
    return {
      kind,
      open: (call, responses) => {
        const listener = open(call, responses);
        const stream = new OpenStream(this.#open, listener, responses, wantsLeader(call));
        this.#open.add(stream);
        return stream;
      },
    };
  }
}

class OpenStream implements RequestListener {
  readonly #all: Set<OpenStream>;
  readonly #listener: RequestListener;
  readonly responses: ResponseStream;
  readonly wantsLeader: boolean;

  constructor(all: Set<OpenStream>, listener: RequestListener, responses: ResponseStream, wantsLeader: boolean) {
    this.#all = all;
    this.#listener = listener;
    this.responses = responses;
    this.wantsLeader = wantsLeader;
  }

  message(request: Uint8Array): void | Promise<void> {
    return this.#listener.message(request);
  }

  halfClose(): void {
    this.#listener.halfClose();
  }

  closed(): void {
    this.#all.delete(this);
    this.#listener.closed();
  }
}

function wantsLeader(call: Call): boolean {
  return call.header('hasleader') === 'true';
}
