/** 1 / (1 + exp(-z)); never NaN: where exp overflows it is 0. */
export function logistic(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

/** log(1 / (1 + exp(-z))) without overflow or loss of digits: min(z, 0) - log(1 + exp(-|z|)). */
export function logLogistic(z: number): number {
  return Math.min(z, 0) - Math.log1p(Math.exp(-Math.abs(z)));
}
