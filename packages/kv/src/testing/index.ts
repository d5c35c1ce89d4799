export { type BackendFixture, type BackendSuiteOptions, backendSuite } from './backend-suite.ts';
export { type Draw, drawFrom } from './draw.ts';
export { LossyBackend, type LossyOptions } from './lossy-backend.ts';
export { rangeOf } from './range-of.ts';
