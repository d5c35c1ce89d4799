// Programs of other people that some tests run. Without one its tests are skipped with the reason; `KONTIKI_REQUIRE` names
// those whose absence is a failure.

import { spawn, spawnSync } from 'node:child_process';

/** Debian's own: another Python in the path does not have Debian's packages. */
export const python = '/usr/bin/python3';

/** What shows that it is there, and where it comes from. */
const programs = {
  curl: { proof: ['curl', '--version'], source: 'apt-get install curl' },
  nghttp: { proof: ['nghttp', '--version'], source: 'apt-get install nghttp2-client' },
  h2load: { proof: ['h2load', '--version'], source: 'apt-get install nghttp2-client' },
  'python3-grpcio': { proof: [python, '-c', 'import grpc'], source: 'apt-get install python3-grpcio' },
  h2spec: { proof: ['h2spec', '--version'], source: 'go build ./cmd/h2spec of summerwind/h2spec' },
} as const;

/** The reason to skip, or `false` when the program is here. */
export function without(name: keyof typeof programs): string | false {
  const { proof, source } = programs[name];
  const [file, ...args] = proof;
  if (spawnSync(file, args, { stdio: 'ignore' }).status === 0) return false;
  const reason = `${name} is not here (${source})`;
  const required = (process.env.KONTIKI_REQUIRE ?? '').split(',').map((word) => word.trim());
  if (required.includes(name)) throw new Error(`KONTIKI_REQUIRE asks for it, but ${reason}`);
  return reason;
}

/** What a program has said when it has ended, both outputs together. */
export function run(file: string, args: readonly string[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', () => resolve(Buffer.concat(chunks)));
  });
}
