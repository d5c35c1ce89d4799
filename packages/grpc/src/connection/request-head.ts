// RFC 9113 §8.1–§8.3: what the fields of a request must look like. What was found out about a field is kept in its mark,
// as table entries come again with every request.

import type { HeaderField } from '../hpack/header-field.ts';

/** A request that is well formed. */
export interface RequestHead {
  readonly method: string;
  readonly scheme: string;
  /** Not empty; nothing else is promised of it. */
  readonly path: string;
  readonly authority: string | undefined;
  /** All but the pseudo-header fields, in order. */
  readonly fields: readonly HeaderField[];
  readonly contentLength: number | undefined;
  /** Of all fields, as RFC 7541 §4.1 counts them. */
  readonly size: number;
  /** For the layer above: the same object is given to every request with the same fields. */
  note: unknown;
}

const plain = 1;
const method = 2;
const scheme = 3;
const path = 4;
const authority = 5;
const contentLength = 6;
const malformed = 7;

/** `undefined`: malformed (§8.1.1), an error of the stream, PROTOCOL_ERROR. */
export function readRequestHead(fields: readonly HeaderField[]): RequestHead | undefined {
  const pseudo: (string | undefined)[] = [];
  const regular: HeaderField[] = [];
  let length: number | undefined;
  let size = 0;
  for (const field of fields) {
    size += field.size;
    const kind = kindOf(field);
    if (kind === malformed) return undefined;
    if (kind >= method && kind <= authority) {
      // §8.3: pseudo-header fields come first, and each once.
      if (regular.length > 0 || pseudo[kind] !== undefined) return undefined;
      pseudo[kind] = field.value;
      continue;
    }
    if (kind === contentLength) {
      const value = Number(field.value);
      if (length !== undefined && length !== value) return undefined;
      length = value;
    }
    regular.push(field);
  }
  // §8.3.1: all requests but CONNECT, which nobody here serves, have exactly one of each.
  const [methodValue, schemeValue, pathValue] = [pseudo[method], pseudo[scheme], pseudo[path]];
  if (methodValue === undefined || schemeValue === undefined || pathValue === undefined) return undefined;
  if (pathValue === '' || methodValue === 'CONNECT') return undefined;
  return {
    method: methodValue,
    scheme: schemeValue,
    path: pathValue,
    authority: pseudo[authority],
    fields: regular,
    contentLength: length,
    size,
    note: undefined,
  };
}

/** §8.1: trailers are fields like others, without any pseudo-header field. */
export function areTrailers(fields: readonly HeaderField[]): boolean {
  return fields.every((field) => {
    const kind = kindOf(field);
    return kind === plain || kind === contentLength;
  });
}

function kindOf(field: HeaderField): number {
  if (field.mark === 0) field.mark = classify(field);
  return field.mark;
}

function classify({ name, value }: HeaderField): number {
  if (!isValue(value)) return malformed;
  switch (name) {
    case ':method':
      return method;
    case ':scheme':
      return scheme;
    case ':path':
      return path;
    case ':authority':
      return authority;
    case 'content-length':
      return /^\d{1,15}$/.test(value) ? contentLength : malformed;
    // §8.2.2: of connections HTTP/2 speaks otherwise.
    case 'connection':
    case 'proxy-connection':
    case 'keep-alive':
    case 'transfer-encoding':
    case 'upgrade':
      return malformed;
    case 'te':
      return value === 'trailers' ? plain : malformed;
    default:
      return isName(name) ? plain : malformed;
  }
}

/** §8.2.1; a colon would be a pseudo-header field that nobody knows (§8.3). */
function isName(name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    const octet = name.charCodeAt(at);
    if (octet <= 0x20 || octet >= 0x7f || (octet >= 0x41 && octet <= 0x5a) || octet === 0x3a) return false;
  }
  return name.length > 0;
}

/** §8.2.1: no NUL, LF or CR anywhere, no space or tab at either end. */
function isValue(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const octet = value.charCodeAt(at);
    if (octet === 0 || octet === 0x0a || octet === 0x0d) return false;
  }
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(value.length - 1));
}

function isBlank(octet: number): boolean {
  return octet === 0x20 || octet === 0x09;
}
