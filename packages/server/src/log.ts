// Structured logs: one JSON line each, with the keys that zap gives etcd's (level, ts, msg, fields), so that what reads
// etcd's logs reads these. The rest of the server sees the interface only.

import { type DestinationStream, destination, multistream, type Logger as Pino, pino } from 'pino';
import { ConfigError } from './config/flags.ts';
import type { LogLevel } from './config/server-config.ts';

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/**
 * `outputs` are `stderr` (also `default`), `stdout`, and paths of files that are appended to.
 * @throws ConfigError for one that cannot be opened
 */
export function createLogger(level: LogLevel, outputs: readonly string[]): Logger {
  // Written at once: the last lines before an exit are the ones that matter.
  const streams = outputs.map((output) => ({ level: 'trace' as const, stream: open(output) }));
  return loggerTo(level, multistream(streams));
}

/** A disk that takes no more lines is no reason to stop serving: they are kept up to a bound, and then lost. */
const unwrittenBytesMax = 2 ** 20;

function open(output: string): DestinationStream {
  try {
    const dest = descriptorOf(output);
    const stream = destination({ dest, sync: true, append: true, mkdir: true, maxLength: unwrittenBytesMax });
    return stream.on('error', () => undefined);
  } catch (error: unknown) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`cannot log to ${output}: ${reason}; give other --log-outputs`);
  }
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
