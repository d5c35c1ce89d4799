// RFC 7541 §3, §6: header blocks into fields. Knows no name but as octets; what names mean is the connection's business.
// Whatever is wrong with a block is a `CompressionError`, after which the decoder must not be used again.

import { CompressionError } from './compression-error.ts';
import { DynamicTable } from './dynamic-table.ts';
import { HeaderField } from './header-field.ts';
import { decodedOctetsMax, decodeHuffman } from './huffman.ts';
import { type Cursor, readInteger } from './integers.ts';
import { staticEntries, staticTable } from './static-table.ts';

export interface DecoderOptions {
  /** SETTINGS_HEADER_TABLE_SIZE as the peer has it from us. */
  readonly tableSizeMax: number;
  /** SETTINGS_MAX_HEADER_LIST_SIZE: sizes of fields as RFC 7541 §4.1 counts them, summed over one block. */
  readonly listSizeMax: number;
}

export interface DecodedBlock {
  readonly fields: readonly HeaderField[];
  /** The list was larger than allowed. The tables are in step, so the connection lives; `fields` is only a beginning. */
  readonly tooLarge: boolean;
  /** So large that the rest was not looked at. The tables may not be in step: the decoder must not be used again. */
  readonly isBomb: boolean;
}

/** No client comes to so many times the allowed size by mistake. */
const bombFactor = 4;

export class Decoder {
  readonly #table: DynamicTable;
  readonly #tableSizeMax: number;
  readonly #listSizeMax: number;
  #resizes = 0;
  #scratch: Buffer = Buffer.allocUnsafeSlow(256);

  constructor({ tableSizeMax, listSizeMax }: DecoderOptions) {
    this.#tableSizeMax = tableSizeMax;
    this.#listSizeMax = listSizeMax;
    this.#table = new DynamicTable(tableSizeMax);
  }

  /**
   * Changes exactly when the table does. A block of the same octets as one before means the same fields, as long as
   * this number is what it was before and after that one.
   */
  get generation(): number {
    return this.#table.inserted + this.#resizes;
  }

  get tableSize(): number {
    return this.#table.size;
  }

  get tableEntries(): number {
    return this.#table.entries;
  }

  /** RFC 7541 §2.3.3: the static table first, the dynamic one behind it. */
  entry(index: number): HeaderField {
    const field = index <= staticEntries ? staticTable[index] : this.#table.at(index - staticEntries - 1);
    // RFC 7541 §2.3.3, §6.1: index 0 and indices beyond both tables are errors.
    if (index === 0 || field === undefined) throw new CompressionError(`there is no entry ${index}`);
    return field;
  }

  decode(bytes: Buffer, start: number, end: number): DecodedBlock {
    const cursor: Cursor = { at: start, end };
    const fields: HeaderField[] = [];
    let listSize = 0;
    let tooLarge = false;
    while (cursor.at < end) {
      const octet = bytes[cursor.at] ?? 0;
      let field: HeaderField;
      if (octet >= 0x80) {
        // RFC 7541 §6.1: indexed field.
        field = this.entry(readInteger(bytes, cursor, 7));
      } else if (octet >= 0x40) {
        // RFC 7541 §6.2.1: literal with incremental indexing.
        field = this.#literal(bytes, cursor, 6, false);
        this.#table.insert(field);
      } else if (octet >= 0x20) {
        // RFC 7541 §4.2: only at the beginning of a block.
        if (fields.length > 0 || tooLarge) throw new CompressionError('a table size update follows a field');
        this.#resize(readInteger(bytes, cursor, 5));
        continue;
      } else {
        // RFC 7541 §6.2.2, §6.2.3: literal without indexing, or never indexed.
        field = this.#literal(bytes, cursor, 4, octet >= 0x10);
      }
      listSize += field.size;
      if (listSize > this.#listSizeMax) tooLarge = true;
      else fields.push(field);
      if (listSize > bombFactor * this.#listSizeMax) return { fields, tooLarge, isBomb: true };
    }
    return { fields, tooLarge, isBomb: false };
  }

  #resize(capacity: number): void {
    // RFC 7541 §6.3: an update beyond the limit that the protocol has set is an error.
    if (capacity > this.#tableSizeMax) {
      throw new CompressionError(`a table of ${capacity} is more than the ${this.#tableSizeMax} allowed`);
    }
    this.#resizes += 1;
    this.#table.resize(capacity);
  }

  #literal(bytes: Buffer, cursor: Cursor, prefixBits: number, neverIndexed: boolean): HeaderField {
    const index = readInteger(bytes, cursor, prefixBits);
    const name = index === 0 ? this.#string(bytes, cursor) : this.entry(index).name;
    return new HeaderField(name, this.#string(bytes, cursor), neverIndexed);
  }

  /** RFC 7541 §5.2: string literal. */
  #string(bytes: Buffer, cursor: Cursor): string {
    const huffman = (bytes[cursor.at] ?? 0) >= 0x80;
    const length = readInteger(bytes, cursor, 7);
    const start = cursor.at;
    // Before anything is allocated for it.
    if (length > cursor.end - start) throw new CompressionError('a header block ends within a string');
    cursor.at += length;
    if (!huffman) return bytes.toString('latin1', start, cursor.at);
    const room = decodedOctetsMax(length);
    if (room > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(room * 2);
    return this.#scratch.toString('latin1', 0, decodeHuffman(bytes, start, cursor.at, this.#scratch));
  }
}
