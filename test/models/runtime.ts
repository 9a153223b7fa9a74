import type { CallContext } from "../../src/models/ports.ts";
import type { ModelRuntime } from "../../src/models/provider.ts";
import { endpointSettings, modelRuntime } from "../../src/testing/index.ts";

/** Reads models from `directory` and keeps files below it; offline unless told. */
export function runtimeIn(directory: string, change: Partial<ModelRuntime> = {}): ModelRuntime {
  return modelRuntime({ cacheDirectory: `${directory}/cache`, directory, offline: true, ...change });
}

export const settings = endpointSettings({ name: "small" });

export const quiet: CallContext = { signal: new AbortController().signal };
