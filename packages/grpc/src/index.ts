// A gRPC server on node:net and node:tls, with exactly as much HTTP/2 as gRPC needs.

export { CompressionError } from './hpack/compression-error.ts';
export { Decoder, type DecoderOptions } from './hpack/decoder.ts';
export { Encoder, type EncoderOptions } from './hpack/encoder.ts';
export { HeaderField } from './hpack/header-field.ts';
