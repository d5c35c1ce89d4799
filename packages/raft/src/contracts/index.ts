// Suites that an implementation of a port must pass. `test` is the one of any runner.

export { type LogStoreRig, logStoreSuite } from './log-store.ts';
export { type SnapshotStoreRig, snapshotStoreSuite } from './snapshot-store.ts';
export { type StateMachineRig, type StateMachineSuite, stateMachineSuite } from './state-machine.ts';
export type { Register, Rig } from './suite.ts';
export { type TickerRig, tickerSuite } from './ticker.ts';
export { type TransportRig, transportSuite } from './transport.ts';
