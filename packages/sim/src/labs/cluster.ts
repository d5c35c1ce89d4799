// Servers of the labs, their storage, and the network between them: starts, crashes, and who can talk to whom. What the servers
// are for, a service says.

import type { DriverRules, DriverSettings, NodeId, Rules } from '@kontiki/raft';
import type { WalRules } from '@kontiki/wal';
import { Chance } from '../chance.ts';
import type { KvRules } from './kv/kv-rules.ts';
import { type LabEndpoint, LabNetwork, type Request } from './network.ts';
import { isRaftMethod } from './raft-port.ts';
import { type ApplyMessage, LabServer } from './server.ts';
import { type LabSetting, type SettingName, settingNamed } from './settings.ts';
import type { LabStorage } from './storage.ts';
import type { Threads } from './threads.ts';
import { tickMs } from './ticker.ts';

/** What runs on a server above Raft, for one life of it. */
export interface LabService {
  /** Must not wait, and must not call `start`; it may call `snapshot`. */
  apply(message: ApplyMessage): void;
  /** Requests that are not Raft's: of clerks. */
  handle?(request: Request): void;
  /** The server is gone. */
  kill?(): void;
}

/** Faults of ours, for proving that the suites can go red. */
export interface Planted {
  /** Of the key/value services. */
  readonly kv?: KvRules;
  readonly core?: Rules;
  readonly driver?: DriverRules;
  /** Only where servers have a log on a disk. */
  readonly wal?: WalRules;
  /** Instead of what the setting says. */
  readonly settings?: Partial<DriverSettings>;
  /** What carries commands goes to each peer twice. */
  readonly sendsTwice?: boolean;
  /** A restarted server finds nothing of what it had stored. */
  readonly losesStorage?: boolean;
}

export interface ClusterOptions {
  readonly servers: number;
  readonly setting: SettingName;
  /** All chance of the run. */
  readonly seed: string;
  readonly service: (at: number, server: LabServer) => LabService;
  readonly planted?: Planted;
}

interface Place {
  readonly id: NodeId;
  storage: LabStorage;
  boot: number;
  server: LabServer | undefined;
  service: LabService | undefined;
  isConnected: boolean;
  /** From here to each of the others; made anew with each life. */
  endpoints: ReadonlyMap<NodeId, LabEndpoint>;
}

export class LabCluster {
  readonly threads: Threads;
  readonly network: LabNetwork;
  readonly setting: LabSetting;
  readonly seed: string;
  /** For the test itself. */
  readonly chance: Chance;
  readonly #options: ClusterOptions;
  readonly #places: readonly Place[];
  #powerCuts = 0;

