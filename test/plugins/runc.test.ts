/** runc: one program, from its release, from Debian, or built from the tree of a commit. */
import { runc } from '../../plugins/runc.ts';
import { laws } from '../rig/laws.ts';
import { ARCHIVE } from './archive.ts';
import { COMPILER, GO } from './compiler.ts';

const RC4 = { version: '1.0.0-rc4', commit: '2e7cfe036e2c6dc51ccca6eb7fa3ee6b63976dcd' };

laws('runc', { plugins: [runc()] });
laws('runc from Debian', { plugins: [ARCHIVE, runc({ from: 'debian' })] }, { plugin: 'runc' });
laws(
  'runc from source',
  { plugins: [ARCHIVE, GO, runc(RC4)] },
  {
    ...COMPILER,
    plugin: 'runc',
    kept: ['tools', 'compile'],
    left: { controller: ['CACHE/runc/1.0.0-rc4/bin/runc', 'gcc', 'libc6-dev'] },
  },
);
