// The words of a story's line, taken from left to right, and the error for a word that means nothing there.

import type { Index, NodeId } from '../core/api.ts';
import { type Property, properties } from './checkers/view.ts';
import type { Selector } from './grammar.ts';
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

/** The words of one line, taken from left to right. */
export class Words {
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

/** `n1>n2`, `n1>n2 AE`, `n1>n2 AE#3`; `*` stands for any node. */
export function parseSelector(words: Words, form: 'any' | 'named' = 'any'): Selector {
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
