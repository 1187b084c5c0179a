/**
 * What options are declared with: `v` of `cc-kubernetes`. A part of valibot, because all of it would be half of what a
 * start loads; a plugin that needs more takes it from valibot itself.
 */
import * as valibot from 'valibot';
import { isSecret, SECRET_WANTED, type Secret } from './secret.ts';

/** A secret: what `secret('label', from)` makes. A text in its place is not repeated, since it may be the value. */
export function secret() {
  return valibot.custom<Secret>(isSecret, SECRET_WANTED);
}

/** The message is asked for, since nobody should have to read a pattern: `expected a version such as 1.36.0`. */
export function regex(pattern: RegExp, message: string) {
  return valibot.regex<string, string>(pattern, message);
}

export function absolutePath() {
  return valibot.pipe(valibot.string(), regex(/^\//, 'expected an absolute path'));
}

export function integer(message = 'expected a whole number') {
  return valibot.integer<number, string>(message);
}

export function url(message = 'expected a URL such as https://example.org/') {
  return valibot.url<string, string>(message);
}

export function ip(message = 'expected an IP address') {
  return valibot.ip<string, string>(message);
}

export function ipv4(message = 'expected an IPv4 address') {
  return valibot.ipv4<string, string>(message);
}

export {
  array,
  boolean,
  check,
  exactOptional,
  type InferOutput,
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
  strictObject,
  string,
  transform,
  tuple,
  union,
  unknown,
  variant,
} from 'valibot';
