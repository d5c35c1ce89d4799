// The story language: parse a text, play it in a small world of nodes, read what happened. The checkers of figure 3 are
// of use to anyone who runs nodes.

export * from './checkers/election-safety.ts';
export * from './checkers/leader-append-only.ts';
export * from './checkers/leader-completeness.ts';
export * from './checkers/linearizable-reads.ts';
export * from './checkers/log-matching.ts';
export * from './checkers/safety.ts';
export * from './checkers/state-machine-safety.ts';
export * from './checkers/view.ts';
export * from './checkers/vote-once-per-term.ts';
export * from './engine.ts';
export type * from './events.ts';
export type * from './grammar.ts';
export { parseStory } from './parser.ts';
export { type EngineFor, type Outcome, runStory } from './runner.ts';
export { StoryError } from './story-error.ts';
export { StorySyntaxError } from './words.ts';
