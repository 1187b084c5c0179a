/** What becomes of the words of Kata's runtimes where a QEMU of Debian stands in for their own. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { adapted } from '../../plugins/vm/adapter.ts';
import { tempFolder } from '../rig/temp.ts';
import { wordsOfGo, wordsOfRust } from './kata-words.ts';

const PLACE = { kernel: '/boot/vmlinuz', image: '/opt/image' };
const NETDEV = ['-netdev', 'tap,id=network-0,vhost=on,vhostfds=4,fds=3'];

/** By runtime: its words, and those that are others in the end. */
const RUNTIMES = {
  Go: [
    wordsOfGo(PLACE),
    {
      'q35,accel=kvm,nvdimm=on': 'q35,accel=tcg,nvdimm=on',
      'host,pmu=off': 'max,la57=off',
      '1,cores=1,threads=1,sockets=240,maxcpus=240': '1,cores=1,threads=1,maxcpus=8',
    },
  ],
  Rust: [
    wordsOfRust(PLACE),
    {
      'q35,accel=kvm,kernel_irqchip=on,memory-backend=entire-guest-memory-share':
        'q35,accel=tcg,memory-backend=entire-guest-memory-share',
      'host,pmu=off': 'max,la57=off',
      '1,maxcpus=240': '1,maxcpus=8',
    },
  ],
} as const;

for (const [runtime, [asked, changed]] of Object.entries(RUNTIMES)) {
  test(`words of the runtime in ${runtime} are changed for emulation in these places alone`, async (t) => {
    const folder = await tempFolder(t);
    const [qemu, script] = [join(folder, 'qemu'), join(folder, 'adapter')];
    const says = '[ "$*" != --version ] || { echo "QEMU emulator version 7.2.22"; exit; }';
    await writeFile(qemu, `#!/bin/sh\n${says}\nprintf '%s\\0' "$@"\n`, { mode: 0o755 });
    await writeFile(script, adapted({ qemu, accel: 'tcg' }));
    const { stdout } = await promisify(execFile)('sh', [script, ...asked, ...NETDEV]);
    const expected = new Map<string, string>(Object.entries(changed)).set(
      NETDEV[1]!,
      'tap,id=network-0,fds=3',
    );
    assert.deepEqual(
      stdout.split('\0').slice(0, -1),
      [...asked, ...NETDEV].map((word) => expected.get(word) ?? word),
    );
  });
}
