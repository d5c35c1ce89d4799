/** The renaming of ids between the two sides, learnt from their answers and held against every later one. */

export class Identities {
  readonly #leaseOfTarget = new Map<bigint, bigint>();
  readonly #targetLeases = new Set<bigint>();
  readonly #constants = new Map<string, bigint>();
  readonly #terms = new Map<string, bigint>();
  #hasElectedAgain = false;

  /** Both servers chose an id for the same new lease. False if one of the ids is not fresh and positive. */
  bindLease(reference: bigint, target: bigint): boolean {
    if (reference <= 0n || target <= 0n) return false;
    if (this.#leaseOfTarget.has(reference) || this.#targetLeases.has(target)) return false;
    this.#leaseOfTarget.set(reference, target);
    this.#targetLeases.add(target);
    return true;
  }

  /** Ids that a client chose are the same on both sides. */
  targetLease(reference: bigint): bigint {
    return this.#leaseOfTarget.get(reference) ?? reference;
  }

  /** Cluster ids are one for a side; member ids one for an endpoint (the reference has a single one). */
  sameConstant(of: 'cluster' | 'member', endpoint: number, reference: bigint, target: bigint): boolean {
    if ((reference === 0n) !== (target === 0n)) return false;
    if (reference === 0n) return true;
    const targetName = of === 'cluster' ? 'target cluster' : `target member ${endpoint}`;
    return this.#isAlways(`reference ${of}`, reference) && this.#isAlways(targetName, target);
  }

  termsRise(endpoint: number, reference: bigint, target: bigint): boolean {
    if ((reference === 0n) !== (target === 0n)) return false;
    if (reference === 0n) return true;
    return this.#rises('reference', reference) && this.#rises(`target ${endpoint}`, target);
  }

  /** Whether a side has elected a leader since its first answer: it has given every lease its whole time anew. */
  get hasElectedAgain(): boolean {
    return this.#hasElectedAgain;
  }

  #isAlways(name: string, value: bigint): boolean {
    const known = this.#constants.get(name) ?? value;
    this.#constants.set(name, known);
    return known === value;
  }

  #rises(name: string, value: bigint): boolean {
    const last = this.#terms.get(name) ?? 0n;
    if (value < last) return false;
    if (last > 0n && value > last) this.#hasElectedAgain = true;
    this.#terms.set(name, value);
    return true;
  }
}
