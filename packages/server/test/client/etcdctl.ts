// etcdctl at the endpoints of one cluster, its output made comparable: what is not for the commands to
// decide (ids, terms, seconds that are left) is masked.

import { spawn } from 'node:child_process';
import { type Ended, run, waitMsMax } from '../dev/dev-process.ts';

export interface EtcdctlOptions {
  readonly path: string;
  /** Comma-separated. */
  readonly endpoints: string;
}

export class Etcdctl {
  readonly #path: string;
  readonly #first: readonly string[];
  /** The leases granted so far, as they were printed. */
  readonly #leases: string[] = [];

  constructor({ path, endpoints }: EtcdctlOptions) {
    this.#path = path;
    this.#first = [`--endpoints=${endpoints}`, '--dial-timeout=20s', '--command-timeout=30s'];
  }

  /** `LEASE1` in the arguments is the first lease that was granted here, and so on. */
  async run(args: readonly string[], input?: string): Promise<Ended> {
    const ended = await run(this.#path, this.#arguments(args), input);
    const granted = /^lease ([\da-f]+) granted/.exec(ended.stdout)?.[1];
    if (granted !== undefined) this.#leases.push(granted);
    return ended;
  }

  /** What a run prints, masked, with its exit code. */
  async transcript(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, input);
    return this.#masked(`${stdout}${stderr}exit code ${code}`);
  }

  /** What a watch prints until this line comes; then it is ended. */
  async transcriptUntil(line: string, args: readonly string[]): Promise<string> {
    const child = spawn(this.#path, this.#arguments(args), {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: waitMsMax,
    });
    let output = '';
    for await (const text of child.stdout.setEncoding('utf8')) {
      output += text;
      if (output.split('\n').slice(0, -1).includes(line)) break;
    }
    child.kill('SIGKILL');
    return this.#masked(output);
  }

  #arguments(args: readonly string[]): readonly string[] {
    const known = args.map((arg) => arg.replace(/LEASE(\d)/, (_, n) => this.#leases[Number(n) - 1] ?? 'none'));
    return [...this.#first, ...known];
  }

  #masked(text: string): string {
    const ids = text
      .replace(/("(?:cluster_id|member_id|raft_term)":)\d+/g, '$1ID')
      .replace(/("(?:ClusterID|MemberID|RaftTerm)" : )\d+/g, '$1ID')
      // What is left of a lease depends on the second it is asked in.
      .replace(/("TTL" : )\d+/g, '$1SECONDS')
      // etcdctl logs with the time, the file and the connection.
      .replace(/^\{"level":"warn".*\n/gm, '');
    return this.#leases.reduce(
      (masked, lease, i) =>
        masked.replaceAll(lease, `LEASE${i + 1}`).replaceAll(BigInt(`0x${lease}`).toString(), `LEASE${i + 1}`),
      ids,
    );
  }
}
