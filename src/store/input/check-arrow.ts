import { type Data, DataType } from "apache-arrow";

/**
 * Checks of what Arrow's JavaScript reader takes on trust. A damaged count or offset would otherwise keep it busy for
 * hours or ask for all memory. Layouts: apache/arrow, format/Message.fbs, Schema.fbs and File.fbs.
 * All throw plain errors, which the reader of the file turns into `unreadable_input`.
 */

/** The kinds of message that a file or stream holds. */
const SCHEMA = 1;
const DICTIONARY_BATCH = 2;
const RECORD_BATCH = 3;

const MAX_DEPTH = 64;

/** Checks a message's metadata (the flatbuffer without its length) and gives the length of the body behind it. */
export function checkMessage(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  const message = view.getInt32(0, true);
  const type = view.getUint8(required(fieldAt(view, message, 1)));
  const header = target(view, required(fieldAt(view, message, 2)));
  if (type === SCHEMA) checkSchema(view, header);
  else if (type === RECORD_BATCH) checkBatch(view, header);
  else if (type === DICTIONARY_BATCH) checkBatch(view, target(view, required(fieldAt(view, header, 1))));
  else throw new TypeError(`it has a message of unknown kind ${type}`);
  const length = fieldAt(view, message, 3);
  const bodyLength = length === null ? 0 : Number(view.getBigInt64(length, true));
  if (bodyLength < 0) throw new RangeError("it has a message of negative length");
  return bodyLength;
}

/** Checks the footer of a file and gives the places of the messages that it names. */
export function checkFooter(bytes: Uint8Array): readonly number[] {
  const view = viewOf(bytes);
  const footer = view.getInt32(0, true);
  checkSchema(view, target(view, required(fieldAt(view, footer, 1))));
  return [2, 3].flatMap((field) => {
    const blocks = vectorAt(view, footer, field, 24);
    return Array.from({ length: blocks.length }, (_, index) =>
      Number(view.getBigInt64(blocks.start + index * 24, true)),
    );
  });
}

function checkBatch(view: DataView, batch: number): void {
  vectorAt(view, batch, 1, 16);
  vectorAt(view, batch, 2, 16);
  vectorAt(view, batch, 4, 8);
  if (fieldAt(view, batch, 3) !== null) throw new TypeError("it is compressed");
}

function checkSchema(view: DataView, schema: number): void {
  // Offsets that lead back to a field already seen would multiply without end.
  let left = view.byteLength;
  const checkFields = (table: number, field: number, depth: number) => {
    if (depth > MAX_DEPTH) throw new RangeError(`its types are nested more than ${MAX_DEPTH} deep`);
    const fields = vectorAt(view, table, field, 4);
    left -= fields.length;
    if (left < 0) throw new RangeError("its schema has more fields than bytes");
    for (let index = 0; index < fields.length; index++) {
      const child = target(view, fields.start + index * 4);
      vectorAt(view, child, 6, 4);
      checkFields(child, 5, depth + 1);
    }
  };
  vectorAt(view, schema, 2, 4);
  vectorAt(view, schema, 3, 8);
  checkFields(schema, 1, 0);
}

// Flatbuffers: a table starts with the distance back to its vtable, which holds the place of each field; vectors and
// tables are reached by relative offsets. A DataView throws when a place is outside of the buffer.

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function fieldAt(view: DataView, table: number, index: number): number | null {
  const vtable = table - view.getInt32(table, true);
  const slot = 4 + 2 * index;
  const offset = slot < view.getUint16(vtable, true) ? view.getUint16(vtable + slot, true) : 0;
  return offset === 0 ? null : table + offset;
}

function required(place: number | null): number {
  if (place === null) throw new TypeError("its metadata lacks a required field");
  return place;
}

function target(view: DataView, place: number): number {
  return place + view.getInt32(place, true);
}

function vectorAt(view: DataView, table: number, index: number, elementBytes: number) {
  const place = fieldAt(view, table, index);
  if (place === null) return { start: 0, length: 0 };
  const vector = target(view, place);
  const length = view.getUint32(vector, true);
  const start = vector + 4;
  if (start + length * elementBytes > view.byteLength)
    throw new RangeError("its metadata claims more than it holds");
  return { start, length };
}

/** Checks that a column's lengths and offsets stay within its buffers, down to its innermost values. */
export function checkData(data: Data): void {
  const { type, length, values, valueOffsets, nullBitmap, children } = data;
  if (data.nullCount > 0 && nullBitmap && nullBitmap.length * 8 < length) throw tooShort(type);
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isMap(type)) {
    checkOffsets(valueOffsets, length, children[0]?.length ?? 0, type);
  } else if (DataType.isUtf8(type) || DataType.isBinary(type) || isLarge(type)) {
    checkOffsets(valueOffsets, length, values?.length ?? 0, type);
  } else if (DataType.isFixedSizeList(type)) {
    if ((children[0]?.length ?? 0) < length * type.listSize) throw tooShort(type);
  } else if (DataType.isStruct(type)) {
    if (children.some((child) => child.length < length)) throw tooShort(type);
  } else if (DataType.isBool(type)) {
    if (values.length * 8 < length) throw tooShort(type);
  } else if (!DataType.isNull(type) && !DataType.isUnion(type) && (values?.length ?? 0) < length) {
    throw tooShort(type);
  }
  for (const child of children) checkData(child);
}

function isLarge(type: DataType): boolean {
  return DataType.isLargeUtf8(type) || DataType.isLargeBinary(type);
}

function checkOffsets(
  offsets: Int32Array | BigInt64Array,
  length: number,
  end: number,
  type: DataType,
): void {
  if (length === 0) return;
  if (offsets.length < length + 1) throw tooShort(type);
  let before: number | bigint = 0;
  for (let index = 0; index <= length; index++) {
    const offset = offsets[index] as number | bigint;
    if (offset < before || offset > end) throw tooShort(type);
    before = offset;
  }
}

function tooShort(type: DataType): RangeError {
  return new RangeError(`a column of type ${String(type).slice(0, 40)} claims more values than it holds`);
}
