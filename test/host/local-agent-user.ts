/**
 * A cc of its own that starts one process: `killed TEXT` runs a shell until it is ended, `ends` a short one, `lacks` one that
 * is not there, `stopped` none, because it was stopped before.
 */
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { runProcess } from '../../core/host/own-agent.ts';
import { failureOf } from '../../core/model/failure.ts';

const [how, text = ''] = process.argv.slice(2);
if (how === 'killed') {
  writeFileSync('cc', `${process.pid}\n`);
  await runProcess(['sh', '-c', text]);
} else {
  const stop = how === 'stopped' ? { signal: AbortSignal.abort() } : {};
  const name = how === 'lacks' ? 'cc-no-such-program' : 'true';
  const said = await runProcess([name], stop).then(
    ({ code, signal }) => `${name} exited ${code ?? signal}`,
    (error: unknown) => JSON.stringify(failureOf(error)),
  );
  process.stdout.write(`${said}\n`);
}
