/** Programs that tests need of the machine they run on. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';

/** Why tests that need these programs are skipped, if they are. */
export function missing(...programs: readonly string[]): string | false {
  const gone = programs.filter((program) => !places().some((place) => isProgram(join(place, program))));
  return gone.length > 0 && `this machine has no ${gone.join(', no ')}`;
}

/** System programs are not in the PATH of every user. */
function places(): readonly string[] {
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** `test`, for a file whose tests are all skipped for the same reason. */
export function testUnless(skip: string | false) {
  return (title: string, run: (t: TestContext) => void | Promise<void>) => test(title, { skip }, run);
}
