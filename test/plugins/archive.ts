/** Debian's archive without the plugin that sets it up. */
import { debianArchive } from '../../plugins/debian.ts';
import { providing } from './tools.ts';

export const ARCHIVE = providing(debianArchive, {
  deb: (name, from) => ({ name, source: { kind: 'deb', apt: '/apt', ...from } }),
  source: (name, from) => ({ name, source: { kind: 'deb-source', apt: '/apt', ...from } }),
  sources: (suite) => `/apt/${suite}.list`,
  need: debianArchive.name,
});
