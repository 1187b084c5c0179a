/**
 * What options are declared with: `v` of `cc-kubernetes`. A part of valibot, because all of it would be half of what a
 * start loads; a plugin that needs more takes it from valibot itself.
 */
import { custom } from 'valibot';
import { isSecret, SECRET_WANTED, type Secret } from './secret.ts';

/** A secret: what `secret('label', from)` makes. A text in its place is not repeated, since it may be the value. */
export function secret() {
  return custom<Secret>(isSecret, SECRET_WANTED);
}

export {
  array,
  boolean,
  check,
  exactOptional,
  type InferOutput,
  integer,
  ip,
  ipv4,
  lazy,
  literal,
  maxLength,
  maxValue,
  minLength,
  minValue,
  nullable,
  number,
  object,
  optional,
  picklist,
  pipe,
  record,
  regex,
  strictObject,
  string,
  transform,
  tuple,
  union,
  unknown,
  url,
  variant,
} from 'valibot';
