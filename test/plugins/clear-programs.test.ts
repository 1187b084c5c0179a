/** How the programs of Clear Containers are compiled, and what their guest is made of: every command, in its order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Change, describe } from '../../core/model/change.ts';
import { expanded } from '../graph/recipes.ts';
import { NEVER } from '../steps/last.ts';
import { NODE } from './bench.ts';
import { clear } from './clear.ts';

const { tasks } = expanded({ hosts: [NODE], ...clear() });

/** What a build on the controller does where nothing is built. */
function changesOf(name: string): readonly Change[] {
  const { step } = tasks.find(({ id }) => id === `controller/clear-containers/${name}`)!; // the plugin has it
  return step.plan({ outputs: { [name]: null } }, NEVER);
}

/** Its one call of Go: the words after `build`, where, and what cgo is told; and what comes before it, after the tree. */
function goOf(name: string) {
  const changes = changesOf(name);
  const at = changes.findIndex((change) => change.kind === 'run' && change.command.env !== undefined);
  const change = changes[at];
  assert.ok(change?.kind === 'run' && change.command.env);
  const { argv, cwd, env } = change.command;
  const cgo = Object.entries(env).filter(([key]) => /^(CGO_|CC$|PKG_CONFIG)/.test(key));
  return {
    before: changes.slice(3, at).map(describe),
    ...{
      words: argv.slice(2),
      cwd,
      cgo: Object.fromEntries(cgo),
      others: Object.keys(env).length - cgo.length,
    },
  };
}

const AT = '/cache/clear-containers';
const treeOf = (name: string) => `${AT}/${name}/gopath/src/github.com/clearcontainers/${name}`;
const ROOT = `${AT}/agent/libraries`;
const MODERN = ['-trimpath', '-gcflags=all=-dwarf=false'];

/** Folders, proxies, caches: what Go is told for each build. */
const OTHERS = 11;

test('runtime calls C, is linked statically, and has its constants from its own Makefile', () => {
  const libraries = `${AT}/runtime/libraries`;
  assert.deepEqual(goOf('runtime'), {
    before: [
      `run tee ${AT}/runtime/pkg-config`,
      `run chmod 0755 ${AT}/runtime/pkg-config`,
      `run cd ${treeOf('runtime')} && make --silent config-generated.go CC_SYSTEM_BUILD=yes ARCH=amd64 distro=debian COMMIT=532740cc7cb859b33e7a80cfb250fbe2fd1e5899`,
    ],
    words: [
      ...[...MODERN, '-tags', 'netgo osusergo'],
      '-ldflags=-s -w -buildid= -linkmode external -extldflags "-static -Wl,--build-id=none"',
      ...['-o', `${AT}/runtime/bin/runtime`, '.'],
    ],
    cwd: treeOf('runtime'),
    cgo: {
      ...{ CGO_ENABLED: '1', CC: 'gcc', PKG_CONFIG: `${AT}/runtime/pkg-config` },
      CGO_CFLAGS: `-O2 -I${libraries}/usr/include`,
      CGO_LDFLAGS: `-L${libraries}/usr/lib/x86_64-linux-gnu -L${libraries}/usr/lib/aarch64-linux-gnu`,
    },
    others: OTHERS,
  });
});

test('proxy calls no C, and knows its socket and its version', () => {
  assert.deepEqual(goOf('proxy'), {
    before: [],
    words: [
      ...MODERN,
      '-ldflags=-s -w -buildid= -X main.DefaultSocketPath=/var/run/clear-containers/proxy.sock -X main.Version=3.0.21-2d500edc813034b4a59a57bad72d55a36cc2e0da',
      ...['-o', `${AT}/proxy/bin/proxy`, '.'],
    ],
    cwd: treeOf('proxy'),
    cgo: { CGO_ENABLED: '0' },
    others: OTHERS,
  });
});

test("agent is linked dynamically with the guest's libraries, and with none of the controller", () => {
  assert.deepEqual(goOf('agent'), {
    before: ['libc6', 'libc6-dev', 'linux-libc-dev', 'libudev1', 'libudev-dev'].map(
      (name) => `run dpkg-deb --extract <${name}> ${ROOT}`,
    ),
    words: [
      ...MODERN,
      '-ldflags=-s -w -buildid= -linkmode external -extldflags "-Wl,--build-id=none" -X main.Version=6f6e9ecd8aded0783c31968b304a9d6589114363',
      ...['-o', `${AT}/agent/bin/agent`, '.'],
    ],
    cwd: treeOf('agent'),
    cgo: {
      ...{ CGO_ENABLED: '1', CC: 'gcc' },
      ...{ CGO_CFLAGS: `-O2 --sysroot=${ROOT}`, CGO_LDFLAGS: `--sysroot=${ROOT}` },
    },
    others: OTHERS,
  });
});

test('shim is compiled by gcc alone, and knows its version and its commit', () => {
  const commands = changesOf('shim').map(describe);
  assert.deepEqual(commands, [
    `run rm -rf ${AT}/shim`,
    `run mkdir -p ${AT}/shim/tree ${AT}/shim/bin`,
    `run tar -x -C ${AT}/shim/tree -f <cc-shim-source>`,
    `run gcc -static -o ${AT}/shim/bin/shim src/*.c`,
    `run rm -rf ${AT}/shim/tree`,
  ]);
  const compile = changesOf('shim')[3];
  assert.ok(compile?.kind === 'run');
  assert.equal(compile.command.cwd, `${AT}/shim/tree`);
  assert.deepEqual(compile.command.argv.slice(3), [
    ...['cc', `${AT}/shim/bin/shim`, '3.0.21', 'c8f732c99484e947f18cf29ab0d3d26e3e6bfbfe'],
  ]);
});

test('guest is made of packages of Debian and the agent, by scripts that are told all they need', () => {
  const at = `${AT}/guest`;
  const words = changesOf('guest').map((change) =>
    change.kind === 'run'
      ? change.command.argv
          .filter((word) => typeof word !== 'string' || !word.includes('\n'))
          .map((word) => (typeof word === 'string' ? word : `<${word.name}>`))
      : [],
  );
  assert.deepEqual(words.slice(0, -1), [
    ['rm', '-rf', at],
    ['mkdir', '-p', at],
    ['dpkg-deb', '--extract', '<guest-linux>', `${at}/kernel`],
    ['dpkg-deb', '--extract', '<busybox-static>', `${at}/busybox`],
    ['dpkg-deb', '--extract', '<libc6>', `${at}/system`],
    ['dpkg-deb', '--extract', '<libudev1>', `${at}/system`],
    ['sh', '-c', 'cc', `${at}/kernel`, `${at}/vmlinux`],
    [
      ...['sh', '-c', 'cc', `${at}/kernel`, `${at}/busybox/bin/busybox`, `${at}/initrd`],
      ...['virtio_pci', 'virtio_console', 'virtio_net'],
      ...['nfit', 'nd_pmem', 'ext4', 'crc32c_intel', 'crc32c_generic'],
      ...['9pnet_virtio', '9p', 'xfrm_user', 'nfnetlink'],
    ],
    ['sh', '-c', 'cc', '<cc-agent>', `${at}/busybox/bin/busybox`, `${at}/system`, `${at}/guest.img`],
  ]);
  assert.deepEqual(words.at(-1)?.slice(3), ['cc', at, 'vmlinux', 'initrd', 'guest.img']);
});
