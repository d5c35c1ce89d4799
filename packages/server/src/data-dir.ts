// What a data directory is: whose it is, in which format, how often it was started. Who the member is, is decided when the
// directory is made and never again: later flags about the initial cluster are not asked, as in etcd. Opened before anything in it is read,
// so that a wrong directory is refused while it is still whole. Its one own file is replaced as a whole, by rename.
//
//   DIR/kontiki.json   this file
//   DIR/member/wal     the log (or --wal-dir)
//   DIR/member/snap    snapshots that were sent to us
//   DIR/member/db      rows

import { randomBytes } from 'node:crypto';
import type { Vfs, VfsFile, VfsLock } from '@kontiki/wal';
import { VfsError } from '@kontiki/wal';
import { hexId } from './config/identity.ts';
import { answered, completed } from './promised.ts';

/** Raised when a data directory cannot be used as it is. The message says what to do. */
export class DataDirError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DataDirError';
  }
}

export interface DataDirOptions {
  readonly vfs: Vfs;
  readonly directory: string;
  readonly walDirectory: string | undefined;
  readonly token: string;
  /** Who the flags of a new cluster would make this member; undefined when they describe none. */
  readonly flagged: Pick<NewMember, 'clusterId' | 'memberId'> | undefined;
  /** Asked when the directory holds nothing yet. A rejection ends the opening and leaves nothing behind. */
  readonly newMember: () => Promise<NewMember>;
}

/** Who a member is when its data directory is made. */
export interface NewMember {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** The members of a new cluster; or, for one that joins, those of the running one. */
  readonly members: readonly { readonly id: bigint; readonly peerUrls: readonly string[] }[];
  readonly joins: boolean;
}

/** The format of the directory as a whole; log, snapshots and rows have versions of their own. */
const format = 1;
const fileName = 'kontiki.json';

interface Content {
  readonly format: number;
  readonly cluster: string;
  readonly member: string;
  readonly incarnation: string;
  readonly boot: number;
  /** A log was made durable here: from then on an empty one is a lost one. */
  readonly logged: boolean;
  readonly peers: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly joins?: boolean;
  readonly members?: readonly { readonly id: string; readonly peerUrls: readonly string[] }[];
}

export class DataDir {
  readonly walDirectory: string;
  readonly snapshotDirectory: string;
  readonly rowsDirectory: string;
  readonly #vfs: Vfs;
  readonly #directory: string;
  readonly #lock: VfsLock;
  #content: Content;
  /** Writes follow one another, whoever asks for them. */
  #lastWrite: Promise<void> = Promise.resolve();

  /** @throws DataDirError, or VfsError (LOCKED names the holder). */
  static async open(options: DataDirOptions): Promise<DataDir> {
    const { vfs, directory } = options;
    await usable(answered((done) => vfs.makeDirectory(directory, done)));
    const lock = await usable(completed<VfsLock>((completion) => vfs.lock(directory, completion)));
    try {
      const found = await read(vfs, directory);
      if (found === undefined) await requireUnused(options);
      else requireSame(found, options);
      const content = found ?? fresh(await options.newMember(), options.token);
      const dir = new DataDir(options, lock, { ...content, boot: content.boot + 1 });
      if (content.logged) await dir.#requireLog();
      await dir.#write();
      return dir;
    } catch (error: unknown) {
      await answered((done) => lock.release(done));
      throw error;
    }
  }

  private constructor(options: DataDirOptions, lock: VfsLock, content: Content) {
    this.#vfs = options.vfs;
    this.#directory = options.directory;
    this.#lock = lock;
    this.#content = content;
    this.walDirectory = options.walDirectory ?? `${options.directory}/member/wal`;
    this.snapshotDirectory = `${options.directory}/member/snap`;
    this.rowsDirectory = `${options.directory}/member/db`;
  }

  get clusterId(): bigint {
    return BigInt(`0x${this.#content.cluster}`);
  }

