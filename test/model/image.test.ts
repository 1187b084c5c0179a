/** Names of container images: which registry is asked for what, and what a name is by its digest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../core/model/digest.ts';
import { byDigest, manifestUrl } from '../../core/model/image.ts';

const DIGEST = digestOf('');

for (const [name, url] of [
  ['registry.k8s.io/pause:3.10.2', 'https://registry.k8s.io/v2/pause/manifests/3.10.2'],
  ['docker.io/library/nginx:1.30.5', 'https://registry-1.docker.io/v2/library/nginx/manifests/1.30.5'],
  ['nginx', 'https://registry-1.docker.io/v2/library/nginx/manifests/latest'],
  ['docker.io/nginx', 'https://registry-1.docker.io/v2/library/nginx/manifests/latest'],
  ['curlimages/curl:8', 'https://registry-1.docker.io/v2/curlimages/curl/manifests/8'],
  ['localhost/a', 'https://localhost/v2/a/manifests/latest'],
  ['127.0.0.1:5000/a/b:1', 'https://127.0.0.1:5000/v2/a/b/manifests/1'],
  ['a.example:5000/b', 'https://a.example:5000/v2/b/manifests/latest'],
  [`registry.k8s.io/pause@sha256:${DIGEST}`, undefined],
  [`registry.k8s.io/pause:3@sha256:${DIGEST}`, undefined],
  ['registry.k8s.io/Pause:3', undefined],
  ['', undefined],
] as const)
  test(`image ${JSON.stringify(name)} is asked for at ${url ?? 'no address'}`, () => {
    assert.equal(manifestUrl(name), url);
  });

for (const [name, plain] of [
  ['registry.k8s.io/pause:3.10.2', 'registry.k8s.io/pause'],
  ['a.example:5000/b', 'a.example:5000/b'],
  ['a.example:5000/b:1', 'a.example:5000/b'],
] as const)
  test(`image ${name} is named by its digest without its tag`, () => {
    assert.equal(byDigest(name, DIGEST), `${plain}@sha256:${DIGEST}`);
  });