  /** Nobody runs yet. */
  constructor(threads: Threads, options: ClusterOptions) {
    this.threads = threads;
    this.#options = options;
    this.setting = settingNamed(options.setting);
    this.seed = options.seed;
    this.chance = new Chance(options.seed, 'test');
    this.network = new LabNetwork(threads.clock, options.seed, this.setting.network(options.seed));
    this.#places = Array.from({ length: options.servers }, (_, at) => {
      const id = serverName(at) as NodeId;
      return {
        id,
        storage: this.#storage(id),
        boot: 0,
        server: undefined,
        service: undefined,
        isConnected: false,
        endpoints: new Map(),
      };
    });
  }

  get size(): number {
    return this.#places.length;
  }

  get everybody(): readonly number[] {
    return this.#places.map((_, at) => at);
  }

  /** The server, while it runs. */
  server(at: number): LabServer | undefined {
    return this.#place(at).server;
  }

  isConnected(at: number): boolean {
    return this.#place(at).isConnected;
  }

  /** Requests that reached this server in its present life. */
  rpcCount(at: number): number {
    return this.network.server(serverName(at))?.count ?? 0;
  }

  /** A new life, with what is stored. It is not connected to anybody yet. */
  start(at: number): LabServer {
    const place = this.#place(at);
    this.crash(at);
    place.boot += 1;
    const { id, boot } = place;
    const { seed, planted } = this.#options;
    place.endpoints = new Map(
      this.#places.filter((other) => other !== place).map((other) => [other.id, this.#endpoint(id, other.id)]),
    );
    const server = new LabServer({
      id,
      members: this.#places.map((member) => member.id),
      boot,
      seed,
      setting: this.setting,
      clock: this.threads.clock,
      phaseMs: new Chance(seed, `phase of ${id} ${boot}`).below(tickMs),
      storage: place.storage,
      endpoints: place.endpoints,
      apply: (message) => place.service?.apply(message),
      failed: (error) => this.threads.fail(error),
      ...(planted === undefined ? {} : { planted }),
    });
    place.server = server;
    const service = this.#options.service(at, server);
    place.service = service;
    this.network.addServer(id, (request) => {
      if (server.isDead) return;
      if (isRaftMethod(request.method)) server.handle(request);
      else service.handle?.(request);
    });
    return server;
  }

  /** The server is gone, and with it whatever it had not stored. */
  crash(at: number): void {
    const place = this.#place(at);
    this.disconnect(at);
    this.network.deleteServer(place.id);
    place.server?.kill();
    place.service?.kill?.();
    if (place.server !== undefined && this.#options.planted?.losesStorage === true)
      place.storage = this.#storage(place.id);
    place.server = undefined;
    place.service = undefined;
  }

  /**
   * The power of this server fails in the middle of its next write, and it starts again at once, connected to whom it was. Does
   * nothing where storage knows no power.
   */
  cutPowerAtNextWrite(at: number): void {
    const place = this.#place(at);
    const { server } = place;
    place.storage.whenWriting?.(() => {
      if (place.server !== server || server === undefined) return;
      const links = this.#places.map((other) => place.endpoints.get(other.id)?.isEnabled ?? false);
      const { isConnected } = place;
      this.#powerCuts += 1;
      this.start(at);
      place.isConnected = isConnected;
      for (const [other, isOn] of links.entries()) this.#link(at, other, isOn);
    });
  }

  /** How often the power of a server failed in the middle of a write. */
  get powerCuts(): number {
    return this.#powerCuts;
  }

  /** It can talk to everybody who is connected, and they to it. */
  connect(at: number): void {
    this.#place(at).isConnected = true;
    for (const other of this.everybody) if (this.isConnected(other)) this.#link(at, other, true);
  }

  /** Nobody hears it, and it hears nobody. */
  disconnect(at: number): void {
    this.#place(at).isConnected = false;
    for (const other of this.everybody) this.#link(at, other, false);
  }

  /** Within a group everybody talks to everybody, and nobody to another group. Who is in none talks to nobody. */
  partition(groups: readonly (readonly number[])[]): void {
    for (const at of this.everybody) {
      this.#place(at).isConnected = groups.some((group) => group.includes(at));
      for (const other of this.everybody)
        if (other > at)
          this.#link(
            at,
            other,
            groups.some((group) => group.includes(at) && group.includes(other)),
          );
    }
  }

  /** A caller that is no server, to one server. */
  endpointTo(at: number, owner: string): LabEndpoint {
    return this.#endpoint(owner, serverName(at));
  }

  /** The largest log of all servers that run. */
  get logSize(): number {
    return Math.max(0, ...this.#places.map(({ server }) => server?.raftStateSize ?? 0));
  }

  get snapshotSize(): number {
    return Math.max(0, ...this.#places.map(({ server }) => server?.snapshotSize ?? 0));
  }

  #storage(id: NodeId): LabStorage {
    return this.setting.storage(this.seed, id, this.#options.planted?.wal);
  }

  #link(a: number, b: number, isOn: boolean): void {
    const [one, other] = [this.#place(a), this.#place(b)];
    one.endpoints.get(other.id)?.enable(isOn);
    other.endpoints.get(one.id)?.enable(isOn);
  }

  #endpoint(owner: string, server: string): LabEndpoint {
    const endpoint = this.network.endpoint(owner);
    endpoint.connect(server);
    return endpoint;
  }

  #place(at: number): Place {
    const place = this.#places[at];
    if (place === undefined) throw new RangeError(`there is no server ${at} of ${this.#places.length}`);
    return place;
  }
}

/** In the network and among the members. */
export function serverName(at: number): string {
  return `s${at}`;
}
