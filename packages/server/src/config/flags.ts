// The command line and the environment as one table of texts, read as Go's flag package and etcd read them: `-x v`, `--x v`,
// `--x=v`, `--switch`; ETCD_* beneath; a flag beats its variable, a variable beats the default.

import { type FlagKind, type FlagName, flags, unbuiltFlags } from './flag-table.ts';

/** A command line or a configuration that cannot be served, in a sentence that names the way out. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

export type CommandLine =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'settings';
      /** What was set, by flag or by variable; defaults are not in it. */
      readonly set: ReadonlyMap<FlagName, string>;
      readonly warnings: readonly string[];
    };

/** @throws ConfigError */
export function readFlags(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): CommandLine {
  const given = scan(argv);
  if (given === 'help' || given === 'version') return { kind: given };
  const warnings: string[] = [];
  const set = new Map<FlagName, string>();
  for (const [name, value] of given) take(set, name, value, `--${name}`);
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('ETCD_') || value === undefined || value === '') continue;
    const name = variable.slice('ETCD_'.length).toLowerCase().replaceAll('_', '-');
    if (!isBuilt(name) && unbuiltFlags[name] === undefined)
      warnings.push(`unrecognized environment variable ${variable}`);
    else if (given.has(name)) warnings.push(`${variable} is shadowed by --${name}`);
    else take(set, name, value, variable);
  }
  return { kind: 'settings', set, warnings };
}

/** `ETCD_DATA_DIR` for `data-dir`. */
export function variableOf(name: string): string {
  return `ETCD_${name.toUpperCase().replaceAll('-', '_')}`;
}

function scan(argv: readonly string[]): ReadonlyMap<string, string> | 'help' | 'version' {
  const given = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(argument);
    const name = match?.[1];
    if (name === undefined) throw new ConfigError(`"${argument}" is not a valid flag`);
    if (name === 'help' || name === 'h') return 'help';
    if (name === 'version') return 'version';
    const kind = kindOf(name);
    if (kind === undefined) {
      throw new ConfigError(`flag provided but not defined: -${name}; kontiki server --help lists them`);
    }
    let value = match?.[2];
    if (value === undefined && kind === 'switch') value = 'true';
    if (value === undefined) {
      i++;
      value = argv[i];
      if (value === undefined) throw new ConfigError(`flag needs an argument: -${name}`);
    }
    given.set(name, value);
  }
  return given;
}

function kindOf(name: string): FlagKind | undefined {
  return isBuilt(name) ? flags[name].kind : unbuiltFlags[name]?.kind;
}

function isBuilt(name: string): name is FlagName {
  return Object.hasOwn(flags, name);
}

function take(set: Map<FlagName, string>, name: string, value: string, source: string): void {
  if (isBuilt(name)) {
    set.set(name, flags[name].kind === 'switch' ? spelledOut(value) : value);
    return;
  }
  const { idle, kind } = unbuiltFlags[name] ?? { idle: [], kind: 'text' };
  if (idle.includes(kind === 'switch' ? spelledOut(value) : value)) return;
  throw new ConfigError(`${source} is not built yet: leave it out, or see docs/etcd-api.md`);
}

/** Go's spellings of a boolean. */
function spelledOut(value: string): string {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return 'true';
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return 'false';
  return value;
}
