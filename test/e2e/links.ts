/** Links of machines that are cut: what passes their bridge is dropped, and nobody is told. */
import { must } from './site.ts';

const TABLE = 'cce2e';

/** Drops the TCP that two machines send each other; they still learn each other's hardware addresses, so that nothing is refused. */
export function cutBetween(one: string, other: string): void {
  const drop = (from: string, to: string) => `iifname "vb-${from}" oifname "vb-${to}" ip protocol tcp drop`;
  const rules = [drop(one, other), drop(other, one)].join('; ');
  table(`chain cut { type filter hook forward priority 0; ${rules}; }`);
}

/** Drops whatever comes from a machine or goes there. */
export function cutOff(machine: string): void {
  const drop = (hook: string, direction: string) =>
    `chain ${hook} { type filter hook ${hook} priority 0; ${direction} "vb-${machine}" drop; }`;
  table(`${drop('prerouting', 'iifname')}\n${drop('postrouting', 'oifname')}`);
}

/** Ends all cuts. */
export function uncut(): void {
  must('sh', ['-c', `nft delete table bridge ${TABLE} 2>/dev/null || :`], '/');
}

function table(chains: string): void {
  must('nft', [`table bridge ${TABLE} {\n${chains}\n}`], '/');
}
