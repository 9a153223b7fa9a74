type SignalName = "SIGINT" | "SIGTERM";

export interface Signals {
  /** Aborts at the first signal: drain and save. */
  readonly stop: AbortSignal;
  received(): SignalName | null;
  close(): void;
}

/** The first SIGINT or SIGTERM asks for a clean stop; a second one quits at once. */
export function listenForSignals(onFirst: (name: SignalName) => void): Signals {
  const controller = new AbortController();
  let first: SignalName | null = null;
  const handle = (name: SignalName): void => {
    if (first !== null) process.exit(exitCodes(name));
    first = name;
    controller.abort(new Error(`stopped by ${name}`));
    onFirst(name);
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
  return {
    stop: controller.signal,
    received: () => first,
    close: () => {
      process.off("SIGINT", handle);
      process.off("SIGTERM", handle);
    },
  };
}

/** As a shell reports a process that a signal ended. */
export function exitCodes(name: SignalName | null): number {
  return name === "SIGTERM" ? 143 : 130;
}
