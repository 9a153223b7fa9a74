/**
 * Every stable error code: what it means, and the exit code of the command line when a run ends with it.
 * 1: I/O or internal fault, resumable. 2: bad usage, recipe or input, found before anything is paid.
 * 3: failed-score budget exceeded, resumable. 4: money or token budget reached, resumable.
 */
export const ERROR_CODES = {
  bad_option: [2, "An option of a scorer, transform, pair builder or command is out of its stated range."],
  bad_recipe: [2, "The recipe cannot be read or does not follow the schema."],
  bad_row: [2, "A row of the input cannot be used, and the recipe says to stop at such rows."],
  cache_unavailable: [1, "The persistent cache cannot be opened or written."],
  budget_reached: [4, "The run's money is spent: another call might cost more than --max-cost leaves."],
  contract_broken: [1, "A plug-in returned something its contract does not allow."],
  damaged_file: [1, "A file's bytes are not what was written: truncated, altered, or of another format."],
  dataset_incomplete: [2, "The directory holds no finished dataset, or only part of one."],
  directory_locked: [2, "Another process is working on the same output directory."],
  duplicate_id: [2, "Two groups have the same prompt id."],
  empty_input: [2, "The input holds no usable group."],
  endpoint_unfit: [2, "A model endpoint cannot do what the run needs of it."],
  failed_budget_exceeded: [3, "A scorer failed on a larger share of its cells than allowed."],
  internal: [1, "A fault of prefkit itself."],
  io: [1, "The operating system refused to read or write."],
  key_came_back: [2, "Rows said to be sorted by group are not: a finished group's key came back."],
  missing_dependency: [2, "An optional package, or a program, is not installed."],
  missing_field: [2, "A mapped path leads to no value."],
  missing_key: [2, "An API key is not in the environment."],
  missing_price: [2, "A limit on money was set, and a model has no price."],
  need_unmet: [2, "A scorer needs something that no group of the input has."],
  no_input_file: [2, "No file matches the input path."],
  not_finite: [1, "A number that must be finite is NaN or infinite."],
  not_this_run: [2, "The directory is not empty and does not belong to this run."],
  over_limit: [2, "The input is larger than what this way of reading it allows."],
  plan_changed: [2, "The input, recipe or codec differs from what the directory was planned with."],
  reply_missing: [2, "Offline, and a model's reply that is needed is not in the cache."],
  sandbox_unfit: [2, "Programs from responses cannot be contained on this machine."],
  shards_missing: [2, "A merge lacks shards, or was given shards of different runs."],
  unknown_name: [2, "A name that is looked up does not exist."],
  unreadable_input: [2, "An input file cannot be parsed."],
  unreadable_module: [2, "A user's module cannot be loaded or does not export what the recipe says."],
} as const satisfies Record<string, readonly [exit: 1 | 2 | 3 | 4, meaning: string]>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorPlace {
  readonly file?: string;
  readonly line?: number;
  readonly row?: number;
  readonly column?: string;
  readonly promptId?: string;
  readonly scorer?: string;
}

/**
 * The one error class. Told apart by `code`; recognized by `isPrefkitError` rather than `instanceof`, because two
 * copies of the package may be installed.
 *
 * message: what was got, and where. fix: what to do, as an instruction. Neither ever holds a secret or a whole reply.
 */
export class PrefkitError extends Error {
  override readonly name = "PrefkitError";
  readonly code: ErrorCode;
  readonly fix: string;
  readonly place: ErrorPlace;

