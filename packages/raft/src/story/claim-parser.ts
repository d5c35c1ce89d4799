// What may follow `expect`: a claim about the world at that point.

import type { Index, NodeId, Term } from '../core/api.ts';
import { whyRules } from '../core/why.ts';
import { type Claim, type Fact, type ReadOutcome, type RoleWord, roles, type Selector } from './grammar.ts';
import { parseSelector, type Words } from './words.ts';

export function parseClaim(words: Words): Claim {
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
    if (what === 'why') return { kind: 'why', node: words.node(), rule: ruleOf(words), fired: false };
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
  why: (words) => ({ kind: 'why', node: words.node(), rule: ruleOf(words), fired: true }),
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
  voters: (words) => ({ kind: 'voters', nodes: nodesOf(words) }),
  outgoing: (words) => ({ kind: 'outgoing', nodes: nodesOf(words) }),
  learners: (words) => ({ kind: 'learners', nodes: nodesOf(words) }),
  commands: (words) => {
    const text = words.next('commands such as a,b,c, or -');
    return { kind: 'commands', commands: text === '-' ? [] : text.split(',') };
  },
};

/** `n1,n2`, or `-` for nobody. */
function nodesOf(words: Words): readonly NodeId[] {
  const text = words.next('nodes such as n1,n2, or -');
  return text === '-' ? [] : text.split(',').map((name) => words.nodeOf(name));
}

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

/** A rule that does not exist never fires, and nobody would notice. */
function ruleOf(words: Words): string {
  const rule = words.next('a rule');
  if (!(rule in whyRules)) throw words.error(`no rule ${rule}; known: ${Object.keys(whyRules).join(' ')}`);
  return rule;
}
