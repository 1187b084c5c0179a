/** Why a file is not imported. Deno hands on what a hook of its loader throws as an error of its own, with the words of the other. */
import { messageOf } from './thrown.ts';

const refusals = new Map<string, Error>();

/** Notes why a file is not imported; each has a message of its own. */
export function noteRefused(file: string, error: Error): void {
  error.message = `${error.message}: ${file}`;
  refusals.set(error.message, error);
}

/** The refusal that an import failed with; of anything else, what was thrown. */
export function refusalOr(thrown: unknown): unknown {
  const [, message] = /^TypeError: Failed: (.*)$/s.exec(messageOf(thrown)) ?? [];
  return (message === undefined ? undefined : refusals.get(message)) ?? thrown;
}
