// How messages, entries and writes are called in stories and transcripts. `5@2` is the entry at index 5 of term 2.

import type { Applicable, Configuration, Entry, LogId, Message, Persist } from '../core/api.ts';

const labelOf: Readonly<Record<Exclude<Message['kind'], 'requestVote' | 'requestVoteReply'>, string>> = {
  appendEntries: 'AE',
  appendEntriesReply: 'AER',
  installSnapshot: 'IS',
  readIndex: 'RI',
  readIndexReply: 'RIR',
  timeoutNow: 'TN',
};

/** The bytes of a snapshot on their way; not a message of the core. */
export const transferLabel = 'SNAP';

export const labels: readonly string[] = ['PV', 'PVR', 'RV', 'RVR', ...Object.values(labelOf), transferLabel];

export function messageLabel(message: Message): string {
  if (message.kind === 'requestVote') return message.phase === 'vote' ? 'RV' : 'PV';
  if (message.kind === 'requestVoteReply') return message.phase === 'vote' ? 'RVR' : 'PVR';
  return labelOf[message.kind];
}

export function logIdText(id: LogId): string {
  return `${id.index}@${id.term}`;
}

/** The command's bytes as text; stories propose plain ASCII. */
export function commandText(data: Uint8Array): string {
  return String.fromCharCode(...data);
}

export function commandBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function entryText(entry: Entry): string {
  if (entry.kind === 'command') return `${logIdText(entry)} "${commandText(entry.data)}"`;
  if (entry.kind === 'configuration') return `${logIdText(entry)} ${configurationText(entry.configuration)}`;
  return `${logIdText(entry)} ${entry.kind}`;
}

/** `{n1 n2 n3}`; while joint, the old voters first: `{n1 n2}>{n2 n3}`; learners behind: `{n1} ~n2`. */
export function configurationText({ voters, outgoing, learners }: Configuration): string {
  const old = outgoing.length === 0 ? '' : `{${outgoing.join(' ')}}>`;
  return `${old}{${voters.join(' ')}}${learners.map((id) => ` ~${id}`).join('')}`;
}

export function applicableText(item: Applicable): string {
  return item.kind === 'entry' ? entryText(item.entry) : `snapshot up to ${logIdText(item.snapshot.last)}`;
}

export function messageText(message: Message): string {
  return [`term ${message.term}`, ...bodyText(message)].join(', ');
}

function bodyText(message: Message): readonly string[] {
  switch (message.kind) {
    case 'requestVote':
      return [`last ${logIdText(message.last)}`, ...(message.transfer ? ['transfer'] : [])];
    case 'requestVoteReply':
      return [message.granted ? 'granted' : 'refused'];
    case 'appendEntries':
      return [
        `prev ${logIdText(message.prev)}`,
        message.entries.length === 0 ? 'no entries' : message.entries.map(entryText).join(' '),
        `commit ${message.commit}`,
        `round ${message.round}`,
      ];
    case 'appendEntriesReply': {
      const { outcome, round } = message;
      if (outcome.kind === 'matched') return [`match ${outcome.match}`, `round ${round}`];
      const conflict = outcome.conflictTerm === undefined ? 'too short' : `conflict term ${outcome.conflictTerm}`;
      return [`rejects prev ${outcome.rejected}`, conflict, `try ${outcome.tryIndex}`, `round ${round}`];
    }
    case 'installSnapshot':
      return [`snapshot up to ${logIdText(message.snapshot.last)}`, `round ${message.round}`];
    case 'readIndex':
      return [`read ${message.readId}`];
    case 'readIndexReply':
      return [`read ${message.readId}`, message.index === undefined ? 'no answer' : `index ${message.index}`];
    case 'timeoutNow':
      return [];
  }
}

export function writeText(write: Persist): string {
  const parts: string[] = [];
  if (write.hardState !== undefined) {
    const { term, votedFor, commit } = write.hardState;
    parts.push(`term ${term}`, `votedFor ${votedFor ?? '-'}`, `commit ${commit}`);
  }
  if (write.base !== undefined) parts.push(`base ${logIdText(write.base.last)}`);
  if (write.entries.length > 0) parts.push(write.entries.map(logIdText).join(' '));
  return parts.join(', ');
}
