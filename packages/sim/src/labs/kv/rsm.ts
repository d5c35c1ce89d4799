// The layer between a service and Raft, as 6.5840 has it: a request is submitted, agreed on, carried out on every server, and
// answered where it was submitted. It decides when a snapshot is taken, and brings the machine back from one.
//
// Whoever submits is answered in any case: by the operation, by somebody else's in its place, by the loss of leadership, or by
// the end of the server.

import { encodeText } from '../lab-values.ts';
import type { ApplyMessage, LabServer } from '../server.ts';
import type { Body, Threads } from '../threads.ts';
import type { CommandReader } from './command-reader.ts';
import { encodeJson } from './json-bytes.ts';
import type { KvRules } from './kv-rules.ts';
import type { Machine } from './machine.ts';

export type Submitted<Answer> =
  | { readonly kind: 'ok'; readonly answer: Answer }
  /** This server does not lead, or no longer: the request may still be carried out. */
  | { readonly kind: 'wrongLeader' };

export interface RsmOptions<Request, Answer> {
  readonly threads: Threads;
  readonly server: LabServer;
  readonly machine: Machine<Request, Answer>;
  /** No two lives of the servers of a group share one. */
  readonly life: string;
  /** The log is cut when it is larger than so many bytes; `undefined`: never. */
  readonly logBytesMax: number | undefined;
  readonly rules: KvRules;
  /** One for all servers of a group. */
  readonly commands: CommandReader<Logged<Request>>;
}

/** What is in the log. The id tells whose it is when it is applied. */
export interface Logged<Request> {
  readonly id: string;
  readonly request: Request;
}

interface Waiter<Answer> {
  readonly id: string;
  readonly term: number;
  readonly answer: (submitted: Submitted<Answer>) => void;
}

/** How often to look whether this server still leads: nothing need ever be applied to one that was cut off. */
const lookMs = 50;

const wrongLeader = { kind: 'wrongLeader' } as const;
const behind = encodeText('}');

export class Rsm<Request, Answer> {
  readonly #options: RsmOptions<Request, Answer>;
  readonly #waiters = new Map<number, Waiter<Answer>>();
  #submitted = 0;
  #bytesSinceSnapshot = 0;
  #isDead = false;

  constructor(options: RsmOptions<Request, Answer>) {
    this.#options = options;
    options.threads.spawn(() => this.#watch());
  }

  get machine(): Machine<Request, Answer> {
    return this.#options.machine;
  }

  /** As `submit` for a request in JSON, as it came; answers by callback, which may come before this returns. */
  submitted(request: Uint8Array, answer: (submitted: Submitted<Answer>) => void): void {
    const { server, life } = this.#options;
    this.#submitted += 1;
    if (!server.getState().isLeader) {
      answer(wrongLeader);
      return;
    }
    const id = `${life}.${this.#submitted}`;
    const { index, term, isLeader } = server.start(loggedJson(id, request));
    if (!isLeader) {
      answer(wrongLeader);
      return;
    }
    // Whoever waited here led in an earlier term, and its entry is gone.
    this.#end(index, wrongLeader);
    this.#waiters.set(index, { id, term, answer });
  }

  /** Has the request carried out. */
  *submit(request: Request): Body<Submitted<Answer>> {
    const bytes = encodeJson(request);
    return yield* this.#options.threads.answerOf<Submitted<Answer>>((answer) => this.submitted(bytes, answer));
  }

  apply(message: ApplyMessage): void {
    const { machine, rules } = this.#options;
    if (message.kind === 'snapshot') {
      machine.restore(message.bytes);
      this.#bytesSinceSnapshot = 0;
      for (const index of [...this.#waiters.keys()]) if (index <= message.index) this.#end(index, wrongLeader);
      return;
    }
    const { index, command } = message;
    const { id, request } = this.#options.commands.read(index, command);
    const answer = machine.doOperation(request);
    const waiter = this.#waiters.get(index);
    if (waiter !== undefined) {
      this.#end(index, rules.isMine(waiter.id, id) ? { kind: 'ok', answer } : wrongLeader);
    }
    this.#bytesSinceSnapshot += command.length;
    this.#snapshotIfLarge(index);
  }

  kill(): void {
    this.#isDead = true;
    for (const index of [...this.#waiters.keys()]) this.#end(index, wrongLeader);
  }

  #end(index: number, submitted: Submitted<Answer>): void {
    const waiter = this.#waiters.get(index);
    this.#waiters.delete(index);
    waiter?.answer(submitted);
  }

  #snapshotIfLarge(index: number): void {
    const { server, machine, logBytesMax } = this.#options;
    // A snapshot is stored some time after it was taken; only then the log is cut.
    if (logBytesMax === undefined || this.#bytesSinceSnapshot < logBytesMax / 2) return;
    if (server.raftStateSize <= logBytesMax) return;
    this.#bytesSinceSnapshot = 0;
    server.snapshot(index, machine.snapshot());
  }

  *#watch(): Body {
    const { threads, server } = this.#options;
    for (;;) {
      yield* threads.sleep(lookMs);
      if (this.#isDead) return;
      if (this.#waiters.size === 0) continue;
      const { term, isLeader } = server.getState();
      for (const [index, waiter] of [...this.#waiters]) {
        if (!isLeader || waiter.term !== term) this.#end(index, wrongLeader);
      }
    }
  }
}

/** `Logged` in JSON. The request stands in it as it came: no server need read it before it is applied. */
function loggedJson(id: string, request: Uint8Array): Uint8Array {
  const before = encodeText(`{"id":"${id}","request":`);
  const bytes = new Uint8Array(before.length + request.length + behind.length);
  bytes.set(before);
  bytes.set(request, before.length);
  bytes.set(behind, before.length + request.length);
  return bytes;
}
