// The trace of a story: its nodes are wrapped, and everything else is as it is told.

import { coreEngine, parseStory, runStory, StoryError } from '@kontiki/raft/story';
import { rulesOf, unsafeLessons } from '@kontiki/raft/teaching';
import { TracedRaft } from './traced-raft.ts';
import { TracedWorld } from './traced-world.ts';

/** Plays the story's own run and tells it line by line. Throws `StorySyntaxError`, or `StoryError` when it is not as it says. */
export function traceStory(text: string, print: (line: string) => void): void {
  const world = new TracedWorld(print);
  // What breaks without a rule is another run, with another history.
  const story = { ...parseStory(text), also: [], breaks: [] };
  const { failures } = runStory(story, (lessons) => {
    const rules = rulesOf(lessons);
    if (rules === undefined) throw new StoryError(`no lesson among: ${lessons.join(' ')}`);
    const engine = coreEngine(rules, !lessons.some((lesson) => lesson in unsafeLessons));
    return {
      create: (options) => {
        const specimen = engine.create(options);
        return { ...specimen, raft: new TracedRaft(specimen.raft, world) };
      },
    };
  });
  if (failures.length > 0) throw new StoryError(failures.join('\n'));
}
