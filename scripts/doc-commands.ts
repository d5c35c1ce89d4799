// Commands in README and docs are run, so that what a reader types works. A fence is run by its info string:
//
//   sh        in every full test, against a cluster of this run's own (usual endpoints are replaced by its ports)
//   sh long   by `npm run docs:long`
//   anything else is not a command

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export interface DocCommands {
  readonly page: string;
  readonly line: number;
  readonly long: boolean;
  readonly script: string;
}

export function docCommands(): readonly DocCommands[] {
  const docs = readdirSync(join(root, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []));
  return ['README.md', ...docs].flatMap((page) => commandsIn(page, readFileSync(join(root, page), 'utf8')));
}

export function commandsIn(page: string, text: string): readonly DocCommands[] {
  return [...text.matchAll(/^```sh( long)?\n([\s\S]*?)^```$/gm)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length,
    long: match[1] !== undefined,
    script: match[2] ?? '',
  }));
}

/** What README and docs call the usual endpoints. */
const usual = ['127.0.0.1:2379', '127.0.0.1:22379', '127.0.0.1:32379'];

export class DocCluster {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #endpoints: readonly string[];

  private constructor(child: ChildProcess, folder: string, endpoints: readonly string[]) {
    this.#child = child;
    this.#folder = folder;
    this.#endpoints = endpoints;
  }

  /** Three members on free ports. */
  static async start(): Promise<DocCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'kontiki-docs-'));
    const program = join(root, 'packages/server/dist/bin/kontiki.js');
    const child = spawn(process.execPath, [program, 'dev', '--base-port', '0', '--data-dir', folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`kontiki dev ended (${code}): ${output}`)));
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (/^ready$/m.test(output)) resolve();
      });
    });
    const { members } = JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')) as {
      readonly members: readonly { readonly clientUrl: string }[];
    };
    return new DocCluster(
      child,
      folder,
      members.map(({ clientUrl }) => clientUrl.replace('http://', '')),
    );
  }

  /** Runs as a reader would, in the repository, stopping at the first command that fails. */
  async run({ script }: DocCommands): Promise<{ readonly code: number; readonly output: string }> {
    const replaced = usual.reduce(
      (text, endpoint, i) =>
        text.replaceAll(new RegExp(`${endpoint.replaceAll('.', '\\.')}\\b`, 'g'), this.#endpoints[i] ?? ''),
      script,
    );
    const child = spawn('bash', ['-euo', 'pipefail', '-c', replaced], {
      cwd: root,
      env: { ...process.env, ETCDCTL_API: '3', KONTIKI_ENDPOINTS: this.#endpoints.join(',') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const [code] = (await once(child, 'close')) as [number];
    return { code, output };
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** `npm run docs:long` */
async function runLong(): Promise<void> {
  const cluster = await DocCluster.start();
  try {
    for (const commands of docCommands().filter(({ long }) => long)) {
      process.stdout.write(`${commands.page}:${commands.line}\n${commands.script}`);
      const { code, output } = await cluster.run(commands);
      process.stdout.write(output);
      if (code !== 0) {
        process.stderr.write(`${commands.page}:${commands.line} ended with ${code}\n`);
        process.exitCode = 1;
      }
    }
  } finally {
    await cluster.stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runLong();
