// The random numbers of numpy's default_rng, so that the page and Python make the same draws: the generator PCG64,
// with its start mixed from the seed by numpy's SeedSequence.

/** Numbers from 0 to 1, as `np.random.default_rng(seed).random(count)` gives; the seed is below 2**32. */
export function randomNumbers(seed, count) {
  const [high, low, streamHigh, streamLow] = mixSeed(seed);
  const increment = wrap128((join(streamHigh, streamLow) << 1n) | 1n);
  const next = (state) => wrap128(state * MULTIPLIER + increment);
  let state = next(wrap128(increment + join(high, low)));
  return Float64Array.from({ length: count }, () => {
    state = next(state);
    // The two halves, xored and rotated; of the 64 bits, a float keeps 53.
    const mixed = BigInt.asUintN(64, (state >> 64n) ^ state);
    const turn = state >> 122n;
    const bits = BigInt.asUintN(64, (mixed >> turn) | (mixed << (64n - turn)));
    return Number(bits >> 11n) / 2 ** 53;
  });
}

const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const join = (high, low) => (high << 64n) | low;
const wrap128 = (number) => BigInt.asUintN(128, number);

/** Four 64-bit numbers from a seed. */
function mixSeed(seed) {
  const fold = (value) => (value ^ (value >>> 16)) >>> 0;
  const hasher = (constant, factor) => (value) => {
    value ^= constant;
    constant = Math.imul(constant, factor);
    return fold(Math.imul(value, constant));
  };
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = [seed, 0, 0, 0].map(hash);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from === to) continue;
      pool[to] = fold(Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, hash(pool[from])));
    }
  }
  const words = [...pool, ...pool].map(hasher(0x8b51f9dd, 0x58f38ded));
  return [0, 2, 4, 6].map((i) => (BigInt(words[i + 1]) << 32n) | BigInt(words[i]));
}
