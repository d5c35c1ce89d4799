// Why a story cannot go on.

/** A line asks for something that cannot be done where it stands. */
export class StoryError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'StoryError';
  }
}
