// The end of a log, for a person who wants to know why a process ended.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const bytesMax = 8192;

/** Empty when the file cannot be read. */
export function lastLines(path: string, count: number): readonly string[] {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, bytesMax));
    const read = readSync(file, bytes, 0, bytes.length, size - bytes.length);
    const text = bytes.toString('utf8', 0, read).trimEnd();
    return text === '' ? [] : text.split('\n').slice(-count);
  } finally {
    closeSync(file);
  }
}
