/** What a Go toolchain, tar and dpkg do to a controller of paper. */
import { goToolchain } from '../../plugins/capabilities.ts';
import type { BenchSetup } from './bench.ts';
import { files, folder, providing } from './tools.ts';

export const GO = providing(goToolchain, { root: '/go', version: '1.15' });

/** `go build -o FILE` makes the file; a script that compiles C is told by the output it is given first. */
export const COMPILER: BenchSetup = {
  does: (host, { make, cache }) => [
    ...files(host),
    ['tar -x', (argv) => folder(host, argv[argv.indexOf('-C') + 1]!)], // who compiles gives this option
    ['dpkg-deb --extract', ''],
    ['chmod', ''],
    [
      '/go/bin/go build',
      (argv) => {
        const output = argv[argv.indexOf('-o') + 1] ?? '';
        make(host, output, `built as ${output}`);
        return '';
      },
    ],
    [
      ([program, , , name, output = '']) => program === 'sh' && name === 'cc' && output.startsWith(cache),
      ([, , , , output = '']) => {
        make(host, output, `compiled as ${output}`);
        return '';
      },
    ],
  ],
};
