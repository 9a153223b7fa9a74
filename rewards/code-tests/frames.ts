/** What the process that runs a program for each case says of one case. */
export interface Frame {
  readonly how: "exit" | "signal" | "timeout" | "output";
  readonly value: number;
  readonly stdout: string;
  readonly stderr: string;
}

const HEAD = /^(exit|signal|timeout|output) (\d{1,4}) (\d{1,15}) (\d{1,15})$/;
/** More than any head needs. */
const HEAD_BYTES = 64;

/**
 * Cuts bytes into frames: a line of how, number and two lengths, then two texts of these lengths. At most `count` frames
 * are handed on; what follows them is not looked at. Linear in the bytes.
 *
 * A program may get at the descriptor that this comes from, so anything may come.
 * Throws: an Error when it is no frame, or one with a text longer than `limit` bytes.
 */
export function frameReader(
  { count, limit }: { readonly count: number; readonly limit: number },
  onFrame: (frame: Frame) => void,
): (bytes: Buffer) => void {
  let left = count;
  let head: { readonly how: Frame["how"]; readonly value: number; readonly outLength: number } | null = null;
  let pending: Buffer[] = [];
  let size = 0;
  // Bytes that the frame that is being read needs; while the line is not complete, unknown.
  let needed = 0;

  return (bytes) => {
    pending.push(bytes);
    size += bytes.length;
    while (left > 0) {
      if (head !== null && size < needed) return;
      const [only] = pending;
      const all = pending.length === 1 && only !== undefined ? only : Buffer.concat(pending, size);
      pending = [all];
      if (head === null) {
        const end = all.subarray(0, HEAD_BYTES).indexOf(10);
        if (end < 0 && size < HEAD_BYTES) return;
        const [, how, value, out, error] = HEAD.exec(all.toString("latin1", 0, Math.max(0, end))) ?? [];
        const outLength = Number(out);
        needed = outLength + Number(error);
        // Not a number where nothing matched.
        if (!(needed <= limit)) throw new Error("the program broke the line that its output comes on");
        head = { how: how as Frame["how"], value: Number(value), outLength };
        take(all, end + 1);
      } else {
        const { outLength, ...rest }: { how: Frame["how"]; value: number; outLength: number } = head;
        head = null;
        left -= 1;
        take(all, needed);
        onFrame({
          ...rest,
          stdout: all.toString("utf8", 0, outLength),
          stderr: all.toString("utf8", outLength, needed),
        });
      }
    }
    pending = [];
  };

  function take(all: Buffer, length: number): void {
    pending = [all.subarray(length)];
    size = all.length - length;
  }
}
