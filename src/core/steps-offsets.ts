/** A part of a text; `end` is exclusive. In which units, the user of it says. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Turns offsets in UTF-16 code units into offsets in Unicode code points. An unpaired surrogate counts as one; an offset
 * inside a surrogate pair counts as before it.
 *
 * Shape:  ascending offsets [n] within the text -> offsets [n]. One pass over the text.
 * Worked: "👍ab" with [0, 2, 3] -> [0, 1, 2].
 */
export function codePointOffsets(text: string, unitOffsets: readonly number[]): number[] {
  let unit = 0;
  let point = 0;
  return unitOffsets.map((wanted) => {
    while (unit < wanted) {
      const width = widthAt(text, unit);
      if (unit + width > wanted) break;
      unit += width;
      point += 1;
    }
    return point;
  });
}

/**
 * The other way round: offsets in code points as offsets in UTF-16 code units. An offset beyond the text gives its end.
 *
 * Shape:  ascending offsets [n] -> offsets [n]. One pass over the text.
 * Worked: "👍ab" with [0, 1, 2] -> [0, 2, 3].
 */
export function codeUnitOffsets(text: string, pointOffsets: readonly number[]): number[] {
  let unit = 0;
  let point = 0;
  return pointOffsets.map((wanted) => {
    while (point < wanted && unit < text.length) {
      unit += widthAt(text, unit);
      point += 1;
    }
    return unit;
  });
}

/** The length of a text in Unicode code points. */
export function codePointLength(text: string): number {
  return codePointOffsets(text, [text.length])[0] ?? 0;
}

function widthAt(text: string, unit: number): number {
  return (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
}
