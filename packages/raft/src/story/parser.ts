// Text to story. Line by line, one verb a line; anything it does not know is an error that names the line.
//
// The grammar in words, with an example for each verb, is docs/stories.md.

import type { NodeId } from '../core/api.ts';
import { parseClaim } from './claim-parser.ts';
import {
  type Break,
  type Command,
  type Goal,
  type Links,
  ownRun,
  type Settings,
  type Step,
  type Story,
} from './grammar.ts';
import { parseSelector, StorySyntaxError, Words } from './words.ts';

/** What one line may ask for, so that a text from a stranger ends. */
const ticksMax = 10_000;
const nodesMax = 15;
const stepsMax = 10_000;

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
  const joiners: NodeId[] = [];
  let settings = defaults;
  const rules: string[] = [];
  const also: string[] = [];
  const breaks: Break[] = [];
  const steps: Step[] = [];

  for (const { line, text } of lines.slice(1)) {
    const all = [...voters, ...learners, ...joiners];
    const words = new Words(line, text, all);
    const verb = words.next('a verb');
    if (isHeader(verb)) {
      if (steps.length > 0) throw words.error(`${verb} belongs before the first step`);
      if (verb === 'title') title = words.rest('a title');
      else if (verb === 'nodes') declare(words, voters, all);
      else if (verb === 'learners') declare(words, learners, all);
      else if (verb === 'joiners') declare(words, joiners, all);
      else if (verb === 'rules') while (!words.done()) rules.push(words.next('a record of rules'));
      else if (verb === 'also') while (!words.done()) also.push(words.next('a lesson'));
      else if (verb === 'break-it') breaks.push(parseBreak(words));
      else settings = applySettings(words, settings);
    } else {
      if (voters.length === 0) throw words.error('nodes must come before the first step');
      const command = parseCommand(verb, words);
      const run = command.kind === 'expect' ? command.run : undefined;
      if (run !== undefined && ![ownRun, ...also, ...breaks.map(({ lesson }) => lesson)].includes(run)) {
        throw words.error(`the story is not played with ${run}`);
      }
      if (steps.length >= stepsMax) throw words.error(`a story ends after ${stepsMax} steps`);
      steps.push({ line, text, command });
    }
    words.end();
  }
  if (title === '') throw new StorySyntaxError(first.line, 'a story has a title');
  if (voters.length === 0) throw new StorySyntaxError(first.line, 'a story has nodes');
  return { title, voters, learners, joiners, settings, rules, also, breaks, steps };
}

/** A `#` opens a comment at the start of a line or after a space: `AE#3` is a name. */
function withoutComment(raw: string): string {
  return raw.replace(/(^|\s)#.*$/, '').trim();
}

const headers = ['title', 'nodes', 'learners', 'joiners', 'set', 'rules', 'also', 'break-it'] as const;
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
    if (seen.size > nodesMax) throw words.error(`more than ${nodesMax} nodes are too many for a story`);
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

function applySettings(words: Words, before: Settings): Settings {
  let settings = before;
  while (!words.done()) {
    const [key = '', value, ...more] = words.next('a setting').split('=');
    const read = settingReaders[key];
    if (read === undefined || value === undefined || more.length > 0) {
      throw words.error(`no setting ${key}; known: ${Object.keys(settingReaders).join(' ')}, each as name=value`);
    }
    settings = { ...settings, ...read(words, value) };
  }
  if (settings.heartbeatTicks >= settings.electionTicks) throw words.error('heartbeats must come before elections');
  if (settings.leaseReads && !settings.checkQuorum) throw words.error('a lease needs check-quorum');
  return settings;
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
    return { kind: 'delay', messages, ticks: ticksOf(words) };
  },
  propose: (words) => {
    const node = words.node();
    const text = words.rest('a command');
    if (!/^[\x20-\x7e]*$/.test(text)) throw words.error('a command is plain ASCII');
    return { kind: 'propose', node, text };
  },
  read: (words) => {
    const node = words.node();
    const name = words.next('a name for the read');
    return { kind: 'read', node, name, mode: words.optional('lease') ? 'lease' : 'readIndex' };
  },
  'hold-disk': (words) => ({ kind: 'holdDisk', node: words.node() }),
  'release-disk': (words) => ({ kind: 'releaseDisk', node: words.node() }),
  'slow-disk': (words) => ({ kind: 'slowDisk', node: words.node(), ticks: ticksOf(words) }),
  persist: (words) => ({ kind: 'persist', node: words.node() }),
  'lose-disk': (words) => ({ kind: 'loseDisk', node: words.node() }),
  'forget-vote': (words) => ({ kind: 'forgetVote', node: words.node() }),
  cut: (words) => ({ kind: 'cut', links: parseLinks(words) }),
  heal: (words) => ({ kind: 'heal', links: words.done() ? undefined : parseLinks(words) }),
  tick: (words) => ({ kind: 'tick', ticks: ticksOf(words), nodes: words.done() ? undefined : words.nodes() }),
  run: (words) =>
    words.optional('until') ? { kind: 'runUntil', goal: parseGoal(words) } : { kind: 'run', ticks: ticksOf(words) },
  compact: (words) => ({ kind: 'compact', node: words.node(), index: words.index() }),
  transfer: (words) => ({ kind: 'transfer', from: words.node(), to: words.node() }),
  'abort-transfer': (words) => ({ kind: 'abortTransfer', node: words.node() }),
  unreachable: (words) => ({ kind: 'unreachable', node: words.node(), peer: words.node() }),
  reconf: (words) => {
    const node = words.node();
    const changes = words.restOf('a change such as +n4').map((word) => {
      if (!/^[+~-]/.test(word)) throw words.error(`${word} is no change; write +node, ~node or -node`);
      return { sign: word[0], node: words.nodeOf(word.slice(1)) };
    });
    const signed = (sign: string): NodeId[] =>
      changes.filter((change) => change.sign === sign).map((change) => change.node);
    return { kind: 'reconfigure', node, add: signed('+'), demote: signed('~'), remove: signed('-') };
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

function ticksOf(words: Words): number {
  const ticks = words.number(1);
  if (ticks > ticksMax) throw words.error(`${ticks} ticks are too many for one line; the limit is ${ticksMax}`);
  return ticks;
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
