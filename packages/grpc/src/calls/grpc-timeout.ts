// `grpc-timeout`: at most eight digits and a unit.

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** Milliseconds, rounded up; `undefined` when it is malformed. */
export function readTimeout(value: string): number | undefined {
  const parts = /^(\d{1,8})([HMSmun])$/.exec(value);
  const unit = unitMs[parts?.[2] ?? ''];
  return unit === undefined ? undefined : Math.ceil(Number(parts?.[1]) * unit);
}
