// Plays a story: each step becomes calls on the world, each claim is compared with it, and all that happens is written
// down. The same story with the same engine gives the same transcript, byte for byte.

import type { Configuration, NodeId } from '../core/api.ts';
import { unreachable } from '../core/assert.ts';
import type { Property, Violation } from './checkers/view.ts';
import type { Engine } from './engine.ts';
import type { StoryEvent } from './events.ts';
import { Evidence } from './evidence.ts';
import { contradiction, logText } from './expectations.ts';
import { type Command, type Goal, ownRun, type Selector, type Step, type Story } from './grammar.ts';
import { commandBytes } from './naming.ts';
import type { Flight } from './network.ts';
import { StoryError } from './story-error.ts';
import { statusText, Transcript } from './transcript.ts';
import { StoryWorld } from './world.ts';

export interface Outcome {
  readonly transcript: string;
  /** One sentence per claim that did not hold, each with its line. A story is as it says when there are none. */
  readonly failures: readonly string[];
  /** Properties that broke, with the story's own rules. */
  readonly violations: readonly Violation[];
}

/** Nodes that decide by the paper, but for these lessons. */
export type EngineFor = (lessons: readonly string[]) => Engine;

/** A goal that is not reached within so many ticks will not be. */
const runLimit = 1_000;

/**
 * Plays a story, and once more for each of its lessons that must break a property. `watch` hears the story itself, as it
 * happens.
 */
export function runStory(story: Story, engineFor: EngineFor, watch?: (event: StoryEvent) => void): Outcome {
  const engineWith = (lesson: string): Engine => engineFor([...story.rules, lesson]);
  const told = new Run(story, engineFor(story.rules), { name: ownRun, breaks: undefined }, watch).play();
  const transcripts = [told.transcript];
  const failures = [...told.failures];
  const append = (lesson: string, outcome: Outcome): void => {
    transcripts.push(`\n=== The same with ${lesson}\n`, afterCommonSteps(told.transcript, outcome.transcript));
    failures.push(...outcome.failures.map((failure) => `with ${lesson}, ${failure}`));
  };
  for (const lesson of story.also) {
    append(lesson, new Run(story, engineWith(lesson), { name: lesson, breaks: undefined }).play());
  }
  for (const { line, lesson, properties } of story.breaks) {
    const outcome = new Run(story, engineWith(lesson), { name: lesson, breaks: properties }).play();
    append(lesson, outcome);
    const broken = outcome.violations.map((violation) => violation.property);
    for (const property of properties) {
      if (!broken.includes(property)) failures.push(`line ${line}: with ${lesson}, ${property} holds`);
    }
  }
  const verdict = failures.map((failure) => `FAILED ${failure}\n`);
  return { transcript: [...transcripts, ...verdict].join(''), failures, violations: told.violations };
}

/** The second transcript from the first step on in which something else happens. Claims are not compared: runs differ in them. */
function afterCommonSteps(told: string, other: string): string {
  const isClaim = (line: string): boolean => line.startsWith('> expect');
  const toldLines = told.split('\n').filter((line) => !isClaim(line));
  const lines = other.split('\n');
  let at = 0;
  const parting = lines.findIndex((line) => {
    if (isClaim(line)) return false;
    at += 1;
    return line !== toldLines[at - 1];
  });
  const step = lines.findLastIndex((line, index) => index <= parting && line.startsWith('>'));
  return lines.slice(Math.max(step, 0)).join('\n');
}

/** Which of a story's runs this is. */
interface Cast {
  /** The lesson it is played with; claims may be about one run only. */
  readonly name: string;
  /** What must break. Then what is claimed of the other runs does not hold, and the run ends when it has broken. */
  readonly breaks: readonly Property[] | undefined;
}

class Run {
  readonly #story: Story;
  readonly #cast: Cast;
  readonly #world: StoryWorld;
  readonly #transcript = new Transcript();
  readonly #watch: ((event: StoryEvent) => void) | undefined;
  readonly #evidence = new Evidence();
  readonly #failures: string[] = [];
  readonly #expectedBroken = new Set<string>();
  readonly #expectedHalted = new Set<NodeId>();
  #brief = false;

