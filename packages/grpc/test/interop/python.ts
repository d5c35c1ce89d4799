// python3-grpcio, the C core of gRPC, through the suite's interface: a process of its own, see python-client.py.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CreateClient, Heard, Saying } from './other-client.ts';
import { python } from './programs.ts';

export const createPython: CreateClient = ({ port, gzip = false, root }) => {
  const folder = mkdtempSync(join(tmpdir(), 'grpc-python-'));
  const rootFile = join(folder, 'root.pem');
  if (root !== undefined) writeFileSync(rootFile, root);
  const script = join(dirname(fileURLToPath(import.meta.url)), 'python-client.py');
  const args = [script, `localhost:${port}`, gzip ? 'gzip' : 'plain', ...(root === undefined ? [] : [rootFile])];
  const child = spawn(python, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.once('exit', () => rmSync(folder, { recursive: true }));

  const waiting = new Map<number, (heard: Heard) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, messages, ...rest } = JSON.parse(line) as Omit<Heard, 'messages'> & {
      readonly id: number;
      readonly messages: readonly string[];
    };
    waiting.get(id)?.({ ...rest, messages: messages.map((message) => Buffer.from(message, 'base64')) });
    waiting.delete(id);
  });
  let last = 0;
  const call = ({ kind, path, messages, fields = {}, timeoutMs, cancelled }: Saying): Promise<Heard> => {
    last += 1;
    const id = last;
    const saying = {
      ...{ id, kind, path, fields },
      messages: messages.map((message) => message.toString('base64')),
      held: cancelled !== undefined,
      ...(timeoutMs !== undefined && { timeout: timeoutMs / 1000 }),
    };
    child.stdin.write(`${JSON.stringify(saying)}\n`);
    void cancelled?.then(() => child.stdin.write(`${JSON.stringify({ id, cancel: true })}\n`));
    return new Promise((resolve) => waiting.set(id, resolve));
  };
  return { call, close: () => child.stdin.end() };
};
