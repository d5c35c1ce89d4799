// What the commands of this package have in common: whole numbers among the arguments, and the time they take.

export type Print = (line: string) => void;

/** Of the option `name`. Throws `RangeError` for anything but a whole number from `least` on. */
export function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`--${name} is a whole number from ${least} on`);
  return value;
}

/** Seconds since it was made. */
export function stopwatch(): () => number {
  const begun = process.hrtime.bigint();
  return () => Number(process.hrtime.bigint() - begun) / 1e9;
}
