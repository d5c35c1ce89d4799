// RFC 7541 Appendix A: the 61 fields that both sides know from the start.

import { HeaderField } from './header-field.ts';

const rows = `
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`;

function parse(row: string): HeaderField {
  const space = row.indexOf(' ');
  return space < 0 ? new HeaderField(row, '') : new HeaderField(row.slice(0, space), row.slice(space + 1));
}

/** Index 1 is the first; index 0 is not used (RFC 7541 §6.1) and holds an empty field. */
export const staticTable: readonly HeaderField[] = [new HeaderField('', ''), ...rows.trim().split('\n').map(parse)];

export const staticEntries: number = staticTable.length - 1;
