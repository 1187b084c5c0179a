/** Becomes root on this machine by what PATH has, in a process of its own: `root-visitor.ts BASE [PASSWORD]`. */
import process from 'node:process';
import { localAsRoot } from '../../core/host/local-agent.ts';
import { failureOf } from '../../core/model/failure.ts';

const [folder = '', password] = process.argv.slice(2);
const host = localAsRoot('node-1', { password });
const visit = async () => {
  const { code, stdout } = await host.exec(['sh', '-c', 'pwd; cat; echo "$A"; exit 3'], {
    cwd: folder,
    input: 'in ',
    env: { A: "it's\n" },
  });
  const { facts } = await host.files.look(folder);
  return { code, stdout, kind: facts?.kind };
};
const said = await visit().catch(failureOf);
await host[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify(said));
