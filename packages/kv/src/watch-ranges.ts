// Which of many ranges hold a key: a balanced tree (AVL) over their starts, where every node knows the furthest end below
// it. A lookup costs the ranges found and a few steps, not all ranges there are. Nothing here knows watchers.

import type { Key } from './api.ts';
import { compareKeys } from './bytes.ts';

/** [start, end); `end` undefined: no end. */
export interface KeyRange {
  readonly start: Key;
  readonly end: Key | undefined;
}

interface Node<T> extends KeyRange {
  readonly items: Set<T>;
  left: Node<T> | undefined;
  right: Node<T> | undefined;
  height: number;
  /** The furthest end in this subtree; undefined when one of them has no end. */
  furthest: Key | undefined;
}

/** Items by the range they stand for; several may stand for the same one. */
export class RangeTree<T> {
  #root: Node<T> | undefined;

  add(range: KeyRange, item: T): void {
    this.#root = added(this.#root, range, item);
  }

  delete(range: KeyRange, item: T): void {
    this.#root = removed(this.#root, range, item);
  }

  /** Every item whose range holds the key, in the order of range and of addition. */
  visit(key: Key, found: (item: T) => void): void {
    visit(this.#root, key, found);
  }

  clear(): void {
    this.#root = undefined;
  }
}

function visit<T>(node: Node<T> | undefined, key: Key, found: (item: T) => void): void {
  if (node === undefined || !isBefore(key, node.furthest)) return;
  visit(node.left, key, found);
  if (key < node.start) return;
  if (isBefore(key, node.end)) for (const item of node.items) found(item);
  visit(node.right, key, found);
}

function isBefore(key: Key, end: Key | undefined): boolean {
  return end === undefined || key < end;
}

function added<T>(node: Node<T> | undefined, range: KeyRange, item: T): Node<T> {
  if (node === undefined) {
    const { start, end } = range;
    return { start, end, items: new Set([item]), left: undefined, right: undefined, height: 1, furthest: end };
  }
  const order = compareRanges(range, node);
  if (order === 0) {
    node.items.add(item);
    return node;
  }
  if (order < 0) node.left = added(node.left, range, item);
  else node.right = added(node.right, range, item);
  return balanced(node);
}

function removed<T>(node: Node<T> | undefined, range: KeyRange, item: T): Node<T> | undefined {
  if (node === undefined) return undefined;
  const order = compareRanges(range, node);
  if (order < 0) node.left = removed(node.left, range, item);
  else if (order > 0) node.right = removed(node.right, range, item);
  else {
    node.items.delete(item);
    if (node.items.size > 0) return node;
    return withoutNode(node);
  }
  return balanced(node);
}

function withoutNode<T>(node: Node<T>): Node<T> | undefined {
  if (node.left === undefined) return node.right;
  if (node.right === undefined) return node.left;
  const { first, rest } = withoutFirst(node.right);
  first.left = node.left;
  first.right = rest;
  return balanced(first);
}

function withoutFirst<T>(node: Node<T>): { readonly first: Node<T>; readonly rest: Node<T> | undefined } {
  if (node.left === undefined) return { first: node, rest: node.right };
  const { first, rest } = withoutFirst(node.left);
  node.left = rest;
  return { first, rest: balanced(node) };
}

function balanced<T>(node: Node<T>): Node<T> {
  const tilt = heightOf(node.left) - heightOf(node.right);
  if (tilt > 1 && node.left !== undefined) {
    if (heightOf(node.left.left) < heightOf(node.left.right)) node.left = raisedRight(node.left);
    return raisedLeft(node);
  }
  if (tilt < -1 && node.right !== undefined) {
    if (heightOf(node.right.right) < heightOf(node.right.left)) node.right = raisedLeft(node.right);
    return raisedRight(node);
  }
  return measured(node);
}

/** The left child takes the place of its parent. */
function raisedLeft<T>(node: Node<T>): Node<T> {
  const top = node.left;
  if (top === undefined) return measured(node);
  node.left = top.right;
  top.right = measured(node);
  return measured(top);
}

function raisedRight<T>(node: Node<T>): Node<T> {
  const top = node.right;
  if (top === undefined) return measured(node);
  node.right = top.left;
  top.left = measured(node);
  return measured(top);
}

function measured<T>(node: Node<T>): Node<T> {
  const { left, right } = node;
  node.height = 1 + Math.max(heightOf(left), heightOf(right));
  node.furthest = node.end;
  for (const child of [left, right]) {
    if (child !== undefined && compareEnds(node.furthest, child.furthest) < 0) node.furthest = child.furthest;
  }
  return node;
}

function heightOf<T>(node: Node<T> | undefined): number {
  return node === undefined ? 0 : node.height;
}

function compareRanges(left: KeyRange, right: KeyRange): number {
  return compareKeys(left.start, right.start) || compareEnds(left.end, right.end);
}

/** No end comes last. */
function compareEnds(left: Key | undefined, right: Key | undefined): number {
  if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
  return compareKeys(left, right);
}
