/** runc: one program, from its release or from Debian. */
import { runc } from '../../plugins/runc.ts';
import { laws } from '../rig/laws.ts';
import { ARCHIVE } from './archive.ts';

laws('runc', { plugins: [runc()] });
laws('runc from Debian', { plugins: [ARCHIVE, runc({ from: 'debian' })] }, { plugin: 'runc' });
