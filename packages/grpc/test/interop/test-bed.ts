// The server that other people's clients call: an echo in every kind of call, refusals, and calls that wait to be ended.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRouter,
  GrpcServer,
  type GrpcServerOptions,
  grpcCode,
  RpcError,
  type Service,
  type StreamHandler,
} from '../../src/index.ts';
import { echo } from '../echo-service.ts';

export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
}

export class TestBed {
  readonly services: readonly Service[];
  readonly server: GrpcServer;
  port = 0;
  /** `path code` of every call that has ended. */
  readonly ended: string[] = [];
  readonly #begun = new Map<string, () => void>();
  #folder: string | undefined;

  constructor(options: Partial<GrpcServerOptions> = {}) {
    this.services = [echo, this.#interop()];
    this.server = new GrpcServer({
      limits: { concurrentStreamsMax: 2000 },
      ...options,
      router: createRouter(this.services),
      onEvent: (event) => {
        if (event.kind === 'call') this.ended.push(`${event.path} ${event.code}`);
        options.onEvent?.(event);
      },
    });
  }

  async start(): Promise<void> {
    ({ port: this.port } = await this.server.listen({ host: '127.0.0.1', port: 0 }));
  }

  async stop(): Promise<void> {
    await this.server.close();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true });
  }

  /** For files of the tests; gone when the bed stops. */
  get folder(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'grpc-interop-'));
    return this.#folder;
  }

  /** The next call of a method that waits has reached its handler. */
  begun(path: string): Promise<void> {
    return new Promise((resolve) => this.#begun.set(path, resolve));
  }

  /** For `localhost`. */
  certificate(name: string): Certificate {
    const [key, cert] = [join(this.folder, `${name}.key`), join(this.folder, `${name}.crt`)];
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', '-x509', '-days', '2', ...curve, '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  }

  #interop(): Service {
    const hold: StreamHandler = (call) => {
      this.#begun.get(call.path)?.();
      return { message: () => undefined, halfClose: () => undefined, closed: () => undefined };
    };
    return {
      name: 'test.Interop',
      methods: {
        /** What was said of it as metadata comes back as metadata, before and behind the answer. */
        Tell: {
          kind: 'unary',
          handle: async (request, call) => {
            call.sendHeader('x-heard', call.header('x-told') ?? '');
            for (const bytes of call.metadata.bytes('x-told-bin')) call.sendHeader('x-heard-bin', bytes);
            call.sendHeader('x-encoding', call.header('grpc-encoding') ?? 'identity');
            call.sendTrailer('x-also', call.header('x-told') ?? '');
            for (const bytes of call.metadata.bytes('x-told-bin')) call.sendTrailer('x-also-bin', bytes);
            return request;
          },
        },
        /** Fails with the text in `x-text-bin`, and details as googleapis has them. */
        Refuse: {
          kind: 'unary',
          handle: async (_request, call) => {
            const text = Buffer.from(call.metadata.bytes('x-text-bin')[0] ?? []);
            const details = Buffer.concat([Buffer.from([0x08, grpcCode.failedPrecondition, 0x12, text.length]), text]);
            throw new RpcError(grpcCode.failedPrecondition, text.toString(), details);
          },
        },
        /** The request, `x-times` times. */
        Repeat: {
          kind: 'serverStream',
          open: (call, responses) => ({
            message: (request) => {
              let left = Number(call.header('x-times'));
              const go = (): void => {
                while (left > 0) {
                  left -= 1;
                  if (!responses.write(request)) return;
                }
                responses.end();
              };
              responses.onDrain(go);
              go();
            },
            halfClose: () => undefined,
            closed: () => undefined,
          }),
        },
        /** An echo, until it is asked to refuse. */
        Quarrel: {
          kind: 'bidi',
          open: (_call, responses) => ({
            message: (request) => {
              if (Buffer.from(request).includes('refuse')) responses.fail(new RpcError(grpcCode.aborted, 'as asked'));
              else responses.write(request);
            },
            halfClose: () => responses.end(),
            closed: () => undefined,
          }),
        },
        Wait: {
          kind: 'unary',
          handle: (request, call) =>
            new Promise((resolve) => {
              call.onCancel(() => resolve(request));
              this.#begun.get(call.path)?.();
            }),
        },
        Listen: { kind: 'serverStream', open: hold },
        Gather: { kind: 'clientStream', open: hold },
        Hold: { kind: 'bidi', open: hold },
      },
    };
  }
}
