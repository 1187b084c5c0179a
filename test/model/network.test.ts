/** Addresses and networks: reckoned as node:net has them, and refused with what was expected. */
import assert from 'node:assert/strict';
import { BlockList, isIPv4 } from 'node:net';
import test from 'node:test';
import {
  addressAt,
  HostAddress,
  Interface,
  Ipv4,
  isIpv4,
  overlap,
  Port,
  subnet,
} from '../../core/model/network.ts';
import { checked } from '../../core/model/schema.ts';
import * as v from '../../core/model/vocabulary.ts';
import { dice } from '../graph/random.ts';

/** What is said of a value, or what it is taken for. */
function said(schema: Parameters<typeof v.strictObject>[0][string], value: unknown): unknown {
  const result = checked(v.strictObject({ it: schema }), { it: value }, 'p');
  return result.ok ? result.value : result.problems.map(({ message }) => message).join('; ');
}

test('overlap and first addresses are those of node:net', () => {
  const next = dice(7);
  const dotted = () => [next(3) + 10, next(2), next(256), next(256)].join('.');
  for (let i = 0; i < 2000; i += 1) {
    const [one, other] = [`${dotted()}/${next(33)}`, `${dotted()}/${next(33)}`];
    const holds = (all: string, each: string) => {
      const list = new BlockList();
      const [address = '', prefix = ''] = all.split('/');
      list.addSubnet(address, Number(prefix), 'ipv4');
      return list.check(each.split('/')[0] ?? '', 'ipv4');
    };
    // Of two networks that share an address the narrower lies in the wider.
    const shared = holds(one, addressAt(other, 0)) || holds(other, addressAt(one, 0));
    assert.equal(overlap(one, other), shared, `${one} ${other}`);
    assert.ok(holds(one, addressAt(one, 0)), one);
  }
  assert.equal(overlap('10.0.0.1', '10.0.0.1'), true);
  assert.equal(overlap('10.0.0.1', '10.0.0.0/31'), true);
  assert.equal(addressAt('10.96.0.0/12', 10), '10.96.0.10');
  assert.equal(addressAt('255.255.255.240/28', 15), '255.255.255.255');
});

test('IPv4 addresses are those of node:net', () => {
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.4 ',
    '::1',
    'a.b.c.d',
    '255.255.255.255',
    '1..2.3',
  ])
    assert.equal(isIpv4(text), isIPv4(text), text);
});

test('options of a network say what they expect', () => {
  const any = subnet(0, 32);
  assert.deepEqual(said(any, '0.0.0.0/0'), { it: '0.0.0.0/0' });
  assert.deepEqual(said(any, '10.1.2.3/32'), { it: '10.1.2.3/32' });
  assert.equal(
    said(any, '10.1.2.3/8'),
    'expected the first address of a network: that of 10.1.2.3/8 is 10.0.0.0/8',
  );
  for (const text of ['', '/8', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1', '10.0.0/8', '10.0.0.0/1e1'])
    assert.equal(said(any, text), `expected an IPv4 network, as 10.40.0.0/16, found "${text}"`);
  assert.equal(said(Ipv4, ''), 'expected an IPv4 address, as 192.0.2.10, found ""');
  assert.deepEqual(said(Ipv4, '192.0.2.10'), { it: '192.0.2.10' });
});

test('names of interfaces fit the kernel', () => {
  for (const name of ['cc0', 'a23456789012345', 'br-lan.10'])
    assert.deepEqual(said(Interface, name), { it: name });
  for (const name of ['', 'a234567890123456', 'a/b', '..', '-x', 'a b', 'x'.repeat(24)])
    assert.match(String(said(Interface, name)), /^expected the name of an interface, as cc0: .*at most 15/);
});

test('ports and addresses of hosts are some', () => {
  for (const port of [1, 22, 65535]) assert.deepEqual(said(Port, port), { it: port });
  for (const port of [0, 70000, 22.5, -1])
    assert.equal(said(Port, port), `expected a port from 1 to 65535, as 22, found ${port}`);
  for (const text of ['h', 'node-1.example', '192.0.2.1', 'fe80::1%eth0', '[::1]', 'my_host', 'on'])
    assert.deepEqual(said(HostAddress, text), { it: text });
  for (const text of ['', ' ', '-oProxyCommand=x', 'a b', 'root@h', 'a;b', '10.0.0.256', '10.0.0'])
    assert.equal(
      said(HostAddress, text),
      `expected a host name or an address, as 192.0.2.10, found "${text}"`,
    );
  assert.equal(said(HostAddress, 'h:22'), "has the port in it: write address: 'h', port: 22");
});