  constructor(
    code: ErrorCode,
    problem: string,
    fix: string,
    options: { readonly cause?: unknown; readonly place?: ErrorPlace } = {},
  ) {
    super(
      `${withPlace(problem, options.place)}\nFix: ${fix} [${code}]`,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.code = code;
    this.fix = fix;
    this.place = options.place ?? {};
  }
}

function withPlace(problem: string, place: ErrorPlace | undefined): string {
  if (!place) return problem;
  const parts: string[] = [];
  if (place.file !== undefined)
    parts.push(place.line === undefined ? place.file : `${place.file}:${place.line}`);
  if (place.row !== undefined) parts.push(`row ${place.row}`);
  if (place.column !== undefined) parts.push(`column "${place.column}"`);
  if (place.promptId !== undefined) parts.push(`prompt ${place.promptId}`);
  if (place.scorer !== undefined) parts.push(`scorer ${place.scorer}`);
  return parts.length === 0 ? problem : `${parts.join(", ")}: ${problem}`;
}

export function isPrefkitError(error: unknown): error is PrefkitError {
  return error instanceof Error && error.name === "PrefkitError" && "code" in error;
}

/** Why a model call gave no usable answer; also the code of the cells that then failed. */
export const CALL_FAILURES = {
  rate_limited: { retried: true, meaning: "The server said 429." },
  overloaded: { retried: true, meaning: "The server said 503 or 529." },
  server_error: { retried: true, meaning: "The server said another 5xx." },
  connection: { retried: true, meaning: "Refused, reset or closed before the reply was whole." },
  timeout: { retried: true, meaning: "No whole reply in time." },
  bad_reply: {
    retried: true,
    meaning: "The reply is not JSON, or not of the shape the server's API promises.",
  },
  no_logprobs: { retried: false, meaning: "The server gave no log-probs of the text it was given." },
  not_finite: { retried: false, meaning: "A log-prob is null, NaN or infinite." },
  tokens_differ: {
    retried: false,
    meaning: "The server counted other tokens than the tokenizer that was named.",
  },
  wrong_model: { retried: false, meaning: "Another model answered than the one asked." },
  bad_request: { retried: false, meaning: "The server refused the request (4xx)." },
  unauthorized: {
    retried: false,
    meaning: "The server refused the key (401, 403), or the account has no credit (402).",
  },
  too_long: { retried: false, meaning: "The turn is longer than the model's context." },
  template: { retried: false, meaning: "The chat template refused the messages, or there is none." },
  span_impossible: { retried: false, meaning: "The response's tokens cannot be told exactly." },
  span_merged: {
    retried: false,
    meaning: "A token straddles the response's edge, and the client cannot send ids.",
  },
  in_process: { retried: false, meaning: "A model in this process could not be run." },
  not_cached: { retried: false, meaning: "Offline, and the reply is not in the cache." },
  budget: { retried: false, meaning: "Another call might cost more than the budget leaves." },
  cancelled: { retried: false, meaning: "The run was stopped." },
} as const satisfies Record<string, { readonly retried: boolean; readonly meaning: string }>;

export type CallFailureCode = keyof typeof CALL_FAILURES;

/** Tokens of one reply as its server counted them; null where it did not. */
export interface Usage {
  readonly promptTokens: number | null;
  readonly outputTokens: number | null;
  /** Prompt tokens that the server had cached, counted in `promptTokens` too. */
  readonly cachedTokens?: number;
}

/** A model call that gave no usable answer: our trouble, never a number. The message holds no secret and no whole reply. */
export class CallFailure extends Error {
  override readonly name = "CallFailure";
  readonly code: CallFailureCode;
  /** How long the server asks to wait; null when it does not say. */
  readonly retryAfterMs: number | null;
  /** What the server counted, and bills, for a reply that could not be used; null where there was no count. */
  readonly usage: Usage | null;

  constructor(
    code: CallFailureCode,
    why: string,
    options: {
      readonly cause?: unknown;
      readonly retryAfterMs?: number;
      readonly usage?: Usage;
    } = {},
  ) {
    super(why, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.usage = options.usage ?? null;
  }
}

/** Recognized by name: two copies of the package may be installed. */
export function isCallFailure(error: unknown): error is CallFailure {
  return error instanceof Error && error.name === "CallFailure" && "code" in error;
}

/** The exit code of the command line for an error; anything unforeseen is 1. */
export function exitCodeOf(error: unknown): number {
  return isPrefkitError(error) ? (ERROR_CODES[error.code]?.[0] ?? 1) : 1;
}

/** The message of anything thrown, on one line and short, for a score's `why` or a log line. */
export function reasonOf(error: unknown, limit = 300): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
}

/** Wraps an operating-system error (disk full, read-only, vanished file) as `io`, keeping the original as cause. */
export function ioError(action: string, path: string, cause: unknown): PrefkitError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const fixes: Record<string, string> = {
    ENOSPC: "free some space on that disk, then run the same command again: finished work is kept.",
    EROFS: "make the directory writable or choose another one, then run the same command again.",
    EACCES: "check the permissions of that path, then run the same command again.",
    EPERM: "check the permissions of that path, then run the same command again.",
    ENOENT:
      "check that the path still exists and that its disk can be written, then run the same command again.",
    EMFILE: "raise the limit of open files (`ulimit -n`), then run the same command again.",
  };
  return new PrefkitError(
    "io",
    `could not ${action} ${path}: ${reasonOf(cause)}.`,
    (code && fixes[code]) ?? "look at the cause, then run the same command again: finished work is kept.",
    { cause },
  );
}
