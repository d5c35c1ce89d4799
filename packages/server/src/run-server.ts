// `kontiki server`: one member as a process, from its command line to its exit code.
//
//   0  stopped in order, or removed from the cluster, as etcd · 1 could not start · 2 wrong flags · 70 fail-stop: storage or an invariant failed

import { constants } from 'node:os';
import { StoreFormatError, StoreInvariantError } from '@kontiki/kv';
import { RecoveryError } from '@kontiki/raft';
import { NewerFormatError, SnapshotError, VfsError, WalCorruptError } from '@kontiki/wal';
import { flags } from './config/flag-table.ts';
import { ConfigError, readFlags, variableOf } from './config/flags.ts';
import { type ServerConfig, serverConfig } from './config/server-config.ts';
import { failStopCode } from './exit-codes.ts';
import { createLogger, type Logger } from './log.ts';
import { type RunningServer, startServer } from './server.ts';
import { RowsError, type ServerStorage } from './storage.ts';
import { kontikiVersion, serverVersion } from './version.ts';

const couldNotStart = 1;
const wrongFlags = 2;
const removedStopMs = 1000;

/**
 * Runs until a signal stops the member. Resolves with the exit code; a fail-stop and a second signal end the process here,
 * because nothing that is still open may keep it.
 */
export async function runServer(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  storage?: ServerStorage,
): Promise<number> {
  let config: ServerConfig;
  let logger: Logger;
  try {
    const line = readFlags(argv, env);
    if (line.kind !== 'settings') {
      process.stdout.write(line.kind === 'help' ? helpText() : versionText());
      return 0;
    }
    config = serverConfig(line.set);
    logger = createLogger(config.logLevel, config.logOutputs);
    for (const warning of line.warnings) logger.warn(warning);
  } catch (error: unknown) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return wrongFlags;
  }
  return serveUntilSignal(config, logger, storage);
}

async function serveUntilSignal(
  config: ServerConfig,
  logger: Logger,
  storage: ServerStorage | undefined,
): Promise<number> {
  const failStop = (what: string, error: unknown): never => {
    logger.error(what, { error: describe(error), 'exit-code': failStopCode });
    process.exit(failStopCode);
  };
  process.on('uncaughtException', (error) => failStop('an error that nobody expected: the server stops', error));
  const signal = nextSignal(logger);
  let server: RunningServer;
  try {
    server = await startServer(config, storage === undefined ? { logger } : { logger, storage });
  } catch (error: unknown) {
    if (error instanceof ConfigError) {
      process.stderr.write(`${error.message}\n`);
      return wrongFlags;
    }
    if (isStorageFailure(error)) failStop('cannot start on what is stored', error);
    logger.error('cannot start', { error: describe(error) });
    return couldNotStart;
  }
  server.onFailure((error) => failStop('the server stops itself: it cannot go on safely', error));
  const removed = new Promise<void>((resolve) => {
    server.onRemoved(() => {
      logger.warn('server error', { error: 'the member has been permanently removed from the cluster' });
      logger.warn('data-dir used by this member must be removed');
      // etcd's pause: whoever asked for the removal here is answered, and the others hear of it.
      setTimeout(resolve, removedStopMs);
    });
  });
  await Promise.race([signal, removed]);
  await server.stop();
  return 0;
}

/** Resolves with the first signal; a second one ends the process at once. */
function nextSignal(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    let seen = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (seen) process.exit(128 + (constants.signals[signal] ?? 0));
      seen = true;
      logger.info('received signal; shutting down', { signal });
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/** What another start would meet again, and what somebody should look at before there is one. */
function isStorageFailure(error: unknown): boolean {
  if (error instanceof VfsError) return error.code !== 'LOCKED';
  const kinds = [
    WalCorruptError,
    NewerFormatError,
    SnapshotError,
    RecoveryError,
    StoreFormatError,
    StoreInvariantError,
    RowsError,
  ];
  return kinds.some((kind) => error instanceof kind);
}

/** The sentence, and behind it the way out where the error comes from below and does not know one. */
function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RecoveryError) {
    return `${message}. Put the whole data directory back from one backup; without one, this member cannot start again`;
  }
  return message.includes(noSpace)
    ? `${message}. Make room on that disk and start again: no acknowledged write is lost`
    : message;
}

/** The words of log and rows alike. */
const noSpace = 'no space left on the device';

function versionText(): string {
  return `etcd Version: ${serverVersion}\nKontiki Version: ${kontikiVersion}\nNode Version: ${process.version}\n`;
}

function helpText(): string {
  const rows = Object.entries(flags).map(([name, { byDefault, help }]) => {
    const shown = byDefault === '' ? '' : ` (default ${byDefault})`;
    return `  --${name}\n      ${help}${shown} ${variableOf(name)}\n`;
  });
  return `Usage: kontiki server [flags]\n\nRuns one member. Flags and variables are etcd's; these are built:\n\n${rows.join('')}`;
}
