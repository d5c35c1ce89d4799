// RFC 7541 §2.3.2, §4: the fields that one direction of a connection has agreed on, newest first, within a size.

import type { HeaderField } from './header-field.ts';

export class DynamicTable {
  /** Oldest first, in a ring whose length is a power of two. */
  #ring: (HeaderField | undefined)[] = new Array(32);
  #oldest = 0;
  #entries = 0;
  #size = 0;
  #capacity: number;
  #inserted = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get entries(): number {
    return this.#entries;
  }

  /** RFC 7541 §4.1: the sum of the sizes of its entries. */
  get size(): number {
    return this.#size;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Grows with every insertion, even one that leaves nothing behind; entries keep the number they were inserted with. */
  get inserted(): number {
    return this.#inserted;
  }

  /** `age` 0 is the newest entry. */
  at(age: number): HeaderField | undefined {
    if (age < 0 || age >= this.#entries) return undefined;
    return this.#ring[(this.#oldest + this.#entries - 1 - age) & (this.#ring.length - 1)];
  }

  insert(field: HeaderField): void {
    this.#inserted += 1;
    // RFC 7541 §4.4: room is made first; a field larger than the whole table leaves it empty, which is no error.
    this.#evictTo(this.#capacity - field.size);
    if (field.size > this.#capacity) return;
    if (this.#entries === this.#ring.length) this.#grow();
    this.#ring[(this.#oldest + this.#entries) & (this.#ring.length - 1)] = field;
    this.#entries += 1;
    this.#size += field.size;
  }

  /** RFC 7541 §4.3: entries are evicted until the table fits. */
  resize(capacity: number): void {
    this.#capacity = capacity;
    this.#evictTo(capacity);
  }

  #evictTo(size: number): void {
    while (this.#entries > 0 && this.#size > size) {
      this.#size -= this.#ring[this.#oldest]?.size ?? 0;
      this.#ring[this.#oldest] = undefined;
      this.#oldest = (this.#oldest + 1) & (this.#ring.length - 1);
      this.#entries -= 1;
    }
  }

  #grow(): void {
    const fields: (HeaderField | undefined)[] = new Array(this.#ring.length * 2);
    for (let index = 0; index < this.#entries; index++) {
      fields[index] = this.#ring[(this.#oldest + index) & (this.#ring.length - 1)];
    }
    this.#ring = fields;
    this.#oldest = 0;
  }
}
