// A cluster in one line: who leads which term, how far it has committed, how far behind the others are. Pure.

export interface MemberState {
  readonly leads: boolean;
  readonly knowsLeader: boolean;
  readonly term: bigint;
  readonly commit: bigint;
  readonly applied: bigint;
}

export interface SeenMember {
  readonly name: string;
  /** `undefined`: it does not answer. */
  readonly state: MemberState | undefined;
}

export interface StatusLine {
  readonly text: string;
  /** Changes only when something has happened that is worth a line of its own: an election, a member down or far behind. */
  readonly news: string;
}

/** Of two that say they lead, the one of the higher term does: the other has not heard of it yet. */
function leaderOf(seen: readonly SeenMember[]): SeenMember | undefined {
  return seen
    .filter(({ state }) => state?.leads === true)
    .reduce<SeenMember | undefined>(
      (best, member) => ((best?.state?.term ?? -1n) >= (member.state?.term ?? 0n) ? best : member),
      undefined,
    );
}

export function statusLine(seen: readonly SeenMember[]): StatusLine {
  const leader = leaderOf(seen);
  const others = seen.filter((member) => member !== leader);
  const head =
    leader?.state === undefined
      ? { text: 'no leader', news: 'no leader' }
      : {
          text: `leader ${leader.name}, term ${leader.state.term}, commit ${leader.state.commit}`,
          news: `${leader.name} ${leader.state.term}`,
        };
  // Behind what is known to be committed; the members answer one after the other, so it may come out below zero.
  const committed = seen.reduce(
    (most, { state }) => (state !== undefined && state.commit > most ? state.commit : most),
    0n,
  );
  const lags = others.map(({ name, state }) => {
    if (state === undefined) return { text: `${name} down`, news: 'down' };
    const lag = committed - state.applied;
    return { text: `${name} lag ${lag}`, news: lag < 1000n ? 'near' : 'far' };
  });
  return {
    text: [head.text, lags.map(({ text }) => text).join(', ')].filter((part) => part !== '').join('; '),
    news: [head.news, ...lags.map(({ news }) => news)].join(' '),
  };
}

/** A cluster is ready when somebody leads and every member that is to run follows. `staysDown`: nobody waits for it. */
export function isReady(seen: readonly SeenMember[], staysDown: (name: string) => boolean): boolean {
  return (
    leaderOf(seen) !== undefined && seen.every(({ name, state }) => state?.knowsLeader === true || staysDown(name))
  );
}