  constructor(story: Story, engine: Engine, cast: Cast, watch?: (event: StoryEvent) => void) {
    this.#story = story;
    this.#cast = cast;
    this.#watch = watch;
    this.#transcript.note(story.title);
    this.#world = new StoryWorld(engine, story.voters, story.learners, story.joiners, story.settings, (event) =>
      this.#hear(event),
    );
  }

  play(): Outcome {
    const { steps } = this.#story;
    const lastClaim = steps.findLastIndex(
      ({ command }) => command.kind === 'expect' && command.run === this.#cast.name,
    );
    for (const [at, step] of steps.entries()) {
      if (at > lastClaim && this.#hasBroken()) break;
      if (this.#isMeant(step.command) && !this.#playStep(step)) break;
    }
    this.#checkEnd();
    for (const node of this.#nodes) this.#transcript.note(this.#summary(node));
    return { transcript: this.#transcript.text, failures: this.#failures, violations: this.#evidence.violations };
  }

  get #nodes(): readonly NodeId[] {
    return [...this.#story.voters, ...this.#story.learners, ...this.#story.joiners];
  }

  /** A claim may be about other runs than this one. */
  #isMeant(command: Command): boolean {
    if (command.kind !== 'expect') return true;
    return command.run === undefined ? this.#cast.breaks === undefined : command.run === this.#cast.name;
  }

  #hasBroken(): boolean {
    const { broken } = this.#evidence;
    return this.#cast.breaks?.every((property) => broken.has(property)) ?? false;
  }

  /** False when the story cannot go on. */
  #playStep(step: Step): boolean {
    this.#hear({ kind: 'step', line: step.line, text: step.text });
    try {
      this.#obey(step.command, step.line);
      return true;
    } catch (error: unknown) {
      if (!(error instanceof StoryError)) throw error;
      if (this.#cast.breaks === undefined) this.#failures.push(`line ${step.line}: ${error.message}`);
      this.#transcript.note(`  ?? ${error.message}`);
      return false;
    }
  }

  #obey(command: Command, line: number): void {
    const world = this.#world;
    switch (command.kind) {
      case 'timeout':
        this.#ask(command.node, () => world.node(command.node).step({ kind: 'campaign' }));
        return;
      case 'propose': {
        const data = commandBytes(command.text);
        this.#ask(command.node, () => world.node(command.node).step({ kind: 'propose', data }));
        return;
      }
      case 'transfer':
        this.#ask(command.from, () => world.node(command.from).step({ kind: 'transferLeadership', to: command.to }));
        return;
      case 'abortTransfer':
        this.#ask(command.node, () => world.node(command.node).step({ kind: 'abortTransfer' }));
        return;
      case 'reconfigure': {
        const to = this.#changed(command);
        this.#ask(command.node, () => world.node(command.node).step({ kind: 'changeConfiguration', to }));
        return;
      }
      case 'unreachable':
        world.node(command.node).step({ kind: 'unreachable', peer: command.peer });
        return;
      case 'read':
        this.#evidence.askingRead(command.node, command.name);
        world.read(command.node, command.name, command.mode);
        this.#evidence.askedRead(command.node, command.name);
        return;
      case 'crash':
        world.node(command.node).crash();
        this.#evidence.crashed(command.node);
        return;
      case 'restart':
        world.node(command.node).restart();
        return;
      case 'pause':
        world.node(command.node).pause();
        return;
      case 'resume':
        world.node(command.node).resume();
        return;
      case 'holdDisk':
        world.node(command.node).holdDisk();
        return;
      case 'releaseDisk':
        world.node(command.node).releaseDisk();
        return;
      case 'persist':
        world.node(command.node).persist();
        return;
      case 'slowDisk':
        world.node(command.node).slowDisk(command.ticks);
        return;
      case 'loseDisk':
        world.node(command.node).loseDisk();
        return;
      case 'forgetVote':
        world.node(command.node).forgetVote();
        return;
      case 'cut':
        world.cut(command.links);
        return;
      case 'heal':
        world.heal(command.links);
        return;
      case 'settle':
        world.settle(command.among);
        return;
      case 'deliver':
        for (const flight of this.#flights(command.messages)) world.deliver(flight);
        return;
      case 'drop':
        for (const flight of this.#flights(command.messages)) world.drop(flight);
        return;
      case 'duplicate':
        world.duplicate(command.messages);
        return;
      case 'hold':
        for (const flight of this.#flights(command.messages)) world.setAside(flight, Number.POSITIVE_INFINITY);
        return;
      case 'delay':
        for (const flight of this.#flights(command.messages)) world.setAside(flight, command.ticks);
        return;
      case 'tick':
        for (let tick = 0; tick < command.ticks; tick += 1) world.tick(command.nodes);
        return;
      case 'run':
        this.#run(command.ticks);
        return;
      case 'runUntil':
        this.#runUntil(command.goal);
        return;
      case 'compact':
        world.node(command.node).compact(command.index);
        return;
      case 'mark':
        this.#evidence.mark();
        return;
      case 'brief':
      case 'detail':
        this.#brief = command.kind === 'brief';
        this.#transcript.quiet = this.#brief;
        return;
      case 'say':
        return;
      case 'expect':
        this.#expect(command, line);
        return;
      default:
        unreachable(command);
    }
  }

  #ask(node: NodeId, question: () => unknown): void {
    this.#evidence.asking(node);
    question();
  }

  /** A link must carry what is asked for; `*` takes what there is. */
  #flights(messages: Selector): readonly Flight[] {
    const flights = this.#world.matching(messages);
    const sweeping = messages.from === undefined || messages.to === undefined;
    if (flights.length === 0 && !sweeping) throw new StoryError('no such message is in flight');
    return flights;
  }

  /** What the node has now, with the changes that the line asks for. */
  #changed(command: Extract<Command, { readonly kind: 'reconfigure' }>): Configuration {
    const { node, add, demote, remove } = command;
    const now = this.#world.node(node).status?.configuration;
    const changed = (list: readonly NodeId[], more: readonly NodeId[], less: readonly NodeId[]): NodeId[] =>
      [...new Set([...list, ...more])].filter((id) => !less.includes(id)).sort((a, b) => (a < b ? -1 : 1));
    return {
      voters: changed(now?.voters ?? [], add, [...demote, ...remove]),
      outgoing: [],
      learners: changed(now?.learners ?? [], demote, [...add, ...remove]),
      addresses: now?.addresses ?? [],
    };
  }

  #run(ticks: number): void {
    this.#transcript.quiet = true;
    for (let tick = 0; tick < ticks; tick += 1) {
      this.#world.tick(undefined);
      this.#world.settle(undefined);
    }
    this.#transcript.quiet = this.#brief;
  }

  #runUntil(goal: Goal): void {
    for (let tick = 0; !this.#reached(goal); tick += 1) {
      if (tick >= runLimit) throw new StoryError(`not reached within ${runLimit} ticks`);
      this.#run(1);
    }
  }

  #reached(goal: Goal): boolean {
    if (goal.kind === 'commit') return (this.#world.node(goal.node).status?.commit ?? 0) >= goal.index;
    const leaders = this.#nodes.filter(
      (node) => this.#world.node(node).condition === 'up' && this.#world.node(node).status?.role === 'leader',
    );
    if (goal.kind === 'noLeader') return leaders.length === 0;
    return goal.node === undefined ? leaders.length > 0 : leaders.includes(goal.node);
  }

  #expect({ claim }: Extract<Command, { readonly kind: 'expect' }>, line: number): void {
    if (claim.kind === 'broken') this.#expectedBroken.add(claim.property);
    if (claim.kind === 'halted') this.#expectedHalted.add(claim.node);
    const wrong = contradiction(claim, this.#world, this.#evidence, this.#nodes);
    if (wrong === undefined) return;
    this.#failures.push(`line ${line}: ${wrong}`);
    this.#transcript.note(`  ?? ${wrong}`);
  }

  /** What nobody expected: a property that broke, a node that halted. */
  #checkEnd(): void {
    if (this.#cast.breaks !== undefined) return;
    for (const { property, text } of this.#evidence.violations) {
      if (!this.#expectedBroken.has(property)) this.#failures.push(`unexpected: ${property}: ${text}`);
    }
    for (const node of this.#nodes) {
      if (this.#world.node(node).condition !== 'halted' || this.#expectedHalted.has(node)) continue;
      this.#failures.push(`unexpected: ${node} halted: ${this.#world.node(node).haltedBecause}`);
    }
  }

  #summary(node: NodeId): string {
    const status = this.#world.node(node).status;
    const condition = this.#world.node(node).condition;
    const log = logText(this.#world.node(node).log);
    if (status === undefined || condition === 'down' || condition === 'halted')
      return `= ${node} ${condition} log ${log}`;
    return `= ${statusText(status, log)}${condition === 'paused' ? ' paused' : ''}`;
  }

  #hear(event: StoryEvent): void {
    if (!this.#evidence.hear(event)) return;
    this.#transcript.add(event);
    this.#watch?.(event);
  }
}
