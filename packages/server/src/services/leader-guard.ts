// Calls that ask for a leader (`hasleader: true`): a new one is refused at once while there is none, a stream in progress is
// ended only when there was none for three election timeouts, since setting streams up again costs clients more.

import { isUtf8 } from 'node:buffer';
import type { Member } from '@kontiki/member';
import { refusal } from '../errors.ts';
import type { Call, Method, Service } from '../rpc/handler.ts';
import type { RpcError } from '../rpc/status.ts';

const electionsWithoutLeader = 3;

/** What every call passes before its method. */
export function guardOf(member: Member): (path: string, kind: Method['kind'], call: Call) => RpcError | undefined {
  return (_path, _kind, call) => {
    const clientVersion = call.header('client-api-version');
    if (clientVersion !== undefined && !isUtf8(Buffer.from(clientVersion, 'latin1'))) {
      return refusal('invalidClientApiVersion');
    }
    return wantsLeader(call) && member.status().leader === undefined ? refusal('noLeader') : undefined;
  };
}

/** Ends the streams that want a leader when there has been none for too long. One for all streams of a member. */
export class LeaderlessStreams {
  readonly #limitMs: number;
  readonly #enders = new Set<() => void>();
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

  stop(): void {
    clearTimeout(this.#timer);
    this.#enders.clear();
  }

  #onLeader(leader: bigint | undefined): void {
    clearTimeout(this.#timer);
    if (leader !== undefined) return;
    this.#timer = setTimeout(() => {
      for (const end of [...this.#enders]) end();
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
        if (!wantsLeader(call)) return listener;
        const end = (): void => responses.fail(refusal('noLeader'));
        this.#enders.add(end);
        return {
          message: (request) => listener.message(request),
          halfClose: () => listener.halfClose(),
          closed: () => {
            this.#enders.delete(end);
            listener.closed();
          },
        };
      },
    };
  }
}

function wantsLeader(call: Call): boolean {
  return call.header('hasleader') === 'true';
}
