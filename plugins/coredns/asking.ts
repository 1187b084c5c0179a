/** Whether the DNS of a cluster serves: as the cluster tells of it, and as it answers a node. */
import { cmd, type View } from '../../core/mod.ts';
import { type Access, asked, unanswered } from '../kubectl/api.ts';
import { NAME, NAMESPACE } from './manifest.ts';

interface Deployment {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly replicas: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

/** Why not all of its replicas are ready as declared; undefined when they are. */
export async function unready(view: View, access: Access): Promise<string | undefined> {
  const ask = cmd`-n ${NAMESPACE} get deployment ${NAME} --ignore-not-found -o json`;
  const answer = await asked(view, access, ask);
  if (answer.kind !== 'answered') return unanswered(answer);
  if (answer.text.trim() === '') return 'the cluster has no CoreDNS of cc';
  const { metadata, spec, status } = JSON.parse(answer.text) as Deployment;
  const { replicas = 0, updatedReplicas: updated = 0, availableReplicas: available = 0 } = status;
  if (status.observedGeneration !== metadata.generation) return 'it has not been scheduled yet';
  if (Math.min(updated, available) < spec.replicas)
    return `ready are ${Math.min(updated, available)} of ${spec.replicas} replicas`;
  return replicas > updated ? 'a replica from before has not ended yet' : undefined;
}

/** With this a node is in a cluster. */
const KUBELET = '/etc/kubernetes/kubelet.conf';

/**
 * QUERY SERVER PORT NAME: asks for the address of a name and prints it. Nothing that cc may count on asks a server that the host does not
 * use itself, but Perl is on every host, since the agent is written in it. RFC 1035, 4.1.
 */
export const QUERY = `use strict;
use Socket;
my ($server, $port, $name) = @ARGV;
socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die "no socket: $!\\n";
my $id = $$ & 0xffff;
my $labels = join '', map { chr(length) . $_ } split /\\./, $name;
my $question = $labels . pack 'x n n', 1, 1;
my $query = pack('n6', $id, 0x0100, 1, 0, 0, 0) . $question;
connect($socket, sockaddr_in($port, inet_aton($server))) or die "no way to $server: $!\\n";
defined send($socket, $query, 0) or die "$server takes no question: $!\\n";
my $bits = '';
vec($bits, fileno($socket), 1) = 1;
select($bits, undef, undef, 2) or die "$server does not answer within 2 s\\n";
defined recv($socket, my $answer, 4096, 0) or die "$server takes no question: $!\\n";
my ($same, $flags, $questions, $answers) = unpack 'n4', $answer;
die "$server answers something else\\n" if length $answer < 12 || $same != $id;
my $code = $flags & 15;
die "$server knows no $name\\n" if $code == 3 || $code == 0 && !$answers;
die "$server could not answer for $name: code $code\\n" if $code;
my $at = 12 + length $question;
# A name is written out, or points to where it was written before.
while (my $size = $at < length $answer ? ord substr $answer, $at, 1 : 0) {
  $at += $size < 192 ? $size + 1 : 1;
  last if $size >= 192;
}
my ($type, $class, $ttl, $length, $address) = unpack 'n n N n a4', substr($answer, $at + 1) // '';
die "$server answers something else\\n" if ($type // 0) != 1 || ($length // 0) != 4 || length($address // '') != 4;
print inet_ntoa($address), "\\n";`;

export interface Expected {
  /** The DNS. */
  readonly server: string;
  readonly name: string;
  readonly address: string;
}

/** Why a node does not find the address of a name; undefined when it does. */
export async function unanswering(
  view: View,
  { server, name, address }: Expected,
): Promise<string | undefined> {
  if ((await view.stat(KUBELET)) === undefined) return 'the host is no node of a cluster yet';
  const title = `ask ${server} for ${name}`;
  const { code, stdout, stderr } = await view.result({
    ...cmd`perl -e ${QUERY} ${server} 53 ${name}`,
    title,
  });
  const said = stdout.trim();
  if (code !== 0) return stderr.trim().split('\n').at(-1) || `perl exited ${code}`;
  return said === address ? undefined : `${server} has ${said} for ${name}, and it is ${address}`;
}
