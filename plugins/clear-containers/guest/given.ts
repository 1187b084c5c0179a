/** A guest of a site's own: its files, by URL. */
import { placed } from '../../../core/mod.ts';
import { release } from '../../capabilities.ts';
import type { Guest } from './guest.ts';

export interface Files {
  readonly kernel: string;
  readonly initrd?: string | undefined;
  readonly image: string;
}

const PLACE = '/opt/cc/clear-containers/own';

export function givenGuest({ kernel, initrd, image }: Files): Guest {
  const at = (name: string) => `${PLACE}/${name}`;
  const file = (name: string, url: string) =>
    placed(release(`guest-${name}`, url), { path: at(name), mode: 0o644, needs: [] });
  return {
    kernel: at('kernel'),
    ...(initrd === undefined ? {} : { initrd: at('initrd') }),
    image: at('image'),
    steps: [
      file('kernel', kernel),
      ...(initrd === undefined ? [] : [file('initrd', initrd)]),
      file('image', image),
    ],
  };
}
