export type { Discovered } from './acceptor.ts';
export { ByteReader, ByteWriter, MalformedError } from './bytes.ts';
export { type Ends, messageBytes, readMessage, writeMessage } from './codec.ts';
export { type Checksum, crc32 } from './crc32.ts';
export { type DiscoveryParts, discover } from './discovery.ts';
export { frameHeaderBytes, protocolVersion } from './frames.ts';
export { type Identity, type IncarnationStore, MemoryIncarnations } from './handshake.ts';
export { MemoryNetwork } from './memory-network.ts';
export type { Connection, ConnectionHandler, Network } from './network.ts';
export type { LinkLimits, LinkStatus } from './peer-link.ts';
export {
  defaultTransportLimits,
  PeerTransport,
  type PeerTransportOptions,
  type TransportLimits,
  type TransportStatus,
} from './peer-transport.ts';
export { type TransportRules, transportRules } from './rules.ts';
export { decodeUtf8, encodeUtf8 } from './utf8.ts';
