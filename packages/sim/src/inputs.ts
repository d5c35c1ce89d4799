// Everything that is done to a cluster in a run, as plain data: faults, their ends, and the calls of clients. A run drawn
// from a seed leaves the list of its inputs; the list drives the same run again, whole or with parts left out.

type Field = 'text' | 'number' | 'bool' | readonly string[];
type Value<F extends Field> = F extends 'text'
  ? string
  : F extends 'number'
    ? number
    : F extends 'bool'
      ? boolean
      : F extends readonly (infer Word)[]
        ? Word
        : never;

/** What each kind of input carries, in the order in which a line of a story says it. */
export const inputFields = {
  start: { seat: 'text' },
  /** `keep`: per cent of what was not synced that reached the disk. `dark`: the machine answers nothing any more. */
  kill: { seat: 'text', death: ['process', 'power'], keep: 'number', dark: 'bool' },
  stop: { seat: 'text', handOver: 'bool' },
  sleep: { seat: 'text' },
  wake: { seat: 'text' },
  /** Nothing passes in these directions: `n1>n2,n2>n1`. */
  cut: { shape: ['pair', 'oneWay', 'isolate', 'halves', 'bridge', 'ring'], links: 'text' },
  clog: { from: 'text', to: 'text', ticks: 'number' },
  reset: { from: 'text', to: 'text' },
  /** A line with noise: some bits of what is sent next in this direction arrive turned over. */
  garble: { from: 'text', to: 'text', draw: 'number' },
  healNetwork: {},
  slowDisk: { seat: 'text', ticks: 'number' },
  stallDisk: { seat: 'text' },
  /** `aSync`: the next one fails, and those after it do not. */
  breakDisk: { seat: 'text', what: ['all', 'writes', 'syncs', 'aSync', 'reads', 'space'] },
  mendDisk: { seat: 'text' },
  /** The disk of a machine that is down loses what it has held: a bit flips, a write had been lost, or had gone elsewhere, or
   *  all since one of them were (`unwritten`); a file is gone, has lost its end, or is all zeros. */
  rotDisk: {
    seat: 'text',
    damage: ['flip', 'zeros', 'elsewhere', 'unwritten', 'gone', 'short', 'blank'],
    draw: 'number',
  },
  /** A machine that is down gets an empty disk, until it is mended: then its own is back. */
  swapDisk: { seat: 'text' },
  /** The clock runs so many per mille too fast, or too slow. */
  drift: { seat: 'text', perMille: 'number' },
  moveLeader: { to: 'text' },
  /** A member is asked to add, promote or remove one; `join`: the machine that was added is there. */
  addMember: { seat: 'text', id: 'number', learner: 'bool' },
  promoteMember: { seat: 'text', id: 'number' },
  removeMember: { seat: 'text', id: 'number' },
  join: { id: 'number' },
  /** A machine is gone for good, with its disk. */
  loseMachine: { seat: 'text' },

  put: { client: 'text', seat: 'text', patience: 'number', key: 'text', bytes: 'number', lease: 'number' },
  delete: { client: 'text', seat: 'text', patience: 'number', key: 'text' },
  /** Test-and-set of the counter. */
  count: { client: 'text', seat: 'text', patience: 'number' },
  read: { client: 'text', seat: 'text', patience: 'number', key: 'text' },
  readAll: { client: 'text', seat: 'text', patience: 'number' },
  grant: { client: 'text', seat: 'text', patience: 'number', lease: 'number', ttl: 'number' },
  keepAlive: { client: 'text', seat: 'text', patience: 'number', lease: 'number' },
  timeToLive: { client: 'text', seat: 'text', patience: 'number', lease: 'number' },
  revoke: { client: 'text', seat: 'text', patience: 'number', lease: 'number' },
  /** `behind`: so many revisions before the newest that anybody has. `deletion`: at the last deletion before that. */
  compact: { client: 'text', seat: 'text', patience: 'number', behind: 'number', deletion: 'bool' },
  hash: { client: 'text', seat: 'text', patience: 'number', behind: 'number' },
} as const;

type Fields = typeof inputFields;
export type InputKind = keyof Fields;
export type InputOf<Kind extends InputKind> = {
  readonly [K in Kind]: { readonly kind: K } & {
    readonly [F in keyof Fields[K]]: Fields[K][F] extends Field ? Value<Fields[K][F]> : never;
  };
}[Kind];
export type Input = InputOf<InputKind>;

export type CallKind =
  | 'put'
  | 'delete'
  | 'count'
  | 'read'
  | 'readAll'
  | 'grant'
  | 'keepAlive'
  | 'timeToLive'
  | 'revoke'
  | 'compact'
  | 'hash';
export type CallInput = InputOf<CallKind>;
export type FaultInput = InputOf<Exclude<InputKind, CallKind>>;

export interface TimedInput {
  readonly at: number;
  readonly input: Input;
}

export function isCall(input: Input): input is CallInput {
  return 'client' in input;
}

/** `120 kill seat=n2 death=power keep=50 dark=false` */
export function lineOf({ at, input }: TimedInput): string {
  const { kind, ...fields } = input;
  return [String(at), kind, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join(' ');
}

/** Throws `SyntaxError` for what is no line of a story. */
export function inputOf(line: string): TimedInput {
  const [at = '', kind = '', ...pairs] = line.trim().split(/\s+/);
  if (!/^\d+$/.test(at) || !isKind(kind)) throw new SyntaxError(`a line begins with a tick and an input: ${line}`);
  const given = new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
  const fields: Readonly<Record<string, Field>> = inputFields[kind];
  const input: Record<string, string | number | boolean> = { kind };
  for (const [name, field] of Object.entries(fields)) {
    const text = given.get(name);
    if (text === undefined) throw new SyntaxError(`${kind} needs ${name}: ${line}`);
    given.delete(name);
    input[name] = parsed(field, text, line);
  }
  for (const name of given.keys()) throw new SyntaxError(`${kind} knows no ${name}: ${line}`);
  // Each field was read as the table wants it.
  return { at: Number(at), input: input as unknown as Input };
}

function parsed(field: Field, text: string, line: string): string | number | boolean {
  if (field === 'text') return text;
  if (field === 'number' && /^-?\d+$/.test(text)) return Number(text);
  if (field === 'bool' && (text === 'true' || text === 'false')) return text === 'true';
  if (typeof field !== 'string' && field.includes(text)) return text;
  throw new SyntaxError(`${text} is not possible here: ${line}`);
}

function isKind(kind: string): kind is InputKind {
  return Object.hasOwn(inputFields, kind);
}
