export { type LmdbBackendOptions, type LmdbOpened, openLmdbBackend } from './lmdb-backend.ts';
