// Text to story. Line by line, one verb a line; anything it does not know is an error that names the line.
//
// The grammar in words, with an example for each verb, is docs/stories.md.

import type { Index, NodeId, Term } from '../core/api.ts';
import { type Property, properties } from './checkers/view.ts';
import {
  type Break,
  type Claim,
  type Command,
  type Fact,
  type Goal,
  type Links,
  ownRun,
  type ReadOutcome,
  type RoleWord,
  roles,
  type Selector,
  type Settings,
  type Step,
  type Story,
} from './grammar.ts';
import { labels } from './naming.ts';

/** A line that means nothing. The message starts with the line's number. */
export class StorySyntaxError extends Error {
  readonly line: number;
  constructor(line: number, reason: string) {
    super(`line ${line}: ${reason}`);
    this.name = 'StorySyntaxError';
    this.line = line;
  }
}

const defaults: Settings = {
  preVote: true,
  checkQuorum: true,
  leaseReads: false,
  electionTicks: 10,
  heartbeatTicks: 3,
  messageBytes: 1 << 20,
  inflightMessages: 16,
  uncommittedBytes: 1 << 20,
  logBytes: 1 << 24,
  seed: 1,
};

export function parseStory(text: string): Story {
  const lines = text
    .split('\n')
    .map((raw, at) => ({ line: at + 1, text: withoutComment(raw) }))
    .filter((line) => line.text !== '');
  const first = lines[0];
  if (first?.text !== 'raft-story 1') throw new StorySyntaxError(first?.line ?? 1, 'a story starts with: raft-story 1');

  let title = '';
  const voters: NodeId[] = [];
  const learners: NodeId[] = [];
  let settings = defaults;
  const rules: string[] = [];
  const also: string[] = [];
  const breaks: Break[] = [];
  const steps: Step[] = [];

  for (const { line, text } of lines.slice(1)) {
    const words = new Words(line, text, [...voters, ...learners]);
    const verb = words.next('a verb');
    if (isHeader(verb)) {
      if (steps.length > 0) throw words.error(`${verb} belongs before the first step`);
      if (verb === 'title') title = words.rest('a title');
      else if (verb === 'nodes') declare(words, voters, [...voters, ...learners]);
      else if (verb === 'learners') declare(words, learners, [...voters, ...learners]);
      else if (verb === 'rules') while (!words.done()) rules.push(words.next('a record of rules'));
      else if (verb === 'also') while (!words.done()) also.push(words.next('a lesson'));
      else if (verb === 'break-it') breaks.push(parseBreak(words));
      else while (!words.done()) settings = applySetting(words, settings);
    } else {
      if (voters.length === 0) throw words.error('nodes must come before the first step');
      const command = parseCommand(verb, words);
      const run = command.kind === 'expect' ? command.run : undefined;
      if (run !== undefined && ![ownRun, ...also, ...breaks.map(({ lesson }) => lesson)].includes(run)) {
        throw words.error(`the story is not played with ${run}`);
      }
      steps.push({ line, text, command });
    }
    words.end();
  }
  if (title === '') throw new StorySyntaxError(first.line, 'a story has a title');
  if (voters.length === 0) throw new StorySyntaxError(first.line, 'a story has nodes');
  return { title, voters, learners, settings, rules, also, breaks, steps };
}

