// What a simulated run needs of the engine that plays it, and nothing of its clock: the end of a turn, and the promises
// that nobody waited for.

export interface Host {
  /** Resolves when every promise that was settled by now has been heard. */
  turn(): Promise<void>;
  /** Calls back for each promise that is rejected with nobody listening, until the returned function is called. */
  onStray(listener: (reason: unknown) => void): () => void;
}
