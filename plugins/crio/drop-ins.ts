/** Files of others that CRI-O reads after cc's, and that win where both name a key. */
import { cmd, fail, step } from '../../core/mod.ts';
import { type Settings, text } from './config.ts';

/** docs/crio.conf.d.5.md of CRI-O. */
const FOLDER = '/etc/crio/crio.conf.d';

/** Refuses a host where such a file sets otherwise what cc sets. */
export function dropIns(settings: Settings) {
  return step<{ host: string; others: readonly string[] }>({
    name: 'drop-ins',
    first: true,
    needs: [],
    probe: async (view) => {
      if ((await view.stat(FOLDER)) === undefined) return { host: view.name, others: [] };
      const lines = await view.read(cmd`find ${FOLDER}/ -type f -exec awk ${NUMBERED} ${'{}'} ${';'}`);
      return { host: view.name, others: others(lines, settings) };
    },
    plan: ({ host, others }) => {
      if (others.length === 0) return [];
      const reasons = [...others, `take out what differs, or move the file away from ${FOLDER}`];
      return fail({ kind: 'check-failed', host, what: 'CRI-O is configured as declared', reasons });
    },
  });
}

/** Each line after the path of its file and a tab. */
const NUMBERED = '{ print FILENAME "\\t" $0 }';

/** What the files set otherwise, in words. Of a list over several lines the first one counts, and that differs. */
function others(lines: string, settings: Settings): readonly string[] {
  let table = '';
  return lines.split('\n').flatMap((line) => {
    const [path = '', said = ''] = line.split(/\t(.*)/);
    table = /^\s*\[([^\]]+)\]/.exec(said)?.[1]?.trim() ?? table;
    const [, key = '', value = ''] = /^\s*([\w-]+)\s*=\s*(.*?)\s*(?:#[^"]*)?$/.exec(said) ?? [];
    const own = settings[`${table}.${key}`];
    if (own === undefined || text(own) === value) return [];
    return [`${path} has ${table}.${key} = ${value}, declared ${text(own)}`];
  });
}
