import { centered } from "../../src/shaping/centered.ts";
import { describeRelative } from "./describe-curve.ts";

// (1.5 + 1 + 2.5) / 3
describeRelative(centered, (distance) => distance, 1.6666666667);
