import { CallFailure } from "../core/errors.ts";
import type { Json } from "../core/types.ts";
import type { Call, Sent } from "./call-path.ts";
import type { Clock } from "./clock.ts";
import type { Place } from "./queue.ts";

/**
 * One try. It ends when the reply is there, when `timeoutMs` is over (`CallFailure` "timeout"), or when the place is left
 * ("cancelled"); in the last two the request is told to stop, and not waited for. timeoutMs null: no limit.
 */
export function attempt<Reply extends Json>(
  call: Call<Reply>,
  timeoutMs: number | null,
  place: Place,
  clock: Clock,
): Promise<Sent<Reply>> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const stop = (failure: CallFailure): void => {
      tidy();
      reject(failure);
      controller.abort(failure);
    };
    const callOff =
      timeoutMs === null
        ? () => {}
        : clock.after(timeoutMs, () =>
            stop(new CallFailure("timeout", `no whole reply in ${timeoutMs} ms.`)),
          );
    const tidy = (): void => {
      callOff();
      place.onLeave = null;
    };
    place.onLeave = () => stop(new CallFailure("cancelled", "the call was cancelled while in flight."));
    let isOver = false;
    const over = (work: () => void): void => {
      if (isOver || controller.signal.aborted) return;
      isOver = true;
      tidy();
      work();
    };
    try {
      call.send(controller.signal).then(
        (sent) => over(() => resolve(sent)),
        (error: unknown) => over(() => reject(error)),
      );
    } catch (error) {
      over(() => reject(error));
    }
  });
}

/** Resolves after `ms`, or rejects with "cancelled" when the place is left. */
export function pause(ms: number, place: Place, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const callOff = clock.after(ms, () => {
      place.onLeave = null;
      resolve();
    });
    place.onLeave = () => {
      callOff();
      reject(new CallFailure("cancelled", "the call was cancelled between two tries."));
    };
  });
}
