/** Debian's archive without the plugin that sets it up. */
import { debianArchive } from '../../plugins/debian.ts';
import { providing } from './tools.ts';

export const ARCHIVE = providing(debianArchive, {
  deb: (name, from) => ({ name, source: { kind: 'deb', apt: '/apt', ...from } }),
  source: (name, from) => ({ name, source: { kind: 'deb-source', apt: '/apt', ...from } }),
  system: (name, of) => ({ name, source: { kind: 'debs', apt: '/apt', ...of } }),
  sources: (suite) => `/apt/${suite}.list`,
});
