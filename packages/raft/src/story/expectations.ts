// The claims of a story, each compared with the world: a sentence that says what is so instead, or nothing.

import type { NodeId, Status } from '../core/api.ts';
import type { Evidence } from './evidence.ts';
import type { Claim, Fact, ReadOutcome } from './grammar.ts';
import type { StoryNode } from './node.ts';
import type { StoryWorld } from './world.ts';

/** `undefined` when the claim holds. */
export function contradiction(
  claim: Claim,
  world: StoryWorld,
  evidence: Evidence,
  nodes: readonly NodeId[],
): string | undefined {
  switch (claim.kind) {
    case 'node':
      return (
        claim.facts
          .map((fact) => factContradiction(fact, claim.node, world))
          .filter((text) => text !== undefined)
          .join('; ')
          .replace(/^(?=.)/, `${claim.node}: `) || undefined
      );
    case 'noLeader': {
      const leaders = nodes.filter((node) => isUp(world, node) && world.node(node).status?.role === 'leader');
      return leaders.length === 0 ? undefined : `${leaders.join(' ')} leads`;
    }
    case 'agreement':
      return (
        nodes
          .filter((node) => isUp(world, node))
          .map((node) => differs(`${node} commit`, `${world.node(node).status?.commit}`, `${claim.commit}`))
          .filter((text) => text !== undefined)
          .join('; ') || undefined
      );
    case 'sound':
      return evidence.broken.size === 0 ? undefined : `${[...evidence.broken].join(' ')} broke`;
    case 'broken':
      return evidence.broken.has(claim.property) ? undefined : `${claim.property} holds`;
    case 'halted':
      if (world.node(claim.node).condition !== 'halted') return `${claim.node} is ${world.node(claim.node).condition}`;
      if (world.node(claim.node).haltedBecause.includes(claim.reason)) return undefined;
      return `${claim.node} halted because: ${world.node(claim.node).haltedBecause}`;
    case 'verdict':
      if (evidence.answer === claim.text || evidence.answer.startsWith(`${claim.text} `)) return undefined;
      return `the answer was: ${evidence.answer}`;
    case 'rejections':
      return differs(`rejections by ${claim.node}`, `${evidence.rejectionsBy(claim.node)}`, `${claim.count}`);
    case 'why':
      if (evidence.hasFired(claim.node, claim.rule) === claim.fired) return undefined;
      return `${claim.rule} ${claim.fired ? 'did not fire' : 'fired'} on ${claim.node}`;
    case 'sent':
      return differs('messages sent', `${evidence.sent(claim.messages)}`, `${claim.count}`);
    case 'inFlight':
      return differs('messages in flight', `${world.matching(claim.messages).length}`, `${claim.count}`);
    case 'read':
      return differs(`read ${claim.name}`, readText(evidence.read(claim.name)), readText(claim.outcome));
  }
}

function isUp(world: StoryWorld, node: NodeId): boolean {
  return world.node(node).condition === 'up' || world.node(node).condition === 'paused';
}

function readText(outcome: ReadOutcome | undefined): string {
  if (outcome === undefined) return 'never asked';
  return outcome.kind === 'index' ? `index ${outcome.index}` : outcome.kind;
}

function differs(what: string, found: string, claimed: string): string | undefined {
  return found === claimed ? undefined : `${what} is ${found}, not ${claimed}`;
}

function factContradiction(fact: Fact, node: NodeId, world: StoryWorld): string | undefined {
  const condition = world.node(node).condition;
  const { log, hardState } = world.node(node);
  const status = condition === 'down' || condition === 'halted' ? undefined : world.node(node).status;
  switch (fact.kind) {
    case 'role':
      return differs(
        'role',
        condition === 'up' ? `${status?.role}` : pausedRole(condition, status, fact.role),
        fact.role,
      );
    case 'term':
      return differs('term', `${(status ?? hardState).term}`, `${fact.term}`);
    case 'votedFor':
      return differs('votedFor', (status ?? hardState).votedFor ?? '-', fact.node ?? '-');
    case 'follows':
      return differs('leader known', status?.leader ?? '-', fact.node ?? '-');
    case 'log':
      return differs(
        'log',
        logText(log),
        [fact.base === 0 ? '' : `${fact.base}|`, fact.terms.join(',')].join('') || '-',
      );
    case 'commands':
      return differs('commands', world.node(node).commands.join(',') || '-', fact.commands.join(',') || '-');
    case 'voters':
    case 'outgoing':
    case 'learners':
      return differs(
        fact.kind,
        status === undefined ? condition : status.configuration[fact.kind].join(',') || '-',
        fact.nodes.join(',') || '-',
      );
    case 'last':
      return differs('last', `${log.base.index + log.entries.length}`, `${fact.index}`);
    case 'commit':
      return differs('commit', `${(status ?? hardState).commit}`, `${fact.index}`);
    case 'applied':
    case 'durable':
    case 'first':
      return differs(fact.kind, status === undefined ? condition : `${status[fact.kind]}`, `${fact.index}`);
  }
}

/** A paused node is both: what it was, and paused. */
function pausedRole(condition: string, status: Status | undefined, claimed: string): string {
  return condition === 'paused' && status?.role === claimed ? claimed : condition;
}

/** Terms from the first entry on, after `base|` when a snapshot replaced the beginning; the form stories are written in. */
export function logText({ base, entries }: StoryNode['log']): string {
  const terms = entries.map((entry) => entry.term).join(',');
  return (base.index === 0 ? terms : `${base.index}|${terms}`) || '-';
}
