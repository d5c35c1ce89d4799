export { ConfigError } from './config/flags.ts';
export { failStopCode } from './exit-codes.ts';
export { createLogger, type LogFields, type Logger, silentLogger } from './log.ts';
export { runServer } from './run-server.ts';
export { RunningServer, type ServerParts, startServer } from './server.ts';
export { diskStorage, type ServerStorage } from './storage.ts';
