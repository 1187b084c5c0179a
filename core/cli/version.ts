/** The version of this package. */
import { existsSync, readFileSync } from 'node:fs';

/** Sources lie one folder nearer to package.json than what is compiled from them. */
export function version(): string {
  const near = new URL('../../package.json', import.meta.url);
  const file = existsSync(near) ? near : new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
