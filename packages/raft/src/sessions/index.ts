// Exactly-once commands (§8, thesis §6.3): the state that members keep of their clients, and the clients.

export { ClusterClock } from './cluster-clock.ts';
export { MalformedError, ReplyDroppedError, SessionExpiredError } from './errors.ts';
export { SessionCalls, type SessionCallsOptions, type SessionReply } from './session-calls.ts';
export { type SessionCallOptions, SessionClient, type SessionClientOptions } from './session-client.ts';
export { localEndpoint, peerEndpoint, remoteEndpoint, type SessionEndpoint } from './session-endpoint.ts';
export {
  type ClientId,
  decodeAnswer,
  decodeCommand,
  decodeRequest,
  encodeAnswer,
  encodeCommand,
  encodeRequest,
  type SessionAnswer,
  type SessionCommand,
  type SessionLimits,
  type SessionRefusal,
  type SessionRequest,
  type SessionResult,
} from './session-format.ts';
export { SessionHost, type SessionHostOptions } from './session-host.ts';
export { SessionMachine, type SessionMachineOptions } from './session-machine.ts';
export { type SessionRules, sessionRules } from './session-rules.ts';
export { defaultSessionLimits, SessionTable } from './session-table.ts';
