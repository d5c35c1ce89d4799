// Nodes for stories: the core with the lessons that a story asks for.

import { coreEngine, type Engine } from '@kontiki/raft/story';
import { rulesOf, unsafeLessons } from '@kontiki/raft/teaching';

export function engineFor(lessons: readonly string[]): Engine {
  const rules = rulesOf(lessons);
  if (rules === undefined) throw new RangeError(`no lesson among: ${lessons.join(' ')}`);
  return coreEngine(rules, !lessons.some((lesson) => lesson in unsafeLessons));
}
