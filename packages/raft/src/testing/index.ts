// A cluster with sessions in one process and virtual time, for beds of this package and of the simulator.

export {
  answerOf,
  codeOf,
  type Life,
  type Mishap,
  noMishap,
  type Pending,
  type Seat,
  SessionCluster,
  type SessionClusterOptions,
  type SessionDriver,
  TestClient,
  whenAwake,
} from './session-cluster.ts';
export { add, decodeSum, encodeSum, Tally } from './tally.ts';
