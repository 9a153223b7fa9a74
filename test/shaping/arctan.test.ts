import { arctan } from "../../src/shaping/arctan.ts";
import { describePure, describeRelative } from "./describe-curve.ts";

// The reference's vector: the mean of atan at 1.5, 1 and 2.5.
describeRelative(arctan, Math.atan, 0.9861606121);

describePure(arctan({ relative: false }), [
  [0, 0],
  [1, Math.PI / 4],
  [-1, -Math.PI / 4],
  [1e308, Math.PI / 2],
]);
