/** The part of parquetjs-lite 0.8.7 that prefkit uses; the package has no types of its own. */
declare module "parquetjs-lite" {
  export interface FieldDefinition {
    readonly type?: "UTF8" | "DOUBLE" | "INT64" | "BOOLEAN" | "BYTE_ARRAY" | "LIST";
    readonly optional?: boolean;
    readonly repeated?: boolean;
    readonly compression?: "UNCOMPRESSED" | "GZIP" | "SNAPPY";
    readonly statistics?: boolean;
    readonly fields?: Readonly<Record<string, FieldDefinition>>;
  }

  export class ParquetSchema {
    constructor(fields: Readonly<Record<string, FieldDefinition>>);
  }

  export interface OutputStream {
    write(bytes: Uint8Array, done: (error?: Error | null) => void): void;
    end(done: (error?: Error | null) => void): void;
  }

  export class ParquetWriter {
    static openStream(
      schema: ParquetSchema,
      stream: OutputStream,
      options: { readonly pageIndex: boolean; readonly rowGroupSize: number },
    ): Promise<ParquetWriter>;
    setMetadata(key: string, value: string): void;
    setRowGroupSize(rows: number): void;
    appendRow(row: Readonly<Record<string, unknown>>): Promise<void>;
    close(): Promise<void>;
  }

  const parquetjs: {
    readonly ParquetSchema: typeof ParquetSchema;
    readonly ParquetWriter: typeof ParquetWriter;
  };
  export default parquetjs;
}
