/** Which images CRI-O takes: what a recipe says, as containers-policy.json(5), and what a plan says of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checked } from '../../core/model/schema.ts';
import { Images, meaning, policy, takes } from '../../plugins/crio/policy.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const ANY = [{ type: 'insecureAcceptAnything' }];

test('policy takes anything where nothing is said, and a plan says so', () => {
  assert.deepEqual(JSON.parse(policy('any')), { default: ANY });
  assert.equal(meaning('any'), 'CRI-O will take any image, and verify no signature');
});

test('policy of names takes nothing else, but from archives that cc has made', () => {
  const key = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n';
  const images = { 'registry.k8s.io': 'any', 'site.example:5000/team': { signedBy: key } } as const;
  assert.deepEqual(JSON.parse(policy(images)), {
    default: [{ type: 'reject' }],
    transports: {
      docker: {
        'registry.k8s.io': ANY,
        'site.example:5000/team': [
          { type: 'signedBy', keyType: 'GPGKeys', keyData: Buffer.from(key).toString('base64') },
        ],
      },
      'docker-archive': { '': ANY },
    },
  });
  assert.equal(meaning(images), 'CRI-O will take images of registry.k8s.io, site.example:5000/team');
  assert.equal(meaning({}), 'CRI-O will take images of nobody');
});

const IMAGE = 'a.b.example:5000/team/tool';
const TAKEN: readonly (readonly [scope: string, name: string, taken: boolean])[] = [
  ['a.b.example:5000', `${IMAGE}:1`, true],
  ['a.b.example:5000/team', `${IMAGE}:1`, true],
  ['a.b.example:5000/te', `${IMAGE}:1`, false],
  [IMAGE, `${IMAGE}:1`, true],
  [`${IMAGE}:1`, `${IMAGE}:1`, true],
  [`${IMAGE}:1`, `${IMAGE}:2`, false],
  [`${IMAGE}@${DIGEST}`, `${IMAGE}@${DIGEST}`, true],
  [`${IMAGE}@${DIGEST}`, `${IMAGE}:1@${DIGEST}`, true], // CRI-O drops the tag
  [`${IMAGE}:1`, `${IMAGE}:1@${DIGEST}`, false],
  ['*.example', 'a.b.example/team/tool', true],
  ['*.b.example', 'a.b.example/team/tool', true],
  ['*.a.b.example', 'a.b.example/team/tool', false],
  ['b.example', 'a.b.example/team/tool', false],
];

for (const [scope, name, taken] of TAKEN)
  test(`policy for ${scope} ${taken ? 'takes' : 'refuses'} ${name}`, () => {
    assert.equal(takes({ [scope]: 'any' }, name), taken);
  });

for (const scope of ['https://registry.example', 'registry.example/', '', 'a b', `x@${DIGEST.slice(0, -1)}`])
  test(`policy refuses "${scope}" as a name`, () => {
    assert.equal(checked(Images, { [scope]: 'any' }, 'images').ok, false);
  });

for (const scope of ['*.example', 'docker.io/library/nginx:1.30.5', `registry.example:5000/a/b@${DIGEST}`])
  test(`policy knows "${scope}" as a name`, () => {
    assert.equal(checked(Images, { [scope]: 'any' }, 'images').ok, true);
  });
