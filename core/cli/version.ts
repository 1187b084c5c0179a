/** What this package says of itself. */
import { existsSync, readFileSync } from 'node:fs';

interface Package {
  readonly name: string;
  readonly version: string;
}

export function version(): string {
  return ownPackage().version;
}

/** Sources lie one folder nearer to package.json than what is compiled from them. */
export function ownPackage(): Package {
  const near = new URL('../../package.json', import.meta.url);
  const file = existsSync(near) ? near : new URL('../../../package.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Package;
}
