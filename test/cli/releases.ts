/** A recipe for tests of the command line: one file from a URL, placed beside the configuration. */
import type { Sums } from '../../core/mod.ts';
import { MOD } from '../rig/cc.ts';

/** `more` are further fields of the recipe, as source text. */
export function releases(
  urls: Readonly<Record<string, string | readonly [url: string, sums: string | Sums]>>,
  more = '',
) {
  const sources = Object.entries(urls).map(([name, given]) => {
    const [url, sums] = typeof given === 'string' ? [given] : given;
    return { name, source: { kind: 'url', url, ...(sums === undefined ? {} : { sums }) } };
  });
  return `import { placed, plugin, recipe, v } from '${MOD}';

const releases = plugin({
  name: 'releases',
  help: 'places files',
  options: v.strictObject({}),
  build: ({}, { arch }) => ({
    steps: ${JSON.stringify(sources)}.map((artifact) =>
      placed(JSON.parse(JSON.stringify(artifact).replaceAll('ARCH', arch)), {
        path: import.meta.dirname + '/' + artifact.name, where: 'controller', root: false,
      }),
    ),
  }),
});

export default recipe({ name: 'releases', plugins: [releases()], ${more} });
`;
}
