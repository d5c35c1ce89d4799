// RFC 9113 §5.1: what may still come on a stream that is closed depends on how it was closed. Only what differs is
// remembered: streams that we reset, whose client may not know yet, and numbers that were skipped and never used.

const resetsMax = 1024;
const gapsMax = 64;

export class ClosedStreams {
  readonly #resets = new Set<number>();
  /** Streams up to here that were reset may have been forgotten. */
  #forgottenThrough = 0;
  readonly #gaps: { readonly from: number; readonly to: number }[] = [];

  /** Streams [from, to] were skipped: §5.1.1 closes them unused. */
  skipped(from: number, to: number): void {
    this.#gaps.push({ from, to });
    if (this.#gaps.length > gapsMax) this.#gaps.shift();
  }

  reset(streamId: number): void {
    this.#resets.add(streamId);
    if (this.#resets.size <= resetsMax) return;
    for (const oldest of this.#resets) {
      this.#forgottenThrough = Math.max(this.#forgottenThrough, oldest);
      this.#resets.delete(oldest);
      return;
    }
  }

  wasSkipped(streamId: number): boolean {
    return this.#gaps.some(({ from, to }) => streamId >= from && streamId <= to);
  }

  /** The client may not have known, when it sent this, that we closed the stream. */
  mayNotKnow(streamId: number): boolean {
    return streamId <= this.#forgottenThrough || this.#resets.has(streamId);
  }
}
