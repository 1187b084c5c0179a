/** What hosts are told of the recipe's proxies: nodes and themselves they reach without. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostProxy, proxyVariables } from '../../core/model/proxy.ts';

const at = (name: string, address: string) => ({ name, connection: { kind: 'ssh', address } }) as const;
const HOSTS = [
  { ...at('node-1', 'node-1.example'), address: '10.0.0.5' },
  { ...at('node-2', '192.0.2.7'), address: '10.0.0.0/24' },
  { name: 'here', address: 'eth1', connection: { kind: 'local' } },
] as const;
const NODES = ['node-1', 'node-1.example', '10.0.0.5', 'node-2', '192.0.2.7', '10.0.0.0/24', 'here'];

test('hosts reach themselves and each other without a proxy, and what the recipe names', () => {
  assert.deepEqual(
    hostProxy({ http: 'http://proxy:1', no: 'mirror.example, .site.example,node-2 localhost' }, HOSTS),
    {
      http: 'http://proxy:1',
      no: [
        ...['mirror.example', '.site.example', 'node-2', 'localhost', '127.0.0.1', '::1'],
        ...NODES.filter((name) => name !== 'node-2'),
      ],
    },
  );
});

test('hosts are told nothing where the recipe names no proxy', () => {
  assert.equal(hostProxy({}, HOSTS), undefined);
  assert.equal(hostProxy({ no: 'mirror.example' }, HOSTS), undefined);
});

test('programs are told these proxies, and that there are no others', () => {
  assert.deepEqual(proxyVariables({ https: 'http://proxy:1', no: ['a', 'b'] }), {
    http_proxy: '',
    https_proxy: 'http://proxy:1',
    no_proxy: 'a,b',
  });
});
