// The URLs that members and clients are reached by, parsed as etcd parses them: scheme, host and port, nothing else. The text
// of an accepted URL is kept as etcd would print it, for ids are derived from it.

export interface MemberUrl {
  readonly text: string;
  readonly scheme: 'http' | 'https';
  /** Without the brackets of an IPv6 address; may be empty. */
  readonly host: string;
  readonly port: number;
}

/** A refusal of one value, in etcd's words where it has some. */
export class UrlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UrlError';
  }
}

/** Comma-separated URLs, sorted as etcd sorts them, duplicates dropped. */
export function parseUrls(list: string): readonly MemberUrl[] {
  const urls = new Map<string, MemberUrl>();
  for (const one of list.split(',')) {
    const url = parseUrl(one.trim());
    urls.set(url.text, url);
  }
  return [...urls.values()].sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
}

export function parseUrl(text: string): MemberUrl {
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/([^/?#]*)(.*)$/.exec(text);
  const scheme = match?.[1]?.toLowerCase();
  if (scheme === 'unix' || scheme === 'unixs') {
    throw new UrlError(`unix sockets are not built yet: use http://HOST:PORT instead of ${text}`);
  }
  if (scheme !== 'http' && scheme !== 'https') {
    throw new UrlError(`URL scheme must be http, https, unix, or unixs: ${text}`);
  }
  const authority = match?.[2] ?? '';
  const address = /^(?:\[([^\]]*)\]|([^:[\]@]*)):(\d{1,5})$/.exec(authority);
  const port = Number(address?.[3] ?? Number.NaN);
  if (address === null || port > 65_535) {
    throw new UrlError(`URL address does not have the form "host:port": ${text}`);
  }
  if (match?.[3] !== '') throw new UrlError(`URL must not contain a path: ${text}`);
  return { text: `${scheme}://${authority}`, scheme, host: address[1] ?? address[2] ?? '', port };
}

/** The address to bind for a URL: an empty host is every interface, and a name other than localhost is refused. */
export function bindAddress(url: MemberUrl): string {
  if (url.host === '') return '::';
  return url.host === 'localhost' ? '127.0.0.1' : url.host;
}
