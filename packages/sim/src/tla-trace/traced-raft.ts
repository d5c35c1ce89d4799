// A node that tells what it does in the words of the trace specification: the same `Raft`, with every input and every
// `Ready` looked at on its way through. It decides nothing; what the node would do without it, it does.
//
// The specification's `Ready` makes a node's whole state durable and lets its messages go. Ours are two things, so `Ready` is
// told when messages may leave: at once for those beside the write, after the write for those that wait for it.

import type {
  Configuration,
  Index,
  Input,
  Message,
  PersistId,
  Raft,
  Ready,
  SnapshotMeta,
  Status,
  Verdict,
} from '@kontiki/raft';
import {
  append,
  appendRejection,
  appendReply,
  type EventName,
  nobody,
  roleOf,
  snapshot,
  type TraceChange,
  type TraceEvent,
  type TraceMessage,
  type TraceState,
  voteReply,
  voteRequest,
} from './events.ts';
import type { TracedWorld } from './traced-world.ts';

type Extra = Partial<Pick<TraceEvent, 'msg' | 'prop' | 'log' | 'role'>> & { readonly state?: Partial<TraceState> };

export class TracedRaft implements Raft {
  readonly #raft: Raft;
  readonly #world: TracedWorld;
  #durableThrough = 0 as PersistId;
  /** The first write after which something that was told may leave; undefined when nothing waits. */
  #awaited: PersistId | undefined;
  /** A leader's acknowledgement to itself, and the write that makes it true. */
  #ownAck: { readonly after: PersistId; readonly msg: TraceMessage } | undefined;
  /** A candidate's vote for itself, and the write that makes it durable, once that is handed out. */
  #ownVote: { readonly after: PersistId | undefined; readonly msg: TraceMessage } | undefined;

  constructor(raft: Raft, world: TracedWorld) {
    this.#raft = raft;
    this.#world = world;
    this.#tell('InitState', raft.status());
  }

  step(input: Input): Verdict {
    const before = this.#raft.status();
    if (input.kind === 'persisted') this.#persisted(before, input.through);
    const verdict = this.#raft.step(input);
    const after = this.#raft.status();
    if (verdict.kind === 'accepted') this.#stepped(input, before, after);
    return verdict;
  }

  ready(): Ready | undefined {
    const before = this.#raft.status();
    const ready = this.#raft.ready();
    const after = this.#raft.status();
    // A leader ends a change of the members when a turn ends, by an entry of its own.
    this.#appended(before, after, before.last.index);
    if (ready !== undefined) this.#carriedOut(ready, after);
    return ready;
  }

  status(): Status {
    return this.#raft.status();
  }

  metaAt(index: Index): SnapshotMeta {
    return this.#raft.metaAt(index);
  }

  dump(): unknown {
    return this.#raft.dump();
  }

  #persisted(status: Status, through: PersistId): void {
    if (through > this.#durableThrough) this.#durableThrough = through;
    if (this.#awaited !== undefined && this.#awaited <= through) this.#tellReady(status);
    const { term } = status;
    const vote = this.#ownVote;
    if (vote?.after !== undefined && vote.after <= through) {
      if (vote.msg.term === term) this.#tell('ReceiveRequestVoteResponse', status, { msg: vote.msg });
      this.#ownVote = undefined;
    }
    const ack = this.#ownAck;
    if (ack !== undefined && ack.after <= through) {
      if (ack.msg.term === term) this.#tell('ReceiveAppendEntriesResponse', status, { msg: ack.msg });
      this.#ownAck = undefined;
    }
  }

  /** What a step changed, in the order in which the specification does it. */
  #stepped(input: Input, before: Status, after: Status): void {
    const commit = this.#world.commitOf(before);
    if (input.kind === 'receive') this.#received(input.message, before, after);
    const isElection = after.role === 'candidate' && after.term > before.term;
    const hasSteppedDown =
      roleOf(before) !== 'StateFollower' && roleOf(after) === 'StateFollower' && after.term === before.term;
    // thesis §4.2.2: a leader that leaves commits the configuration without it, and steps down by that.
    const isLastAct = hasSteppedDown && before.role === 'leader' && after.commit > before.commit;
    if (isLastAct) this.#tell('Commit', after, { role: 'StateLeader' });
    if (hasSteppedDown) this.#tell('BecomeFollower', after);
    if (isElection) {
      this.#tell('BecomeCandidate', after);
      const msg = voteReply(toItself(after), true);
      this.#ownVote = { after: undefined, msg };
      this.#tell('SendRequestVoteResponse', after, { msg });
    }
    const log = before.last.index;
    if (after.role === 'leader' && before.role !== 'leader') {
      this.#tell('BecomeLeader', after, { log, state: { commit } });
    }
    this.#appended(before, after, log);
    if (after.role === 'leader' && after.commit > before.commit) this.#tell('Commit', after);
  }

