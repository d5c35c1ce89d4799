// `grpc-message` is UTF-8 in percent-encoding: everything but printable ASCII, and the percent sign itself.

const plain = /^[\x20-\x24\x26-\x7e]*$/;

export function encodeGrpcMessage(message: string): string {
  if (plain.test(message)) return message;
  let encoded = '';
  for (const octet of Buffer.from(message, 'utf8')) {
    const isPlain = octet >= 0x20 && octet <= 0x7e && octet !== 0x25;
    encoded += isPlain ? String.fromCharCode(octet) : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
