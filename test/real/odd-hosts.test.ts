/** What a host lacks is said in a sentence, and what a command is told is told to nobody else. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { folder } from '../rig/cc.ts';
import { hostRig } from '../rig/hosts.ts';
import { idle, inArguments, oddSite, PATIENCE, refused, runs, summary } from './odd.ts';

const { skip, host } = await hostRig({ after });
const must = { skip, timeout: PATIENCE };

test('host without perl is refused in a sentence that names it', must, async (t) => {
  const box = await host(t, 'box', { setup: 'mv /usr/bin/perl /usr/bin/perl.gone' });
  const said = await refused(await oddSite(t, { box }), 77);
  const lines = said.split('\n').filter((line) => /perl/.test(line) && !/\bfix: /.test(line));
  assert.equal(lines.length, 1, said);
  assert.match(lines[0] ?? '', /^\s+Cannot .*\bbox\b/);
});

test('what a command is given in its environment and its input is in no arguments', must, async (t) => {
  const box = await host(t, 'box');
  const [secret, input] = [`secret-${randomUUID()}`, `input-${randomUUID()}`];
  const argv = ['sh', '-c', 'read -r line && test -n "$SECRET" && exec sleep 1003'];
  const more = { argv, needs: [], more: { env: { SECRET: secret }, input: `${input}\n` } };
  const steps = `
    command('there', ${JSON.stringify(argv)}, ${JSON.stringify(more)}),
    command('here', ${JSON.stringify(argv.with(2, argv[2]!.replace('1003', '1004')))},
      { ...${JSON.stringify(more)}, where: 'controller', root: false }),
    written(${JSON.stringify(input)}, { name: 'text', path: '/srv/text', needs: [] }),
  `; // the script is there
  const site = await oddSite(t, { box }, { steps });
  const { child, ended } = site.start('run', 'all');
  await runs(box, 'sleep 1003');
  assert.deepEqual([await inArguments(secret), await inArguments(input)], [[], []]);
  child.kill('SIGINT');
  assert.equal((await ended).code, 130);
  await idle(box, 5_000);
});

const PROGRAMS = {
  'node_modules/.bin/cc': '#!/bin/sh\necho runner >"$1"\n',
  'site/node_modules/.bin/cc': '#!/bin/sh\necho runner of a site >"$1"\n',
  'tools/cc': '#!/bin/sh\necho compiler >"$1"\n',
};

test('command finds the programs of the system, not those that npx put before them', async (t) => {
  const own = await folder(t, PROGRAMS);
  for (const name of Object.keys(PROGRAMS)) await chmod(join(own, name), 0o755);
  const places = ['site/node_modules/.bin', 'node_modules/.bin', 'tools'].map((name) => join(own, name));
  const env = { PATH: [...places, process.env['PATH']].join(':') };
  const at = `{ done: '${own}/made', where: 'controller', root: false }`;
  const site = await oddSite(t, {}, { steps: `command('make', ['cc', '${own}/made'], ${at})`, env });
  assert.deepEqual(summary(await site.run('run', 'all')), {
    ...{ code: 0, whole: '1 changed: 1 applied', stderr: '' },
  });
  assert.equal(await readFile(join(own, 'made'), 'utf8'), 'compiler\n');
});
