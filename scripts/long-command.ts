// What the long commands (`npm run crash`, `npm run bench`, …) have in common on their command lines: `--help`, numbers that are
// looked at, and exit code 2 for a question that was wrong.

import { Command, InvalidArgumentError } from '@commander-js/extra-typings';

/** To be given its options, and to parse `process.argv`. Ends the process after `--help`, and when it was asked wrongly. */
export function longCommand(name: string, says: string): Command {
  return new Command(`npm run ${name} --`)
    .description(says)
    .helpOption('--help', 'prints this')
    .showHelpAfterError('(--help tells the options)')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
}

/** A whole number from 1 on. */
export function count(text: string): number {
  return wholeFrom(1, text);
}

/** A whole number from 0 on. */
export function seed(text: string): number {
  return wholeFrom(0, text);
}

/** More than nothing, and possibly a fraction: of seconds, of minutes. */
export function amount(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('It is a number above 0.');
  return value;
}

/** A word in some of these names. */
export function wordIn(names: readonly string[]): (text: string) => string {
  return (text) => {
    if (names.some((name) => name.includes(text))) return text;
    throw new InvalidArgumentError(`None has it in its name. There are: ${names.join(', ')}.`);
  };
}

/** One of these names. */
export function oneOf<Name extends string>(names: readonly Name[]): (text: string) => Name {
  return (text) => {
    const name = names.find((each) => each === text);
    if (name === undefined) throw new InvalidArgumentError(`It is one of: ${names.join(', ')}.`);
    return name;
  };
}

function wholeFrom(least: number, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least) {
    throw new InvalidArgumentError(`It is a whole number from ${least} on.`);
  }
  return value;
}
