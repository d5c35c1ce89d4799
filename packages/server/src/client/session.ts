// What a command runs with, from its options to its exit code.

import { ClientError } from './client-error.ts';
import { Connection } from './connection.ts';
import { parseEndpoints } from './endpoints.ts';
import { Output, type OutputFormat } from './output.ts';

export interface Session {
  readonly connection: Connection;
  readonly output: Output;
}

export interface SessionOptions {
  readonly endpoints: string;
  readonly writeOut: OutputFormat;
}

/** Connects, acts, closes. What goes wrong is one sentence on standard error and exit code 1. */
export async function inSession(options: SessionOptions, act: (session: Session) => Promise<void>): Promise<void> {
  let connection: Connection | undefined;
  try {
    connection = new Connection(parseEndpoints(options.endpoints));
    await act({ connection, output: new Output(options.writeOut, (text) => process.stdout.write(text)) });
  } catch (error: unknown) {
    if (!(error instanceof ClientError)) throw error;
    process.stderr.write(`Error: ${error.message}\n`);
    process.exitCode = 1;
  } finally {
    connection?.close();
  }
}
