// What the thesis proves of elections (chapter 9). The unit of time is the random part of the timeout, and the shortest timeout
// is one such unit: timeouts are drawn evenly from [1, 2). Knows nothing of how elections are played.

export interface Cluster {
  readonly servers: number;
  readonly live: number;
  /** One way, the same for all messages. */
  readonly latency: number;
}

/**
 * thesis §9.2: the chance that the first election of a cluster ends without a leader. The first candidate lacks a majority if
 * too many others run out of patience before its request has reached them.
 */
export function splitRate({ servers, live, latency }: Cluster): number {
  const spared = live - Math.floor(servers / 2) - 1; // so many more candidates do no harm
  let rate = 0;
  for (let late = spared + 1; late <= live; late++) {
    rate += choose(live, late) * latency ** late * (1 - latency) ** (live - late);
  }
  return rate;
}

/**
 * thesis §9.3: the mean time from fresh timers to a majority, with nothing written to disk. Each attempt costs the shortest of
 * `live` timeouts, and a request's way if it fails; it takes a failed one for as long as fresh timers, so it errs on the high
 * side where latency is not small.
 */
export function meanElection(cluster: Cluster): number {
  const { live, latency } = cluster;
  return (1 / (1 - splitRate(cluster))) * (1 + 1 / (live + 1) + latency) + latency;
}

function choose(from: number, taken: number): number {
  let ways = 1;
  for (let at = 1; at <= taken; at++) ways = (ways * (from - taken + at)) / at;
  return ways;
}
