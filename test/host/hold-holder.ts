/** Takes a hold and keeps it until it is killed: `hold-holder.ts PATH`. */
import { hold, ownerOf } from '../../core/host/hold.ts';

const [path = ''] = process.argv.slice(2);
await hold(path, ownerOf('run-of-holder', 'cc run all'));
process.stdout.write('held\n');
setInterval(() => {}, 60_000);