  get memberId(): bigint {
    return BigInt(`0x${this.#content.member}`);
  }

  /** As it was when the directory was made; for a first start that did not get far. */
  get beginning(): Pick<NewMember, 'members' | 'joins'> {
    const { members = [], joins = false } = this.#content;
    return { joins, members: members.map(({ id, peerUrls }) => ({ id: BigInt(`0x${id}`), peerUrls })) };
  }

  /** Random, made once with the directory: peers know by it that the disk is still the same. */
  get incarnation(): string {
    return this.#content.incarnation;
  }

  /** Counts the starts; durable before the number is used. */
  get boot(): number {
    return this.#content.boot;
  }

  /** The log has been made durable, and the member is about to take part: without that log it never shall again. */
  async logIsThere(): Promise<void> {
    if (this.#content.logged) return;
    this.#content = { ...this.#content, logged: true };
    await this.#write();
  }

  /** The incarnation a peer was first seen with. */
  knownPeer(id: string): string | undefined {
    return this.#content.peers[id];
  }

  rememberPeer(id: string, incarnation: string): Promise<void> {
    this.#content = { ...this.#content, peers: { ...this.#content.peers, [id]: incarnation } };
    return this.#write();
  }

  /** These were removed for good: what was known of them is not needed any more. */
  forgetPeers(ids: readonly string[]): Promise<void> {
    if (!ids.some((id) => id in this.#content.peers)) return Promise.resolve();
    const left = Object.entries(this.#content.peers).filter(([id]) => !ids.includes(id));
    this.#content = { ...this.#content, peers: Object.fromEntries(left) };
    return this.#write();
  }

  async close(): Promise<void> {
    await this.#lastWrite.catch(() => undefined);
    await answered((done) => this.#lock.release(done));
  }

  /** §5.2: a member that has lost its log does not know how it voted, and might vote twice. */
  async #requireLog(): Promise<void> {
    const names = await namesIn(this.#vfs, this.walDirectory);
    if (names.some((name) => name.endsWith('.wal'))) return;
    throw new DataDirError(
      `the log of this member is gone: ${this.walDirectory} holds no segment, though ${this.#directory}/${fileName} says ` +
        'that there was one; put it back, or give --wal-dir if it has moved',
    );
  }

  #write(): Promise<void> {
    const content = `${JSON.stringify(this.#content, undefined, 2)}\n`;
    this.#lastWrite = this.#lastWrite.then(() => replace(this.#vfs, this.#directory, content));
    return this.#lastWrite;
  }
}

/** Says the way out of what is wrong with the directory itself. Who else has it open says so. */
async function usable<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error: unknown) {
    if (!(error instanceof VfsError) || error.code === 'LOCKED') throw error;
    throw new DataDirError(
      `${error.message}; give another --data-dir, or let the user that runs the server write there`,
    );
  }
}

function fresh({ clusterId, memberId, members, joins }: NewMember, token: string): Content {
  return {
    format,
    cluster: hexId(clusterId),
    member: hexId(memberId),
    incarnation: randomBytes(16).toString('hex'),
    boot: 0,
    logged: false,
    peers: {},
    token,
    joins,
    members: members.map(({ id, peerUrls }) => ({ id: hexId(id), peerUrls })),
  };
}

/**
 * The flags need not describe the cluster of now; they may not describe another member of the cluster that this one began with, nor
 * another cluster by its token. Then somebody has confused two directories.
 */
function requireSame(found: Content, { directory, flagged, token }: DataDirOptions): void {
  if (flagged === undefined) return;
  const [cluster, member] = [hexId(flagged.clusterId), hexId(flagged.memberId)];
  const isOther = found.cluster === cluster && found.member !== member;
  if (!isOther && (found.token === undefined || found.token === token)) return;
  throw new DataDirError(
    `data directory ${directory} belongs to member ${found.member} of cluster ${found.cluster}, but the flags make this ` +
      `member ${member} of cluster ${cluster}: start it with the --initial-cluster, --initial-cluster-token and ` +
      '--initial-advertise-peer-urls it was made with, or give another --data-dir',
  );
}

/** Data without our file is somebody else's: etcd's, or a member of which a part was taken away. */
async function requireUnused({ vfs, directory }: DataDirOptions): Promise<void> {
  for (const part of ['member', 'member/wal', 'member/snap', 'member/db']) {
    const names = await namesIn(vfs, `${directory}/${part}`);
    if (names.length === 0) continue;
    throw new DataDirError(
      `data directory ${directory} holds ${part}/${names[0]} but no ${fileName}: it is not Kontiki's, or a part of it is ` +
        'missing; give another --data-dir, or put the file back',
    );
  }
}

async function namesIn(vfs: Vfs, directory: string): Promise<readonly string[]> {
  try {
    return await completed<readonly string[]>((completion) => vfs.list(directory, completion));
  } catch (error: unknown) {
    if (error instanceof VfsError && error.code === 'NOT_FOUND') return [];
    throw error;
  }
}

async function read(vfs: Vfs, directory: string): Promise<Content | undefined> {
  const path = `${directory}/${fileName}`;
  let file: VfsFile;
  try {
    file = await completed<VfsFile>((completion) => vfs.open(path, 'existing', completion));
  } catch (error: unknown) {
    if (error instanceof VfsError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
  const size = await completed<number>((completion) => file.size(completion));
  const bytes = await completed<Uint8Array>((completion) => file.read(0, size, completion));
  await answered((done) => file.close(done));
  return parsed(Buffer.from(bytes).toString(), path);
}

function parsed(text: string, path: string): Content {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const fields = typeof value === 'object' && value !== null ? value : {};
  if ('format' in fields && typeof fields.format === 'number' && fields.format > format) {
    throw new DataDirError(
      `${path} says format ${fields.format}, and this version reads format ${format}: start the version that wrote it, ` +
        'or a newer one',
    );
  }
  if (!isContent(fields)) {
    throw new DataDirError(
      `${path} is damaged: put it back from a backup of the directory; it says whose data this is`,
    );
  }
  return fields;
}

function isContent(fields: object): fields is Content {
  const has = (name: string, type: string): boolean => typeof Reflect.get(fields, name) === type;
  return (
    Reflect.get(fields, 'format') === format &&
    ['cluster', 'member', 'incarnation'].every((name) => has(name, 'string')) &&
    Number.isSafeInteger(Reflect.get(fields, 'boot')) &&
    has('logged', 'boolean') &&
    has('peers', 'object') &&
    Object.values(Reflect.get(fields, 'peers') ?? {}).every((incarnation) => typeof incarnation === 'string') &&
    ['cluster', 'member'].every((name) => /^[\da-f]{1,16}$/.test(String(Reflect.get(fields, name)))) &&
    (!('token' in fields) || has('token', 'string')) &&
    (!('joins' in fields) || has('joins', 'boolean')) &&
    (!('members' in fields) || (Array.isArray(fields.members) && fields.members.every(isMember)))
  );
}

function isMember(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const [id, urls]: readonly unknown[] = [Reflect.get(value, 'id'), Reflect.get(value, 'peerUrls')];
  return /^[\da-f]{1,16}$/.test(String(id)) && Array.isArray(urls) && urls.every((url) => typeof url === 'string');
}

async function replace(vfs: Vfs, directory: string, content: string): Promise<void> {
  const path = `${directory}/${fileName}`;
  const file = await completed<VfsFile>((completion) => vfs.open(`${path}.tmp`, 'create', completion));
  await answered((done) => file.write(0, Buffer.from(content), done));
  await answered((done) => file.fdatasync(done));
  await answered((done) => file.close(done));
  await answered((done) => vfs.rename(`${path}.tmp`, path, done));
  await answered((done) => vfs.syncDirectory(directory, done));
}
