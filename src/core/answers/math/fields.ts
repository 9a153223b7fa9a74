/** A finite field in which −1 and the primes below 48 have square roots. */
export interface Field {
  /** Below 2^62, and 1 modulo 8. */
  readonly prime: bigint;
  readonly rootOfMinusOne: bigint;
  /** A square root for each of the primes 2, 3, 5, … 47. */
  readonly roots: ReadonlyMap<bigint, bigint>;
}

/** Found by search from 2^62 downwards; that the roots are roots is tested. */
export const FIELDS: readonly Field[] = [
  {
    prime: 4611686018426126929n,
    rootOfMinusOne: 1886268945239274291n,
    roots: new Map([
      [2n, 1373252368919366907n],
      [3n, 939611567589987111n],
      [5n, 1184778198952440397n],
      [7n, 1617355545079229539n],
      [11n, 790735213514863690n],
      [13n, 1853546180103641213n],
      [17n, 525267200439987551n],
      [19n, 964836297987189385n],
      [23n, 806959915752506053n],
      [29n, 2257094439664358004n],
      [31n, 1063978260748165399n],
      [37n, 2154766442383497294n],
      [41n, 899764435010650159n],
      [43n, 691714114314007575n],
      [47n, 1091086850157483341n],
    ]),
  },
  {
    prime: 4611686018423463841n,
    rootOfMinusOne: 555522942196067801n,
    roots: new Map([
      [2n, 64800899250274102n],
      [3n, 2094537270391307500n],
      [5n, 209216994555370259n],
      [7n, 1443531411599542039n],
      [11n, 1475932261358542280n],
      [13n, 454546118218652329n],
      [17n, 1199240451890448821n],
      [19n, 2232559546788531983n],
      [23n, 159005434944883431n],
      [29n, 1965215115071072649n],
      [31n, 1941320228511889499n],
      [37n, 1333902862875124084n],
      [41n, 355749464204635278n],
      [43n, 1862037403647382902n],
      [47n, 1605445794221297125n],
    ]),
  },
];
