// member list, status, move-leader: who is there, who leads, how far each one is. And who shall be there: member add, remove,
// update, promote, in the words of etcdctl.

import {
  Cluster,
  Maintenance,
  MemberAddResponseSchema,
  MemberListResponseSchema,
  MemberPromoteResponseSchema,
  MemberRemoveResponseSchema,
  MemberUpdateResponseSchema,
  MoveLeaderResponseSchema,
  type StatusResponse,
  StatusResponseSchema,
} from '@kontiki/etcd-proto';
import { ClientError } from './client-error.ts';
import { Connection } from './connection.ts';
import { hex, parseId } from './numbers.ts';
import type { Session } from './session.ts';

export async function listMembers({ connection, output }: Session): Promise<void> {
  const response = await connection.call(Cluster.method.memberList, {});
  output.show(MemberListResponseSchema, response, {
    headings: ['ID', 'STATUS', 'NAME', 'PEER ADDRS', 'CLIENT ADDRS', 'IS LEARNER'],
    rows: response.members.map(({ ID, name, peerURLs, clientURLs, isLearner }) => [
      hex(ID),
      // A member announces its name and its URLs when it starts for the first time.
      name === '' ? 'unstarted' : 'started',
      name,
      peerURLs.join(','),
      clientURLs.join(','),
      String(isLearner),
    ]),
  });
}

/** Prints what the new member is to be started with, as etcdctl does. */
export async function addMember(
  { connection, output }: Session,
  name: string,
  { peerUrls, learner }: { readonly peerUrls: string; readonly learner?: true | undefined },
): Promise<void> {
  const peerURLs = urlsOf(peerUrls);
  const response = await connection.call(Cluster.method.memberAdd, { peerURLs, isLearner: learner === true });
  const id = response.member?.ID ?? 0n;
  const cluster = response.members.flatMap((member) =>
    member.peerURLs.map((url) => `${member.ID === id ? name : member.name}=${url}`),
  );
  const environment = [
    ['ETCD_NAME', name],
    ['ETCD_INITIAL_CLUSTER', cluster.join(',')],
    ['ETCD_INITIAL_ADVERTISE_PEER_URLS', peerURLs.join(',')],
    ['ETCD_INITIAL_CLUSTER_STATE', 'existing'],
  ].map(([variable, value]) => `${variable}="${value}"`);
  const added = `Member ${padded(id)} added to cluster ${padded(response.header?.clusterId)}`;
  output.show(MemberAddResponseSchema, response, { ...changed(id, 'added'), lines: [added, '', ...environment] });
}

export async function removeMember({ connection, output }: Session, member: string): Promise<void> {
  const ID = parseId('member', member);
  const response = await connection.call(Cluster.method.memberRemove, { ID });
  const line = `Member ${padded(ID)} removed from cluster ${padded(response.header?.clusterId)}`;
  output.show(MemberRemoveResponseSchema, response, { ...changed(ID, 'removed'), lines: [line] });
}

export async function updateMember(
  { connection, output }: Session,
  member: string,
  { peerUrls }: { readonly peerUrls: string },
): Promise<void> {
  const ID = parseId('member', member);
  const response = await connection.call(Cluster.method.memberUpdate, { ID, peerURLs: urlsOf(peerUrls) });
  const line = `Member ${padded(ID)} updated in cluster ${padded(response.header?.clusterId)}`;
  output.show(MemberUpdateResponseSchema, response, { ...changed(ID, 'updated'), lines: [line] });
}

export async function promoteMember({ connection, output }: Session, member: string): Promise<void> {
  const ID = parseId('member', member);
  const response = await connection.call(Cluster.method.memberPromote, { ID });
  const line = `Member ${padded(ID)} promoted in cluster ${padded(response.header?.clusterId)}`;
  output.show(MemberPromoteResponseSchema, response, { ...changed(ID, 'promoted'), lines: [line] });
}

function urlsOf(list: string): string[] {
  return list.split(',').filter((url) => url !== '');
}

function changed(
  id: bigint,
  what: string,
): { readonly headings: readonly string[]; readonly rows: readonly string[][] } {
  return { headings: ['ID', 'CHANGE'], rows: [[hex(id), what]] };
}

/** As etcdctl prints ids in sentences. */
function padded(id = 0n): string {
  return hex(id).padStart(16);
}

/** One row for each endpoint. Fails at the end if one gave no answer, so that scripts see it. */
export async function showStatus({ connection, output }: Session): Promise<void> {
  const answers = await connection.callEach(Maintenance.method.status, {});
  const rows = answers.map(({ endpoint, answer }) =>
    answer instanceof ClientError
      ? [endpoint, '', '', '', '', '', '', '', answer.message]
      : [endpoint, ...statusCells(answer)],
  );
  output.showAll(
    StatusResponseSchema,
    answers.flatMap(({ answer }) => (answer instanceof ClientError ? [] : [answer])),
    { headings: ['ENDPOINT', 'ID', 'VERSION', 'DB SIZE', 'LEADER', 'TERM', 'COMMIT', 'APPLIED', 'ERRORS'], rows },
  );
  const silent = answers.flatMap(({ endpoint, answer }) => (answer instanceof ClientError ? [endpoint] : []));
  if (silent.length > 0) {
    throw new ClientError(`no answer from ${silent.join(', ')}: see whether that member runs, and what its log says`);
  }
}

/** Asks whoever leads, so that the caller need not know which endpoint that is. */
export async function moveLeader({ connection, output }: Session, target: string): Promise<void> {
  const targetID = parseId('member', target);
  const answers = await connection.callEach(Maintenance.method.status, {});
  const leading = answers.find(({ answer }) => !(answer instanceof ClientError) && isLeader(answer));
  if (leading === undefined || leading.answer instanceof ClientError) {
    throw new ClientError('none of the endpoints leads now: name all members in --endpoints, or wait for an election');
  }
  const from = hex(leading.answer.leader);
  const leader = new Connection([leading.endpoint]);
  try {
    const response = await leader.call(Maintenance.method.moveLeader, { targetID });
    output.show(MoveLeaderResponseSchema, response, {
      headings: ['LEADER BEFORE', 'LEADER'],
      rows: [[from, hex(targetID)]],
      lines: [`Leadership transferred from ${from} to ${hex(targetID)}`],
    });
  } finally {
    leader.close();
  }
}

export function isLeader({ header, leader }: StatusResponse): boolean {
  return leader !== 0n && header?.memberId === leader;
}

function statusCells(status: StatusResponse): readonly string[] {
  const { header, version, dbSize, raftTerm, raftIndex, raftAppliedIndex, errors } = status;
  const numbers = [raftTerm, raftIndex, raftAppliedIndex].map(String);
  const leads = String(isLeader(status));
  return [hex(header?.memberId ?? 0n), version, sizeOf(dbSize), leads, ...numbers, errors.join('; ')];
}

function sizeOf(bytes: bigint): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let amount = Number(bytes);
  let unit = 0;
  while (amount >= 1000 && unit < units.length - 1) {
    amount /= 1000;
    unit++;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${units[unit]}`;
}
