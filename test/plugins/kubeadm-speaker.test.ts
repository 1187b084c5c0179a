/** Who answers for a cluster: a control plane that can be reached and whose API answers, whichever it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cmd } from '../../core/model/command.ts';
import type { View } from '../../core/model/view.ts';
import { askedOf, unspoken } from '../../plugins/kubeadm/speaker.ts';
import { paperView } from '../rig/view.ts';

const ACCESS = { kubectl: '/bin/kubectl', kubeconfig: '/etc/kubernetes/admin.conf' };
const SERVER = '/etc/kubernetes/manifests/kube-apiserver.yaml';

/** What a host says: an answer of its API, that it has none, or that it cannot be reached. */
type Says = { readonly text: string } | 'silent' | 'none' | 'gone';

/** Answers who was asked, and what came of it. */
async function asked(says: Readonly<Record<string, Says>>) {
  const tried: string[] = [];
  const viewOn = (name: string): View => {
    const said = says[name]!; // all that is asked for is here
    tried.push(name);
    if (said === 'gone') throw new Error(`${name} is off`);
    const there = said === 'none' ? null : ({ kind: 'other' } as const);
    const answer =
      typeof said === 'string'
        ? { code: 1, stdout: '', stderr: 'refused\n' }
        : { code: 0, stdout: said.text, stderr: '' };
    const paper = paperView({ stat: { [ACCESS.kubeconfig]: there, [SERVER]: there } });
    return { ...paper, name, result: async () => answer };
  };
  const view = { ...paperView({}), name: 'w-1', on: async (place: unknown) => viewOn(String(place)) };
  const answer = await askedOf(view, Object.keys(says), ACCESS, cmd`get nodes`);
  const what = answer.kind === 'answered' ? `${answer.by.name}: ${answer.text}` : unspoken(answer);
  return [tried.join(' '), answer.kind, what];
}

test('first control plane that answers is asked, and none after it', async () => {
  const text = { text: 'nodes' };
  assert.deepEqual(await asked({ 'cp-1': text, 'cp-2': text }), ['cp-1', 'answered', 'cp-1: nodes']);
  for (const first of ['gone', 'silent', 'none'] as const)
    assert.deepEqual(await asked({ 'cp-1': first, 'cp-2': text, 'cp-3': text }), [
      ...['cp-1 cp-2', 'answered', 'cp-2: nodes'],
    ]);
});

test('that there is no cluster is said only where no control plane could have it', async () => {
  assert.deepEqual(await asked({ 'cp-1': 'none', 'cp-2': 'none' }), [
    ...['cp-1 cp-2', 'none', 'there is no cluster yet'],
  ]);
  assert.deepEqual(await asked({ 'cp-1': 'gone', 'cp-2': 'none' }), [
    ...['cp-1 cp-2', 'unreached', 'cp-1 cannot be reached'],
  ]);
  assert.deepEqual(await asked({ 'cp-1': 'gone', 'cp-2': 'silent', 'cp-3': 'none' }), [
    ...['cp-1 cp-2 cp-3', 'silent'],
    'the API on cp-2 does not answer: refused; cp-1 cannot be reached',
  ]);
});
