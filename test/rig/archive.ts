/**
 * A small archive in the form of Debian's, made by Debian's own tools and signed by a key that lasts as long as the tests:
 * what apt takes for a real one, and what tests may have in every wrong form. https://wiki.debian.org/DebianRepository/Format
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { digestOf } from '../../core/model/digest.ts';
import { GNUPG } from './keys.ts';
import { type Lasting, tempFolder } from './temp.ts';
import { missing } from './tools.ts';

/** Its files, by their path below its address. */
export type Archive = ReadonlyMap<string, Buffer>;

export interface Makers {
  /** The public half of the key, as a file. */
  readonly key: string;
  /** A suite that has `hello`, and what it needs, in this version. */
  suite(name: string, version: number): Archive;
  /** What the key, or one that nobody trusts, signs of a text. */
  signed(text: string, by?: 'makers' | 'others'): Buffer;
}

/** Why there can be no such archive here; false when there can be one. */
export function archiveless(): string | false {
  return missing('apt-get', 'dpkg-deb', 'xz', ...GNUPG);
}

export async function makers(t: Lasting): Promise<Makers> {
  const removed = (remove: () => unknown) => {
    execFileSync('gpgconf', ['--homedir', folder, '--kill', 'all']); // gpg has started an agent
    return remove();
  };
  const folder = await tempFolder({ after: (remove) => t.after(() => removed(remove)) });
  const gpg = (words: readonly string[], input = '') =>
    execFileSync('gpg', ['--homedir', folder, '--batch', '--quiet', ...words], { input, stdio: 'pipe' });
  for (const name of ['makers', 'others'])
    gpg(['--passphrase', '', '--quick-generate-key', name, 'ed25519', 'sign', 'never']);
  const key = join(folder, 'makers.gpg');
  writeFileSync(key, gpg(['--export', 'makers']));
  const signed = (text: string, by = 'makers') => gpg(['--local-user', by, '--clearsign'], text);
  return {
    key,
    signed,
    suite: (name, version) => {
      const pool = poolOf(folder, version);
      const indices = indicesOf(pool);
      const release = [`dists/${name}/InRelease`, signed(releaseText(name, version, indices))] as const;
      return new Map([...pool.files, ...placed(name, indices), release]);
    },
  };
}

interface Pool {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly packages: string;
  readonly sources: string;
}

/** What Debian always has, in little, and `hello` with a library and its source. */
function poolOf(folder: string, version: number): Pool {
  const debs = [
    debOf(folder, 'base', ['Version: 1', 'Essential: yes']),
    debOf(folder, 'apt', ['Version: 1']),
    debOf(folder, 'libhello', ['Version: 1']),
    debOf(folder, 'hello', [`Version: ${version}-1`, 'Depends: libhello']),
  ];
  const source = [`hello_${version}.orig.tar.xz`, `hello_${version}-1.dsc`].map(
    (name) => [`pool/${name}`, Buffer.from(`${name}\n`)] as const,
  );
  const sums = source.map(([path, bytes]) => ` ${digestOf(bytes)} ${bytes.length} ${basename(path)}\n`);
  return {
    files: new Map([...debs.map(({ path, bytes }) => [path, bytes] as const), ...source]),
    packages: debs
      .map(
        ({ path, bytes, control }) =>
          `${control}Filename: ${path}\nSize: ${bytes.length}\nSHA256: ${digestOf(bytes)}\n\n`,
      )
      .join(''),
    sources: `Package: hello\nBinary: hello\nVersion: ${version}-1\nFormat: 3.0 (quilt)\nDirectory: pool\nChecksums-Sha256:\n${sums.join('')}\n`,
  };
}

/** A package with one program, that says its name and version. */
function debOf(folder: string, name: string, fields: readonly string[]) {
  const [version] = fields;
  const root = join(folder, `${name}-${version}`);
  const control = [`Package: ${name}`, ...fields, 'Architecture: all', 'Maintainer: Nobody <nobody@example>'];
  const text = `${control.join('\n')}\nDescription: ${name}\n`;
  const file = `${root}.deb`;
  if (!existsSync(file)) {
    mkdirSync(join(root, 'DEBIAN'), { recursive: true });
    writeFileSync(join(root, 'DEBIAN/control'), text);
    mkdirSync(join(root, 'usr/bin'), { recursive: true });
    writeFileSync(join(root, 'usr/bin', name), `${name}, ${version}\n`);
    execFileSync('dpkg-deb', ['--build', '--root-owner-group', '-Znone', root, file], { stdio: 'pipe' });
  }
  const path = `pool/${name}_${version?.replace('Version: ', '')}_all.deb`;
  return { path, control: text, bytes: readFileSync(file) };
}

/** The lists of packages and sources, plain and as they are given out. */
function indicesOf({ packages, sources }: Pool): ReadonlyMap<string, Buffer> {
  const plain = [
    ['main/binary-amd64/Packages', packages],
    ['main/binary-arm64/Packages', packages],
    ['main/source/Sources', sources],
  ] as const;
  return new Map(
    plain.flatMap(([path, text]) => [
      [path, Buffer.from(text)],
      [`${path}.xz`, execFileSync('xz', ['--stdout'], { input: text })],
    ]),
  );
}

/** Where the lists of a suite are given out: by their names, and by what is in them. */
function placed(suite: string, indices: ReadonlyMap<string, Buffer>) {
  return [...indices].flatMap(([path, bytes]) => {
    const place = `dists/${suite}/${path}`;
    return [
      [place, bytes],
      [`${place.slice(0, place.lastIndexOf('/'))}/by-hash/SHA256/${digestOf(bytes)}`, bytes],
    ] as const;
  });
}

/** A later version is of a later day. */
function releaseText(suite: string, version: number, indices: ReadonlyMap<string, Buffer>): string {
  const sums = [...indices].map(([path, bytes]) => ` ${digestOf(bytes)} ${bytes.length} ${path}\n`);
  return `Suite: ${suite}
Codename: ${suite}
Date: Thu, 0${version} Jan 2026 00:00:00 UTC
Acquire-By-Hash: yes
Architectures: amd64 arm64
Components: main
SHA256:
${sums.join('')}`;
}
