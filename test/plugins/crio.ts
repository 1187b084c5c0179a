/** What hosts of paper do where CRI-O is set up: its release, and the notes of what was there before. */
import { CLEAR, KEEP, NOTE } from '../../plugins/crio/traces.ts';
import type { Paper } from '../rig/paper.ts';
import type { BenchSetup, FakeCommand } from './bench.ts';
import { removed, script, wrote } from './tools.ts';

export const noting = (host: Paper): readonly FakeCommand[] => [
  [script(KEEP), () => wrote(host, `${NOTE}/tables`, '')],
  [script(CLEAR), () => removed(host, '/var/lib/cc')],
];

export const CRIO: BenchSetup = {
  bytes: { 'cri-o': JSON.stringify({ 'cri-o/bin/crio': 'crio', 'cri-o/bin/conmon': 'conmon' }) },
  bare: (host) => host.write('/var/lib/dpkg/status', ''),
  does: noting,
};
