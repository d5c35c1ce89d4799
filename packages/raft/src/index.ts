export type * from './core/api.ts';
export type * from './driver/ports.ts';
