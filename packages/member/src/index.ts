export * from './api.ts';
export { type MemberOptions, openMember, RunningMember } from './member.ts';
export { clampInt64, deleteRangeRequest, putRequest, rangeRequest, txnRequest } from './requests.ts';
export { addressOf, decodeMembers, memberIdOf, nodeIdOf, peerUrlsOf } from './roster.ts';
export { type MemberRules, memberRules } from './rules.ts';
export type { MemberTaps } from './taps.ts';
