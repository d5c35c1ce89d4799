export type * from './api.ts';
export type * from './backend.ts';
