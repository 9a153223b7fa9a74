/** Why a request is refused, as its answer says it. Never holds text of a prompt or a response. */
export class ServeFault extends Error {
  override readonly name = "ServeFault";
  readonly status: number;
  readonly code: ServeFaultCode;
  readonly fix: string;
  /** Seconds after which the same request may be sent again; null: not as it is. */
  readonly retryAfter: number | null;

  constructor(code: ServeFaultCode, message: string, fix: string, retryAfter: number | null = null) {
    super(message);
    this.status = SERVE_FAULTS[code][0];
    this.code = code;
    this.fix = fix;
    this.retryAfter = retryAfter;
  }
}

/** Every code of a refused request: its HTTP status and what it means. */
export const SERVE_FAULTS = {
  bad_json: [400, "The body is not JSON."],
  bad_request: [400, "The body is JSON, and not what this route takes."],
  unauthorized: [401, "The token is missing or wrong."],
  forbidden: [403, "A web page sent the request."],
  not_found: [404, "There is no such route."],
  slow_request: [408, "The request did not arrive whole in time."],
  too_large: [413, "The body is longer than the server takes."],
  unsupported_media_type: [415, "The body is not declared to be JSON."],
  queue_full: [429, "The server has as much under way as it takes."],
  internal: [500, "A fault of the server itself."],
  draining: [503, "The server is about to end."],
  unscored: [503, "A response was not scored, and the trainer's protocol has no way to say so."],
} as const satisfies Record<string, readonly [status: number, meaning: string]>;

export type ServeFaultCode = keyof typeof SERVE_FAULTS;

export interface FaultBody {
  readonly error: { readonly code: ServeFaultCode; readonly message: string; readonly fix: string };
}

export function faultBody({ code, message, fix }: Pick<ServeFault, "code" | "message" | "fix">): FaultBody {
  return { error: { code, message, fix } };
}

export function draining(): ServeFault {
  return new ServeFault("draining", "the server is ending.", "send the same request again.", 1);
}