/** A `#` opens a comment at the start of a line or after a space: `AE#3` is a name. */
function withoutComment(raw: string): string {
  return raw.replace(/(^|\s)#.*$/, '').trim();
}

const headers = ['title', 'nodes', 'learners', 'set', 'rules', 'also', 'break-it'] as const;
function isHeader(verb: string): verb is (typeof headers)[number] {
  return (headers as readonly string[]).includes(verb);
}

function declare(words: Words, into: NodeId[], taken: readonly NodeId[]): void {
  const seen = new Set<string>(taken);
  while (!words.done()) {
    const name = words.next('a node');
    if (!/^[a-z][a-z0-9]*$/.test(name)) throw words.error(`${name} is no name for a node`);
    if (seen.has(name)) throw words.error(`${name} is declared twice`);
    seen.add(name);
    into.push(name as NodeId);
  }
}

/** `commit-old-terms -> StateMachineSafety`. */
function parseBreak(words: Words): Break {
  const lesson = words.next('a lesson');
  words.expect('->');
  const broken = [words.property()];
  while (!words.done()) broken.push(words.property());
  return { line: words.line, lesson, properties: broken };
}

const settingReaders: Readonly<Record<string, (words: Words, value: string) => Partial<Settings>>> = {
  prevote: (words, value) => ({ preVote: words.switchOf(value) }),
  checkquorum: (words, value) => ({ checkQuorum: words.switchOf(value) }),
  lease: (words, value) => ({ leaseReads: words.switchOf(value) }),
  election: (words, value) => ({ electionTicks: words.numberOf(value, 1) }),
  heartbeat: (words, value) => ({ heartbeatTicks: words.numberOf(value, 1) }),
  bytes: (words, value) => ({ messageBytes: words.numberOf(value, 1) }),
  inflight: (words, value) => ({ inflightMessages: words.numberOf(value, 1) }),
  uncommitted: (words, value) => ({ uncommittedBytes: words.numberOf(value, 1) }),
  logbytes: (words, value) => ({ logBytes: words.numberOf(value, 1) }),
  seed: (words, value) => ({ seed: words.numberOf(value, 0) }),
};

function applySetting(words: Words, settings: Settings): Settings {
  const [key = '', value, ...more] = words.next('a setting').split('=');
  const read = settingReaders[key];
  if (read === undefined || value === undefined || more.length > 0) {
    throw words.error(`no setting ${key}; known: ${Object.keys(settingReaders).join(' ')}, each as name=value`);
  }
  return { ...settings, ...read(words, value) };
}

function parseCommand(verb: string, words: Words): Command {
  const parse = commands[verb];
  if (parse === undefined) throw words.error(`no verb ${verb}; known: ${Object.keys(commands).join(' ')}`);
  return parse(words);
}

const commands: Readonly<Record<string, (words: Words) => Command>> = {
  timeout: (words) => ({ kind: 'timeout', node: words.node() }),
  crash: (words) => ({ kind: 'crash', node: words.node() }),
  restart: (words) => ({ kind: 'restart', node: words.node() }),
  pause: (words) => ({ kind: 'pause', node: words.node() }),
  resume: (words) => ({ kind: 'resume', node: words.node() }),
  settle: (words) => ({ kind: 'settle', among: words.optional('among') ? words.nodes() : undefined }),
  deliver: (words) => ({ kind: 'deliver', messages: parseSelector(words) }),
  drop: (words) => ({ kind: 'drop', messages: parseSelector(words) }),
  dup: (words) => ({ kind: 'duplicate', messages: parseSelector(words, 'named') }),
  hold: (words) => ({ kind: 'hold', messages: parseSelector(words) }),
  delay: (words) => {
    const messages = parseSelector(words);
    words.expect('by');
    return { kind: 'delay', messages, ticks: words.number(1) };
  },
  propose: (words) => ({ kind: 'propose', node: words.node(), text: words.rest('a command') }),
  read: (words) => {
    const node = words.node();
    const name = words.next('a name for the read');
    return { kind: 'read', node, name, mode: words.optional('lease') ? 'lease' : 'readIndex' };
  },
  'hold-disk': (words) => ({ kind: 'holdDisk', node: words.node() }),
  'release-disk': (words) => ({ kind: 'releaseDisk', node: words.node() }),
  'slow-disk': (words) => ({ kind: 'slowDisk', node: words.node(), ticks: words.number(1) }),
  persist: (words) => ({ kind: 'persist', node: words.node() }),
  'lose-disk': (words) => ({ kind: 'loseDisk', node: words.node() }),
  'forget-vote': (words) => ({ kind: 'forgetVote', node: words.node() }),
  cut: (words) => ({ kind: 'cut', links: parseLinks(words) }),
  heal: (words) => ({ kind: 'heal', links: words.done() ? undefined : parseLinks(words) }),
  tick: (words) => ({ kind: 'tick', ticks: words.number(1), nodes: words.done() ? undefined : words.nodes() }),
  run: (words) =>
    words.optional('until') ? { kind: 'runUntil', goal: parseGoal(words) } : { kind: 'run', ticks: words.number(1) },
  compact: (words) => ({ kind: 'compact', node: words.node(), index: words.index() }),
  transfer: (words) => ({ kind: 'transfer', from: words.node(), to: words.node() }),
  'abort-transfer': (words) => ({ kind: 'abortTransfer', node: words.node() }),
  unreachable: (words) => ({ kind: 'unreachable', node: words.node(), peer: words.node() }),
  reconf: (words) => {
    const node = words.node();
    const changes = words.restOf('a change such as +n4').map((word) => {
      if (!/^[+-]/.test(word)) throw words.error(`${word} is no change; write +node or -node`);
      return { sign: word[0], node: word.slice(1) as NodeId };
    });
    return {
      kind: 'reconfigure',
      node,
      add: changes.filter((change) => change.sign === '+').map((change) => change.node),
      remove: changes.filter((change) => change.sign === '-').map((change) => change.node),
    };
  },
  mark: () => ({ kind: 'mark' }),
  brief: () => ({ kind: 'brief' }),
  detail: () => ({ kind: 'detail' }),
  say: (words) => ({ kind: 'say', text: words.rest('something to say') }),
  expect: (words) => {
    const run = words.optional('with') ? words.next('a lesson') : undefined;
    return { kind: 'expect', run, claim: parseClaim(words) };
  },
};

/** `n1>n2`, `n1>n2 AE`, `n1>n2 AE#3`; `*` stands for any node. */
function parseSelector(words: Words, form: 'any' | 'named' = 'any'): Selector {
  const [from, to] = words.pairOf(words.next('a link such as n1>n2'), '>', true);
  const what = form === 'any' && words.done() ? undefined : words.next('a message such as AE#3');
  if (what === undefined) return { from, to, label: undefined, name: undefined };
  const label = what.replace(/#.*$/, '');
  if (!labels.includes(label)) throw words.error(`no message ${label}; known: ${labels.join(' ')}`);
  if (label === what && form === 'any') return { from, to, label, name: undefined };
  if (!/#[1-9][0-9]*(\+[1-9][0-9]*)?$/.test(what))
    throw words.error(`${what} names no single message; write ${label}#1`);
  if (from === undefined || to === undefined) throw words.error(`${what} is counted per link: name both ends`);
  return { from, to, label, name: what };
}

/** `{n1 n2}|{n3}` between groups, `n1>n2` one way, `n1-n2` both ways, `n1` from everybody. */
function parseLinks(words: Words): Links {
  const text = words.rest('a cut such as {n1}|{n2 n3}, n1>n2, n1-n2 or n1');
  if (text.includes('{')) {
    const groups = text.split('|').map((group) => {
      const inside = /^\{([^{}]*)\}$/.exec(group.trim())?.[1];
      if (inside === undefined) throw words.error(`${group.trim()} is no group; write {n1 n2}`);
      return inside
        .split(/\s+/)
        .filter((name) => name !== '')
        .map((name) => words.nodeOf(name));
    });
    if (groups.length < 2) throw words.error('a wall has a group on either side');
    const members = groups.flat();
    if (new Set(members).size !== members.length) throw words.error('a node stands on one side of a wall only');
    return groups.flatMap((group, at) =>
      groups.flatMap((other, to) => (at === to ? [] : group.flatMap((a) => other.map((b) => [a, b] as const)))),
    );
  }
  if (text.includes('>')) {
    const [from, to] = words.pairOf(text, '>', false);
    return [[words.given(from), words.given(to)]];
  }
  if (text.includes('-')) {
    const [a, b] = words.pairOf(text, '-', false).map((node) => words.given(node));
    return [
      [words.given(a), words.given(b)],
      [words.given(b), words.given(a)],
    ];
  }
  const alone = words.nodeOf(text);
  return words.known
    .filter((node) => node !== alone)
    .flatMap((node) => [[alone, node] as const, [node, alone] as const]);
}

function parseGoal(words: Words): Goal {
  const goal = words.next('leader, commit or no leader');
  if (goal === 'leader') return { kind: 'leader', node: words.done() ? undefined : words.node() };
  if (goal === 'commit') return { kind: 'commit', node: words.node(), index: words.index() };
  if (goal === 'no') {
    words.expect('leader');
    return { kind: 'noLeader' };
  }
  throw words.error(`cannot run until ${goal}; known: leader, commit, no leader`);
}

function parseClaim(words: Words): Claim {
  const subject = words.next('a claim');
  const parse = claims[subject];
  if (parse !== undefined) return parse(words);
  if (!(words.known as readonly string[]).includes(subject)) {
    throw words.error(`no claim ${subject}; known: a node, ${Object.keys(claims).join(', ')}`);
  }
  const facts: Fact[] = [];
  do facts.push(parseFact(words));
  while (!words.done());
  return { kind: 'node', node: subject as NodeId, facts };
}

const claims: Readonly<Record<string, (words: Words) => Claim>> = {
  no: (words) => {
    const what = words.next('leader or why');
    if (what === 'leader') return { kind: 'noLeader' };
    if (what === 'why') return { kind: 'why', node: words.node(), rule: words.next('a rule'), fired: false };
    throw words.error(`cannot expect no ${what}; known: leader, why`);
  },
  all: (words) => {
    words.expect('commit');
    return { kind: 'agreement', commit: words.index() };
  },
  invariant: (words) => {
    words.expect('ok');
    return { kind: 'sound' };
  },
  broken: (words) => ({ kind: 'broken', property: words.property() }),
  halted: (words) => ({ kind: 'halted', node: words.node(), reason: words.done() ? '' : words.rest('a reason') }),
  accepted: (words) => ({ kind: 'verdict', text: words.done() ? 'accepted' : `accepted ${words.next('index@term')}` }),
  refused: (words) => ({ kind: 'verdict', text: `refused ${words.next('a reason')}` }),
  rejections: (words) => ({ kind: 'rejections', node: words.node(), count: words.number(0) }),
  why: (words) => ({ kind: 'why', node: words.node(), rule: words.next('a rule'), fired: true }),
  sent: (words) => {
    const count = words.number(0);
    return { kind: 'sent', count, messages: parseSelector(words) };
  },
  inflight: (words) => {
    const count = words.number(0);
    return { kind: 'inFlight', count, messages: words.done() ? anything : parseSelector(words) };
  },
  read: (words) => ({ kind: 'read', name: words.next('the name of a read'), outcome: parseReadOutcome(words) }),
};

const anything: Selector = { from: undefined, to: undefined, label: undefined, name: undefined };

function parseReadOutcome(words: Words): ReadOutcome {
  const outcome = words.next('pending, lost, refused or index');
  if (outcome === 'index') return { kind: 'index', index: words.index() };
  if (outcome === 'pending' || outcome === 'lost' || outcome === 'refused') return { kind: outcome };
  throw words.error(`no outcome ${outcome} of a read; known: pending lost refused index`);
}

function parseFact(words: Words): Fact {
  const word = words.next('a fact');
  if (isRole(word)) return { kind: 'role', role: word };
  const parse = facts[word];
  if (parse === undefined) throw words.error(`no fact ${word}; known: ${[...roles, ...Object.keys(facts)].join(' ')}`);
  return parse(words);
}

function isRole(word: string): word is RoleWord {
  return (roles as readonly string[]).includes(word);
}

const facts: Readonly<Record<string, (words: Words) => Fact>> = {
  term: (words) => ({ kind: 'term', term: words.number(0) as Term }),
  log: (words) => parseLog(words),
  commit: (words) => ({ kind: 'commit', index: words.index() }),
  applied: (words) => ({ kind: 'applied', index: words.index() }),
  durable: (words) => ({ kind: 'durable', index: words.index() }),
  last: (words) => ({ kind: 'last', index: words.index() }),
  first: (words) => ({ kind: 'first', index: words.index() }),
  votedFor: (words) => ({ kind: 'votedFor', node: words.nodeOrNone() }),
  follows: (words) => ({ kind: 'follows', node: words.nodeOrNone() }),
  commands: (words) => {
    const text = words.next('commands such as a,b,c, or -');
    return { kind: 'commands', commands: text === '-' ? [] : text.split(',') };
  },
};

/** `1,1,2` are the terms at 1, 2, 3; `5|2,2` are those after a snapshot that ends at 5; `-` is an empty log. */
function parseLog(words: Words): Fact {
  const text = words.next('terms such as 1,1,2');
  const [base, terms] = text.includes('|') ? (text.split('|', 2) as [string, string]) : ['0', text];
  return {
    kind: 'log',
    base: words.numberOf(base, 0) as Index,
    terms: terms === '-' || terms === '' ? [] : terms.split(',').map((term) => words.numberOf(term, 1) as Term),
  };
}

/** The words of one line, taken from left to right. */
class Words {
  readonly line: number;
  readonly known: readonly NodeId[];
  readonly #words: readonly string[];
  #at = 0;

  constructor(line: number, text: string, known: readonly NodeId[]) {
    this.line = line;
    this.known = known;
    this.#words = text.split(/\s+/);
  }

  error(reason: string): StorySyntaxError {
    return new StorySyntaxError(this.line, reason);
  }

  done(): boolean {
    return this.#at >= this.#words.length;
  }

  end(): void {
    if (!this.done()) throw this.error(`nothing can follow here, but there is: ${this.rest('')}`);
  }

  next(what: string): string {
    const word = this.#words[this.#at];
    if (word === undefined) throw this.error(`${what} is missing`);
    this.#at += 1;
    return word;
  }

  rest(what: string): string {
    return this.restOf(what).join(' ');
  }

  restOf(what: string): readonly string[] {
    const rest = this.#words.slice(this.#at);
    if (rest.length === 0) throw this.error(`${what} is missing`);
    this.#at = this.#words.length;
    return rest;
  }

  optional(word: string): boolean {
    if (this.#words[this.#at] !== word) return false;
    this.#at += 1;
    return true;
  }

  expect(word: string): void {
    const found = this.next(word);
    if (found !== word) throw this.error(`${word} is missing before ${found}`);
  }

  node(): NodeId {
    return this.nodeOf(this.next('a node'));
  }

  nodes(): readonly NodeId[] {
    return this.restOf('a node').map((name) => this.nodeOf(name));
  }

  nodeOrNone(): NodeId | undefined {
    const name = this.next('a node, or -');
    return name === '-' ? undefined : this.nodeOf(name);
  }

  nodeOf(name: string): NodeId {
    const node = this.known.find((known) => known === name);
    if (node === undefined) throw this.error(`no node ${name}; known: ${this.known.join(' ')}`);
    return node;
  }

  given(node: NodeId | undefined): NodeId {
    if (node === undefined) throw this.error('a link has two ends');
    return node;
  }

  pairOf(
    text: string,
    between: string,
    wildcard: boolean,
  ): readonly [from: NodeId | undefined, to: NodeId | undefined] {
    const ends = text.split(between);
    const [from, to] = ends;
    if (ends.length !== 2 || from === undefined || to === undefined || (from === to && from !== '*')) {
      throw this.error(`${text} is no link; write n1${between}n2`);
    }
    const end = (name: string): NodeId | undefined => (wildcard && name === '*' ? undefined : this.nodeOf(name));
    return [end(from), end(to)];
  }

  property(): Property {
    const name = this.next('a property');
    const property = properties.find((known) => known === name);
    if (property === undefined) throw this.error(`no property ${name}; known: ${properties.join(' ')}`);
    return property;
  }

  number(least: number): number {
    return this.numberOf(this.next('a number'), least);
  }

  index(): Index {
    return this.number(0) as Index;
  }

  numberOf(text: string, least: number): number {
    const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value)) throw this.error(`${text} is no whole number below 2^53`);
    if (value < least) throw this.error(`${text} is less than ${least}`);
    return value;
  }

  switchOf(text: string): boolean {
    if (text !== 'on' && text !== 'off') throw this.error(`${text} is neither on nor off`);
    return text === 'on';
  }
}