  /** A leader's own entries since its log ended at `log`, and for anybody the configuration that is active now. */
  #appended(before: Status, after: Status, log: number): void {
    const from = before.configuration;
    const to = after.configuration;
    const isChanged = !sameMembers(from, to);
    if (after.role === 'leader') {
      for (let index = log; index < after.last.index; index += 1) {
        const isChange = isChanged && index === after.last.index - 1;
        if (isChange) this.#tell('ChangeConf', after, { log: index, prop: { cc: changeOf(from, to) } });
        else this.#tell('Replicate', after, { log: index });
      }
    }
    if (isChanged) this.#tell('ApplyConfChange', after, { prop: { cc: { newconf: to.voters } } });
  }

  #received(message: Message, before: Status, after: Status): void {
    const name = this.#takeIn(message, before, after);
    if (name === undefined) return;
    this.#tell(name.event, before, { msg: name.msg });
    // The specification steps down in its handling of the message; the line is for readers.
    if (after.term > before.term && after.role !== 'candidate') {
      const state = { vote: nobody, commit: this.#world.commitOf(before) };
      this.#tell('BecomeFollower', after, { state, log: before.last.index });
    }
  }

  /** What the specification is told of a message; nothing where it knows no such message, or has handled it before. */
  #takeIn(
    message: Message,
    before: Status,
    after: Status,
  ): { readonly event: EventName; readonly msg: TraceMessage } | undefined {
    // thesis §4.2.3: passed over, its term too. To the specification it is lost.
    const isPassedOver = message.kind === 'requestVote' && message.term > after.term;
    if (isPassedOver) return undefined;
    const msg = this.#world.take(message);
    if (msg === undefined) return undefined;
    switch (message.kind) {
      case 'requestVote':
        this.#world.ask(message);
        return { event: 'ReceiveRequestVoteRequest', msg };
      case 'requestVoteReply':
        return { event: 'ReceiveRequestVoteResponse', msg };
      case 'appendEntriesReply':
        return { event: 'ReceiveAppendEntriesResponse', msg };
      case 'appendEntries':
        this.#world.owe(message, this.#world.commitOf(before));
        return { event: 'ReceiveAppendEntriesRequest', msg };
      case 'installSnapshot':
        return { event: 'ReceiveAppendEntriesRequest', msg };
      default:
        return undefined;
    }
  }

  #carriedOut({ send, persist, afterPersist }: Ready, status: Status): void {
    if (persist !== undefined && persist.entries.length > 0 && status.role === 'leader') {
      const msg = appendReply(toItself(status), status.last.index);
      this.#ownAck = { after: persist.id, msg };
      this.#tell('SendAppendEntriesResponse', status, { msg });
      this.#await(persist.id);
    }
    const vote = this.#ownVote;
    if (persist !== undefined && vote !== undefined && vote.after === undefined) {
      this.#ownVote = { ...vote, after: persist.id };
      this.#await(persist.id);
    }
    let mayLeave = false;
    for (const message of send) if (this.#sent(message, status)) mayLeave = true;
    for (const message of afterPersist?.messages ?? []) {
      if (this.#sent(message, status) && afterPersist !== undefined) this.#await(afterPersist.after);
    }
    if (mayLeave || (this.#awaited ?? Number.POSITIVE_INFINITY) <= this.#durableThrough) this.#tellReady(status);
  }

  /** Answers whether the specification knows such a message. */
  #sent(message: Message, status: Status): boolean {
    const said = this.#wording(message, status);
    if (said === undefined) return false;
    this.#world.send(message, said.msg);
    this.#tell(said.event, status, { msg: said.msg });
    return true;
  }

  #wording(message: Message, status: Status): { readonly event: EventName; readonly msg: TraceMessage } | undefined {
    switch (message.kind) {
      case 'requestVote':
        if (message.phase === 'preVote') return undefined;
        return { event: 'SendRequestVoteRequest', msg: voteRequest(message) };
      case 'requestVoteReply':
        if (message.phase === 'preVote' || !this.#world.answersVote(message)) return undefined;
        return { event: 'SendRequestVoteResponse', msg: voteReply(message, message.granted) };
      case 'appendEntries':
        return { event: 'SendAppendEntriesRequest', msg: append(message, this.#world.commitOf(status)) };
      case 'installSnapshot':
        return { event: 'SendAppendEntriesRequest', msg: snapshot(message) };
      case 'appendEntriesReply': {
        const { outcome } = message;
        const match = this.#world.settle(message);
        if (match === undefined) return undefined;
        const msg =
          outcome.kind === 'matched'
            ? appendReply(message, match)
            : appendRejection(message, outcome.rejected, outcome.tryIndex);
        return { event: 'SendAppendEntriesResponse', msg };
      }
      default:
        return undefined;
    }
  }

  #await(write: PersistId): void {
    if (this.#awaited === undefined || write < this.#awaited) this.#awaited = write;
  }

  #tellReady(status: Status): void {
    this.#awaited = undefined;
    this.#world.persisted(status);
    this.#tell('Ready', status);
  }

  #tell(name: EventName, status: Status, { state, ...extra }: Extra = {}): void {
    const { id, term, votedFor, last, configuration } = status;
    this.#world.tell({
      name,
      nid: id,
      state: { term, vote: votedFor ?? nobody, commit: this.#world.commitOf(status), ...state },
      role: roleOf(status),
      log: last.index,
      conf: [configuration.voters, configuration.outgoing],
      ...extra,
    });
  }
}

