// The small client's command line, for people without etcdctl, in its words.

import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import {
  addMember,
  listMembers,
  moveLeader,
  promoteMember,
  removeMember,
  showStatus,
  updateMember,
} from './cluster-commands.ts';
import { defaultEndpoints } from './endpoints.ts';
import { del, get, put } from './key-commands.ts';
import { grantLease, keepLeaseAlive, leaseTimeToLive, listLeases, revokeLease } from './lease-commands.ts';
import { outputFormats } from './output.ts';
import { inSession } from './session.ts';
import { watch } from './watch-command.ts';

const endpoints = new Option('--endpoints <list>', 'host:port of the members, comma-separated')
  .default(defaultEndpoints)
  .env('KONTIKI_ENDPOINTS');
const writeOut = new Option('-w, --write-out <format>', 'how to print')
  .choices(outputFormats)
  .default('simple' as const);
const prefix = new Option('--prefix', 'every key that begins with KEY');
const fromKey = new Option('--from-key', 'every key from KEY on');
const memberId = 'its id, as member list prints it';
const peerUrls = new Option(
  '--peer-urls <list>',
  'where the other members reach it, comma-separated',
).makeOptionMandatory();
const endIsExclusive = 'every key from KEY up to this one, without it';

export function clientCommands(): readonly CommandUnknownOpts[] {
  return [
    getCommand(),
    putCommand(),
    delCommand(),
    watchCommand(),
    leaseCommand(),
    memberCommand(),
    statusCommand(),
    moveLeaderCommand(),
  ];
}

function getCommand(): CommandUnknownOpts {
  return new Command('get')
    .description('read keys')
    .argument('<key>')
    .argument('[end]', endIsExclusive)
    .addOption(prefix)
    .addOption(fromKey)
    .option('--limit <n>', 'at most so many keys')
    .option('--rev <revision>', 'as of this revision')
    .option('--keys-only', 'without values')
    .option('--count-only', 'only how many')
    .option('--serializable', 'from the member asked, without a quorum: perhaps stale')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((key, end, options) => inSession(options, (session) => get(session, key, { ...options, end })));
}

function putCommand(): CommandUnknownOpts {
  return new Command('put')
    .description('write a key')
    .argument('<key>')
    .argument('<value>')
    .option('--lease <id>', 'attach it to this lease')
    .option('--prev-kv', 'print what it held before')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((key, value, options) => inSession(options, (session) => put(session, { key, value }, options)));
}

function delCommand(): CommandUnknownOpts {
  return new Command('del')
    .description('delete keys')
    .argument('<key>')
    .argument('[end]', endIsExclusive)
    .addOption(prefix)
    .addOption(fromKey)
    .option('--prev-kv', 'print what they held')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((key, end, options) => inSession(options, (session) => del(session, key, { ...options, end })));
}

function watchCommand(): CommandUnknownOpts {
  return new Command('watch')
    .description('print changes as they happen, until Ctrl-C')
    .argument('<key>')
    .argument('[end]', endIsExclusive)
    .addOption(prefix)
    .addOption(fromKey)
    .option('--rev <revision>', 'from this revision on')
    .option('--prev-kv', 'with what the key held before')
    .option('--count <n>', 'end after so many events')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((key, end, options) => inSession(options, (session) => watch(session, key, { ...options, end })));
}

function leaseCommand(): CommandUnknownOpts {
  const lease = new Command('lease').description('leases: keys that end with their owner');
  lease
    .command('grant')
    .description('a new lease')
    .argument('<ttl>', 'seconds')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((ttl, options) => inSession(options, (session) => grantLease(session, ttl)));
  lease
    .command('revoke')
    .description('end a lease and delete its keys')
    .argument('<lease>')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((id, options) => inSession(options, (session) => revokeLease(session, id)));
  lease
    .command('keep-alive')
    .description('renew a lease until Ctrl-C')
    .argument('<lease>')
    .option('--once', 'renew it once')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((id, options) => inSession(options, (session) => keepLeaseAlive(session, id, options)));
  lease
    .command('timetolive')
    .description('how long a lease has left')
    .argument('<lease>')
    .option('--keys', 'with its keys')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((id, options) => inSession(options, (session) => leaseTimeToLive(session, id, options)));
  lease
    .command('list')
    .description('all leases')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((options) => inSession(options, listLeases));
  return lease;
}

function memberCommand(): CommandUnknownOpts {
  const member = new Command('member').description('who belongs to the cluster, and who shall');
  member
    .command('list')
    .description('the members, with their URLs')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((options) => inSession(options, listMembers));
  member
    .command('add')
    .description('add a member, then start it with what this prints')
    .argument('<name>', 'what the new member will be called')
    .addOption(peerUrls)
    .option('--learner', 'it gets the log and has no vote, until it is promoted')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((name, options) => inSession(options, (session) => addMember(session, name, options)));
  member
    .command('remove')
    .description('remove a member for good: it stops, and its data is of no use any more')
    .argument('<member>', memberId)
    .addOption(endpoints)
    .addOption(writeOut)
    .action((id, options) => inSession(options, (session) => removeMember(session, id)));
  member
    .command('update')
    .description('tell the others new peer URLs of a member')
    .argument('<member>', memberId)
    .addOption(peerUrls)
    .addOption(endpoints)
    .addOption(writeOut)
    .action((id, options) => inSession(options, (session) => updateMember(session, id, options)));
  member
    .command('promote')
    .description('give a learner that has caught up a vote')
    .argument('<member>', memberId)
    .addOption(endpoints)
    .addOption(writeOut)
    .action((id, options) => inSession(options, (session) => promoteMember(session, id)));
  return member;
}

function statusCommand(): CommandUnknownOpts {
  return new Command('status')
    .description('who answers, who leads, how far each one is')
    .addOption(endpoints)
    .addOption(writeOut)
    .action((options) => inSession(options, showStatus));
}

function moveLeaderCommand(): CommandUnknownOpts {
  return new Command('move-leader')
    .description('hand leadership to another member')
    .argument('<member>', memberId)
    .addOption(endpoints)
    .addOption(writeOut)
    .action((target, options) => inSession(options, (session) => moveLeader(session, target)));
}
