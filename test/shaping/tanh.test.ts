import { tanh } from "../../src/shaping/tanh.ts";
import { describePure, describeRelative } from "./describe-curve.ts";

// The reference's vector: the mean of tanh at 1.5, 1 and 2.5.
describeRelative(tanh, Math.tanh, 0.8844522359);

describePure(tanh({ relative: false }), [
  [0, 0],
  // The reference's vector.
  [2, 0.9640275801],
  [-2, -0.9640275801],
  [1e308, 1],
]);
