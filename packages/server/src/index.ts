export { ConfigError } from './config/flags.ts';
export { createLogger, type LogFields, type Logger, silentLogger } from './log.ts';
export { failStopCode, runServer } from './run-server.ts';
export { RunningServer, type ServerParts, startServer } from './server.ts';
export { diskStorage, type ServerStorage } from './storage.ts';
