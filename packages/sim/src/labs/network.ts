// The simulated network of the lectures' labs, in virtual time: requests and their replies between endpoints and servers, by
// the labs' probabilities and delays (docs/labs.md). Bytes go in and bytes come out; what they mean it does not know.
//
// Order is not kept, not even between two calls of one endpoint. The reply of a server that was deleted or replaced meanwhile
// is never delivered: what a dead server would have said, nobody hears.

import { Chance } from '../chance.ts';
import type { LabClock } from './clock.ts';

/** An unreliable network holds each request back for less than this … */
const shortDelayMs = 27;
/** … and loses so many requests of a thousand, and so many replies. */
const lostPerMille = 100;
/** A call to nobody fails after less than this: with long delays, and without. */
const longDelayMs = 7000;
const noServerDelayMs = 100;
/** How often a call that waits for its server looks whether it is still there. */
const lookMs = 100;

/** `undefined`: there was no reply, and nobody knows whether the server saw the request. */
export type Answer = (reply: Uint8Array | undefined) => void;

export interface Request {
  /** Whose endpoint it came from. */
  readonly from: string;
  readonly method: string;
  readonly args: Uint8Array;
  /** May be called at any later time. Only the first reply ends the call; what follows is delivered by the same rules. */
  readonly reply: (bytes: Uint8Array) => void;
}

export type Handler = (request: Request) => void;

/** What the labs' network does not do. */
export interface HardNetwork {
  /** Requests, and replies, of a thousand that come a second time, up to `doubleDelayMs` later. */
  readonly doubledPerMille: number;
  readonly doubleDelayMs: number;
  /** Instead of the labs' loss while the network is unreliable: of a thousand messages on the way from one to another. */
  readonly lostPerMille: (from: string, to: string) => number;
}

interface Call {
  readonly endpoint: LabEndpoint;
  readonly server: LabServerPort;
  readonly begunAt: number;
  readonly chance: Chance;
  readonly answer: Answer;
  hasEnded: boolean;
  hasReply: boolean;
}

export class LabNetwork {
  readonly clock: LabClock;
  readonly #seed: string;
  readonly #servers = new Map<string, LabServerPort>();
  readonly #chances = new Map<string, Chance>();
  readonly #hard: HardNetwork | undefined;
  isReliable = true;
  /** Calls to nobody fail late. */
  hasLongDelays = false;
  /** Two of three replies come late, and so in another order. */
  hasLongReordering = false;
  #requests = 0;
  #bytes = 0;

  constructor(clock: LabClock, seed: string, hard?: HardNetwork) {
    this.clock = clock;
    this.#seed = seed;
    this.#hard = hard;
  }

  /** Requests so far, delivered or not; a request that the network doubled counts once. */
  get requests(): number {
    return this.#requests;
  }

  /** Bytes of requests so far, and of replies that were delivered. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An end to call from, which is connected to nobody and switched off. */
  endpoint(owner: string): LabEndpoint {
    return new LabEndpoint(this, owner);
  }

  /** Replaces what was there under this name. */
  addServer(name: string, handler: Handler): LabServerPort {
    this.deleteServer(name);
    const server = new LabServerPort(name, handler);
    this.#servers.set(name, server);
    return server;
  }

  deleteServer(name: string): void {
    const server = this.#servers.get(name);
    if (server === undefined) return;
    server.isGone = true;
    this.#servers.delete(name);
    for (const call of server.outstanding) this.look(call);
  }

  server(name: string): LabServerPort | undefined {
    return this.#servers.get(name);
  }

