/** Values found by their path, in code and in data; where that is not certain, none is. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { foundInYaml } from '../../../core/cli/config/indents.ts';
import { foundIn } from '../../../core/cli/config/tokens.ts';

/** The rest of the line from the value on. */
function at(source: string, path: string, find = foundIn): string | undefined {
  const keys = path === '' ? [] : path.split('.');
  const found = find(source, keys);
  return found && found.depth === keys.length ? source.slice(found.value).split('\n')[0] : undefined;
}

const CODE: readonly (readonly [source: string, path: string, value: string | undefined])[] = [
  ['export default { a: 1, b: 2 };', 'b', '2 };'],
  ['export default { "a": { \'b\': [1, { c: 3 }] } };', 'a.b.1.c', '3 }] } };'],
  ['export default recipe({ plugins: [one(), two({ a: 1 })] });', 'plugins.1.a', '1 })] });'],
  ['const a = 7;\nexport default { a };', 'a', 'a };'],
  ['const hosts: Host[] = [x, y];\nexport default recipe({ hosts });', 'hosts.1', 'y];'],
  ['const r = recipe({ a: 1 });\nexport default r;', 'a', '1 });'],
  ['export default { // a: 0\n /* a: 1 */ t: "a: 2", a: `a: 3`, b: 4 };', 'a', '`a: 3`, b: 4 };'],
  ['export default { f(a, b) { return { c: 1 }; }, c: (x) => ({ c: 2 }), d: 3 };', 'd', '3 };'],
  ['export default { a: f({ b: 1 }, 2) };', 'a.b', '1 }, 2) };'],
  ['export default ({ a: 1 });', 'a', '1 });'],
  ['export default { a: 1 } satisfies Recipe;', 'a', '1 } satisfies Recipe;'],
  ['{ "a": [ { "b": -1 } ] }', 'a.0.b', '-1 } ] }'],
  // not certain
  ['export default { ...other, b: 1 };', 'a', undefined],
  ['export default { a: 1, a: 2 };', 'a', '2 };'],
  ['export default { ...other, a: 1 };', 'a', '1 };'],
  ['export default { a: 1, ...other };', 'a', undefined],
  ['export default { [a]: 1 };', 'a', undefined],
  ['export default { l: [...more, { a: 1 }] };', 'l.1', undefined],
  ['import r from "./r.ts";\nexport default r;', 'a', undefined],
  ['function f() { const r = { a: 2 }; }\nconst r = { a: 1 };\nexport default r;', 'a', undefined],
  ['const r = r;\nexport default r;', 'a', undefined],
  ['let a = 1;', 'a', undefined],
  ['', 'a', undefined],
];

for (const [source, path, value] of CODE)
  test(`${path} of ${JSON.stringify(source)} is ${value ?? 'not found'}`, () =>
    assert.equal(at(source, path), value));

const YAML: readonly (readonly [source: string, path: string, value: string | undefined])[] = [
  ['a: 1\nb: 2\n', 'b', '2'],
  ['# a: 0\n---\na:\n  b:\n    c: 3\nd: 4', 'a.b.c', '3'],
  ['a:\n- x: 1\n- y: 2\n  z: 3\n', 'a.1.z', '3'],
  ['a:\n  -\n    x: 1\n  - - 5\n    - 6\n', 'a.1.1', '6'],
  ['a: { b: [1, { c: 2 }] }\nd: 3', 'a.b.1.c', '2 }] }'],
  ['"a b": 1\n\'c\': 2', 'c', '2'],
  ['a: 1\na: 2', 'a', undefined],
  ['a:\n  b: 1\n', 'a.c', undefined],
  ['a: |\n  b: 1\nc: 2', 'c', '2'],
  ['', 'a', undefined],
];

for (const [source, path, value] of YAML)
  test(`${path} of the YAML ${JSON.stringify(source)} is ${value ?? 'not found'}`, () =>
    assert.equal(at(source, path, foundInYaml), value));

test('no text makes the search fail', () => {
  const pieces = [
    'export default ',
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    ':',
    ',',
    'a',
    '"a"',
    "'",
    '`',
    '...',
    '=>',
    '//',
    '/*',
    '\n',
    '- ',
    '  ',
    'const a = ',
    'a: ',
  ];
  let seed = 1;
  const next = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 3000; round++) {
    const source = Array.from({ length: next(20) }, () => pieces[next(pieces.length)]).join('');
    for (const find of [foundIn, foundInYaml]) find(source, ['a', '0', 'a']);
  }
});
