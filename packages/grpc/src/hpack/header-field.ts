// A name and a value, as compression sees them: two strings of octets, one character per octet (latin1).

/** Bytes that every entry counts beside its name and value (RFC 7541 §4.1). */
export const entryOverheadBytes = 32;

export class HeaderField {
  readonly name: string;
  readonly value: string;
  /** RFC 7541 §4.1: length of the name, length of the value, and 32. */
  readonly size: number;
  /** RFC 7541 §6.2.3: whoever passes it on must not index it either. */
  readonly neverIndexed: boolean;
  /**
   * For the layer above, which may keep here what it found out about the field. Table entries are decoded once and
   * referred to thousands of times; so is what is known of them. 0 when nothing is.
   */
  mark = 0;

  constructor(name: string, value: string, neverIndexed = false) {
    this.name = name;
    this.value = value;
    this.size = name.length + value.length + entryOverheadBytes;
    this.neverIndexed = neverIndexed;
  }
}