  /** For endpoints. */
  call(endpoint: LabEndpoint, method: string, args: Uint8Array, answer: Answer): void {
    this.#requests += 1;
    this.#bytes += args.length;
    const { owner, target } = endpoint;
    const chance = endpoint.chance ?? this.#chanceOf(endpoint);
    const server = endpoint.isEnabled && target !== undefined ? this.#servers.get(target) : undefined;
    if (server === undefined) {
      const ms = chance.below(this.hasLongDelays ? longDelayMs : noServerDelayMs);
      this.clock.later(ms, () => answer(undefined));
      return;
    }
    const call: Call = {
      endpoint,
      server,
      begunAt: this.clock.now,
      chance,
      answer,
      hasEnded: false,
      hasReply: false,
    };
    const wasReliable = this.isReliable;
    const ms = wasReliable ? 0 : chance.below(shortDelayMs);
    const isLost = !wasReliable && this.#isLost(chance, owner, server.name);
    this.clock.later(ms, () => {
      if (isLost) this.#fail(call);
      else this.#dispatch(call, method, args);
    });
    if (this.#hard !== undefined && chance.below(1000) < this.#hard.doubledPerMille) {
      this.clock.later(ms + chance.below(this.#hard.doubleDelayMs), () =>
        server.handle(this.#request(call, method, args)),
      );
    }
  }

  /** An endpoint was switched off, or a server is gone: whoever waits will see it when it looks next. */
  look(call: Call): void {
    if (call.hasReply || call.hasEnded) return;
    const waited = this.clock.now - call.begunAt;
    this.clock.later(lookMs - (waited % lookMs), () => {
      if (!call.hasReply && this.#isDead(call)) this.#fail(call);
    });
  }

  #dispatch(call: Call, method: string, args: Uint8Array): void {
    call.server.outstanding.add(call);
    call.endpoint.outstanding.add(call);
    call.server.count += 1;
    call.server.handle(this.#request(call, method, args));
    // The server may have gone while the request was under way: nobody is left to reply.
    if (this.#isDead(call)) this.look(call);
  }

  #request(call: Call, method: string, args: Uint8Array): Request {
    return { from: call.endpoint.owner, method, args, reply: (bytes) => this.#reply(call, bytes) };
  }

  #reply(call: Call, bytes: Uint8Array): void {
    const { chance, endpoint, server } = call;
    call.hasReply = true;
    server.outstanding.delete(call);
    endpoint.outstanding.delete(call);
    // A call has failed once it was given up; one that was answered may be answered again.
    if (this.#isDead(call) || (!this.isReliable && this.#isLost(chance, server.name, endpoint.owner))) {
      this.#fail(call);
      return;
    }
    const isLate = this.hasLongReordering && chance.below(900) < 600;
    const ms = isLate ? 200 + chance.below(1 + chance.below(2000)) : 0;
    const deliver = (): void => {
      call.hasEnded = true;
      this.#bytes += bytes.length;
      call.answer(bytes);
    };
    this.clock.later(ms, deliver);
    if (this.#hard !== undefined && chance.below(1000) < this.#hard.doubledPerMille) {
      this.clock.later(ms + chance.below(this.#hard.doubleDelayMs), () => call.answer(bytes));
    }
  }

  /** Tells the caller that there is no reply, unless there was one. */
  #fail(call: Call): void {
    call.server.outstanding.delete(call);
    call.endpoint.outstanding.delete(call);
    if (call.hasEnded) return;
    call.hasEnded = true;
    // Never before the call has returned.
    this.clock.defer(() => call.answer(undefined));
  }

  #isDead({ endpoint, server }: Call): boolean {
    return !endpoint.isEnabled || server.isGone;
  }

  #isLost(chance: Chance, from: string, to: string): boolean {
    return chance.below(1000) < (this.#hard?.lostPerMille(from, to) ?? lostPerMille);
  }

  /** Each direction between two has draws of its own, so that a call more elsewhere changes nothing here. */
  #chanceOf(endpoint: LabEndpoint): Chance {
    const key = `${endpoint.owner}>${endpoint.target ?? ''}`;
    const chance = this.#chances.get(key) ?? new Chance(this.#seed, `network ${key}`);
    this.#chances.set(key, chance);
    endpoint.chance = chance;
    return chance;
  }
}

/** A place that calls come from: of one caller, to one server. */
export class LabEndpoint {
  readonly #network: LabNetwork;
  /** The caller. */
  readonly owner: string;
  /** For the network. */
  readonly outstanding: Set<Call> = new Set();
  /** For the network: what it draws from for calls to this target, once there was one. */
  chance: Chance | undefined;
  #target: string | undefined;
  #isEnabled = false;

  constructor(network: LabNetwork, owner: string) {
    this.#network = network;
    this.owner = owner;
  }

  get target(): string | undefined {
    return this.#target;
  }

  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  connect(server: string): void {
    this.#target = server;
    this.chance = undefined;
  }

  enable(isEnabled: boolean): void {
    this.#isEnabled = isEnabled;
    if (!isEnabled) for (const call of this.outstanding) this.#network.look(call);
  }

  /** `answer` is never called before this has returned. */
  call(method: string, args: Uint8Array, answer: Answer): void {
    this.#network.call(this, method, args, answer);
  }
}

/** A server as the network sees it, for as long as it is not replaced. */
export class LabServerPort {
  readonly name: string;
  readonly handle: Handler;
  /** Requests that reached it; one that the network doubled counts once. */
  count = 0;
  /** For the network: it was deleted, or another has its name. */
  isGone = false;
  /** For the network. */
  readonly outstanding: Set<Call> = new Set();

  constructor(name: string, handle: Handler) {
    this.name = name;
    this.handle = handle;
  }
}
