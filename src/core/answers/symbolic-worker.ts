import { parentPort } from "node:worker_threads";
import { ComputeEngine } from "@cortex-js/compute-engine";

export interface SymbolicTask {
  readonly id: number;
  readonly latex: string;
}

export type SymbolicReply =
  | { readonly kind: "ready" }
  /** `closed` is null when the engine has no closed form. */
  | { readonly kind: "closed"; readonly id: number; readonly closed: string | null };

/** The body of the engine's thread: one formula at a time, its value in LaTeX back. */
function main(port: NonNullable<typeof parentPort>): void {
  const engine = new ComputeEngine();
  const reply = (message: SymbolicReply): void => port.postMessage(message);
  port.on("message", ({ id, latex }: SymbolicTask) => {
    reply({ kind: "closed", id, closed: closedForm(engine, latex) });
  });
  reply({ kind: "ready" });
}

function closedForm(engine: ComputeEngine, latex: string): string | null {
  try {
    const expression = engine.parse(latex);
    if (!expression.isValid) return null;
    return expression.evaluate().latex;
  } catch {
    // The engine throws on some of what it cannot do; to the asker that is the same as having no closed form.
    return null;
  }
}

if (parentPort) main(parentPort);
