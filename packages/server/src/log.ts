// Structured logs: one JSON line each, with the keys that zap gives etcd's (level, ts, msg, fields), so that what reads
// etcd's logs reads these. The rest of the server sees the interface only.

import { type DestinationStream, destination, multistream, type Logger as Pino, pino } from 'pino';
import type { LogLevel } from './config/server-config.ts';

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** `outputs` are `stderr` (also `default`), `stdout`, and paths of files that are appended to. */
export function createLogger(level: LogLevel, outputs: readonly string[]): Logger {
  // Written at once: the last lines before an exit are the ones that matter.
  const streams = outputs.map((output) => ({
    level: 'trace' as const,
    stream: destination({ dest: descriptorOf(output), sync: true, append: true, mkdir: true }),
  }));
  return loggerTo(level, multistream(streams));
}

export function loggerTo(level: LogLevel, stream: DestinationStream): Logger {
  const logger = pino(
    {
      level: level === 'panic' ? 'fatal' : level,
      base: null,
      messageKey: 'msg',
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    debug: (message, fields) => write(logger, 'debug', message, fields),
    info: (message, fields) => write(logger, 'info', message, fields),
    warn: (message, fields) => write(logger, 'warn', message, fields),
    error: (message, fields) => write(logger, 'error', message, fields),
  };
}

/** For tests and tools that want none. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

function write(logger: Pino, level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: LogFields): void {
  logger[level](plain(fields), message);
}

/** Ids print as etcd prints them, errors as their sentence. */
function plain(fields: LogFields = {}): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (typeof value === 'bigint') return [name, value.toString(16)];
      return [name, value instanceof Error ? value.message : value];
    }),
  );
}

function descriptorOf(output: string): number | string {
  switch (output.trim()) {
    case 'stdout':
      return 1;
    case 'stderr':
    case 'default':
      return 2;
    default:
      return output.trim();
  }
}