/** The specification's nodes vote for themselves, and acknowledge their own entries, by messages. */
function toItself({ id, term }: Status): Pick<Message, 'from' | 'to' | 'term'> {
  return { from: id, to: id, term };
}

function sameMembers(a: Configuration, b: Configuration): boolean {
  const told = ({ voters, outgoing, learners }: Configuration): string =>
    [voters, outgoing, learners].map((ids) => ids.join(' ')).join(' | ');
  return told(a) === told(b);
}

/** The end of a joint configuration changes nobody: what it brings was told when it began. */
function changeOf(from: Configuration, to: Configuration): NonNullable<TraceEvent['prop']>['cc'] {
  const isOld = (id: string): boolean => from.voters.some((voter) => voter === id);
  const stays = (id: string): boolean => [...to.voters, ...to.learners].some((member) => member === id);
  const changes: TraceChange[] = [
    ...to.voters.filter((id) => !isOld(id)).map((nid) => ({ nid, action: 'AddNewServer' as const })),
    ...to.learners.filter((id) => !from.learners.includes(id)).map((nid) => ({ nid, action: 'AddLearner' as const })),
    ...[...from.voters, ...from.learners]
      .filter((id) => !stays(id))
      .map((nid) => ({ nid, action: 'RemoveServer' as const })),
  ];
  return changes.length > 0 ? { changes } : { newconf: to.voters };
}
