// What a member must remember of itself and of its peers, in one small file that is replaced as a whole: the incarnation
// of its data directory, how often it has started, and with which incarnation each peer was first seen.

import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { NodeId } from '@kontiki/raft';
import type { IncarnationStore } from '../handshake.ts';

export interface MemberIdentity {
  /** Made at random when the file was made. */
  readonly incarnation: string;
  /** Counts the openings of the file: 1, 2, 3, … */
  readonly boot: number;
  readonly incarnations: IncarnationStore;
}

interface Content {
  readonly format: 1;
  readonly incarnation: string;
  readonly boot: number;
  readonly peers: Readonly<Record<string, string>>;
}

/** Makes or opens the file and counts the start. The directory must exist and be nobody else's. */
export async function openIdentityFile(path: string): Promise<MemberIdentity> {
  const found = await read(path);
  let content: Content = { ...found, boot: found.boot + 1 };
  await replace(path, content);
  // One replacement after the other, so that the newest is the one that stays.
  let replacing = Promise.resolve();
  return {
    incarnation: content.incarnation,
    boot: content.boot,
    incarnations: {
      known: (id: NodeId) => content.peers[id],
      remember: (id, incarnation, done) => {
        const next = replacing.then(async () => {
          const known = { ...content, peers: { ...content.peers, [id]: content.peers[id] ?? incarnation } };
          await replace(path, known);
          content = known;
        });
        replacing = next.catch(() => {});
        next.then(
          () => done(undefined),
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
        );
      },
    },
  };
}

async function read(path: string): Promise<Content> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error: unknown) {
    if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'ENOENT') throw error;
    return { format: 1, incarnation: randomBytes(16).toString('hex'), boot: 0, peers: {} };
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    content = undefined;
  }
  if (!isContent(content)) {
    throw new Error(
      `${path} is not an identity file of format 1. Without it this member cannot prove that its disk is the one the ` +
        'others know: restore the file, or remove the member and add it again under a new id',
    );
  }
  return content;
}

function isContent(value: unknown): value is Content {
  if (typeof value !== 'object' || value === null) return false;
  const field = (name: string): unknown => Reflect.get(value, name);
  const peers = field('peers');
  return (
    field('format') === 1 &&
    typeof field('incarnation') === 'string' &&
    Number.isSafeInteger(field('boot')) &&
    typeof peers === 'object' &&
    peers !== null &&
    Object.values(peers).every((incarnation) => typeof incarnation === 'string')
  );
}

async function replace(path: string, content: Content): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(content)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
