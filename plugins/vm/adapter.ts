/** QEMU of a distribution, for runtimes that were written for another one: called through a script that minds its words. */
import { type Arch, written } from '../../core/mod.ts';
import type { Accel } from './boot.ts';
import { RULES, type Rule } from './rules.ts';

export const ADAPTER = '/usr/local/libexec/cc/qemu';

/** By processor: the program, and the Debian package that has it. */
export const QEMU: Readonly<Record<Arch, { readonly program: string; readonly package: string }>> = {
  amd64: { program: 'qemu-system-x86_64', package: 'qemu-system-x86' },
  arm64: { program: 'qemu-system-aarch64', package: 'qemu-system-arm' },
};

export interface Adapted {
  readonly qemu: string;
  /** Of the machines; default: amd64. */
  readonly arch?: Arch;
  readonly accel: Accel;
  /** For guests whose kernel has as modules what mounts their image, since the runtimes know of none. */
  readonly initrd?: string;
  /** A script that runs in the network of a pod, before its machine starts; not for a machine that has no network. */
  readonly network?: string;
}

export function adapter(how: Adapted) {
  return written(adapted(how), { name: 'qemu', path: ADAPTER, mode: 0o755, needs: [] });
}

/** Runtimes name the machines of pods so; what else they start QEMU for has no guest. */
const POD = 'pod-*';

/** Calls QEMU with the same words, but for those that a rule changes. */
export function adapted({ qemu, arch = 'amd64', accel, initrd, network }: Adapted): string {
  const rules = RULES.filter((rule) => (rule.accel ?? accel) === accel && (rule.arch ?? arch) === arch);
  return `#!/bin/sh
set -eu
qemu=${qemu}
version=$("$qemu" --version | sed -nE '1s/.* version ([0-9]+)\\.([0-9]+).*/\\1 \\2/p')
since() { [ "\${version% *}" -gt "$1" ] || { [ "\${version% *}" -eq "$1" ] && [ "\${version#* }" -ge "$2" ]; }; }
edit() { word=$(printf %s "$word" | sed -E "$1"); }
pod= net= last= skip=
for word; do
  shift
  if [ -n "$skip" ]; then
    skip=
    continue
  fi
  case $last in
    -name) case $word in ${POD}) pod=yes ;; esac ;;
${edits(rules)}  esac
  last=$word
  case $word in
    -netdev) net=yes ;;
${drops(rules)}  esac
  set -- "$@" "$word"
done
${forPods(initrd, network)}exec "$qemu" "$@"
`;
}

/** By option: what happens to its value. */
function edits(rules: readonly Rule[]): string {
  const lines = rules.flatMap((rule) =>
    rule.edit === 'drop' ? [] : [{ ...rule, line: when(rule, `edit '${rule.edit.sed}'`) }],
  );
  const cases = [...Map.groupBy(lines, ({ option }) => option)].map(
    ([option, own]) => `    ${option})\n${own.map(({ line }) => `      ${line}\n`).join('')}      ;;\n`,
  );
  return cases.join('');
}

function drops(rules: readonly Rule[]): string {
  return rules
    .filter(({ edit }) => edit === 'drop')
    .map((rule) => `    ${rule.option}) ${when(rule, 'skip=yes && continue')} ;;\n`)
    .join('');
}

function when({ since }: Rule, act: string): string {
  return since === undefined ? act : `if since ${since.replace('.', ' ')}; then ${act}; fi`;
}

function forPods(initrd: string | undefined, network: string | undefined): string {
  const prepared = network === undefined ? '' : `if [ "$pod$net" = yesyes ]; then\n${network}fi\n`;
  const own = initrd === undefined ? '' : `if [ -n "$pod" ]; then set -- "$@" -initrd ${initrd}; fi\n`;
  return prepared + own;
}
