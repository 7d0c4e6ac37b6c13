import type { ValidateFunction } from 'ajv';
import { FILE_ID, KEYS_ID, schemaCompiler } from './schema-compiler.ts';
import type { AccessKey, ConfigFile } from './types.gen.ts';

/** In a build there are ready-made functions in the place of this file, without ajv: `tools/build-validators.js`. */
const compiler = schemaCompiler();

/** Of the whole file, and of a file of keys. */
export const validateFile: ValidateFunction<ConfigFile> = compiler.compile<ConfigFile>({ $ref: FILE_ID });
export const validateKeys: ValidateFunction<AccessKey[]> = compiler.compile<AccessKey[]>({ $ref: KEYS_ID });
