export * from './api.ts';
export { openMember, RunningMember } from './member.ts';
export type { MemberOptions } from './member-options.ts';
export { clampInt64, deleteRangeRequest, putRequest, rangeRequest, txnRequest } from './requests.ts';
export { addressOf, decodeMembers, memberIdOf, nodeIdOf, peerUrlsOf } from './roster.ts';
export { type MemberRules, memberRules } from './rules.ts';
export type { MemberTaps } from './taps.ts';
