// A backup as etcd's clients take it: blobs of 32 KiB with what remains, then one blob with the SHA-256 of all before it.
// Clients hold a file for whole when its length without the sum is a multiple of 512, so the last blob is filled up with
// zeros; the bytes inside are Kontiki's own (docs/etcd-api.md).

import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { SnapshotResponseSchema } from '@kontiki/etcd-proto';
import type { ResponseStream } from '@kontiki/grpc';
import type { BackupSource } from '@kontiki/member';
import { storageVersion } from '../version.ts';

const blobBytes = 32 * 1024;
const sectorBytes = 512;

export class BackupStream {
  readonly #source: BackupSource;
  readonly #responses: ResponseStream;
  readonly #hash = createHash('sha256');
  readonly #total: number;
  #pending: Buffer = Buffer.alloc(0);
  #sent = 0;
  #atEnd = false;
  #done = false;

  constructor(source: BackupSource, responses: ResponseStream) {
    this.#source = source;
    this.#responses = responses;
    this.#total = Math.ceil(source.total / sectorBytes) * sectorBytes;
    responses.onDrain(() => this.send());
  }

  /** Writes until the client has enough for now; it goes on when the client has read. */
  send(): void {
    while (!this.#done) {
      this.#fill();
      if (this.#pending.length === 0) {
        this.#finish();
        return;
      }
      const blob = this.#pending.subarray(0, blobBytes);
      this.#pending = this.#pending.subarray(blob.length);
      this.#hash.update(blob);
      this.#sent += blob.length;
      if (!this.#write(blob, Math.max(this.#total - this.#sent, 0))) return;
    }
  }

  close(): void {
    if (this.#done) return;
    this.#done = true;
    this.#source.close();
  }

  /** Reads until there is a whole blob or nothing more. */
  #fill(): void {
    const parts = [this.#pending];
    let length = this.#pending.length;
    while (length < blobBytes && !this.#atEnd) {
      const chunk = this.#source.next();
      if (chunk === undefined) {
        this.#atEnd = true;
        const filled = Math.ceil((this.#sent + length) / sectorBytes) * sectorBytes;
        parts.push(Buffer.alloc(filled - this.#sent - length));
        break;
      }
      parts.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      length += chunk.length;
    }
    if (parts.length > 1) this.#pending = Buffer.concat(parts);
  }

  #finish(): void {
    this.#write(this.#hash.digest(), 0);
    this.close();
    this.#responses.end();
  }

  #write(blob: Uint8Array, remaining: number): boolean {
    const response = { remainingBytes: BigInt(remaining), blob, version: storageVersion };
    return this.#responses.write(toBinary(SnapshotResponseSchema, create(SnapshotResponseSchema, response)));
  }
}
