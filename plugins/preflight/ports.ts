/** Which ports hosts of a cluster must reach of each other, and how one host asks all others at once. */
import { cmd, type Host, type View } from '../../core/mod.ts';

export interface Port {
  readonly port: number;
  /** Who listens there. */
  readonly by: string;
}

const API: Port = { port: 6443, by: 'the API server' };
const ETCD: readonly Port[] = [2379, 2380].map((port) => ({ port, by: 'etcd' }));
const KUBELET: Port = { port: 10250, by: 'kubelet' };

/** What one host asks of another one. A host without a role may become anything. */
export function portsBetween(from: Host, to: Host): readonly Port[] {
  const isPlane = ({ roles }: Host) => roles.length === 0 || roles.includes('control-plane');
  const [plane, fromPlane] = [isPlane(to), isPlane(from)];
  return [...(plane ? [API] : []), ...(plane && fromPlane ? ETCD : []), ...(fromPlane ? [KUBELET] : [])];
}

/** Seconds that a host listens at most, and that it goes on trying. A first packet that is lost is sent again after one. */
const LISTENS = 5;
const TRIES = 3;

/**
 * OWN LISTENS TRIES COUNTS PEERS...: listens at the address OWN for a moment on each port of COUNTS (`6443:2`: two others will
 * ask) where nobody does, and meanwhile connects to all PEERS (`192.0.2.7:6443`). It ends when all have answered and asked, and
 * SIGALRM ends it in any case. A port is tried again as long as it is refused, since the other host may begin later.
 *
 * Prints `listened|taken|failed PORT`, `ADDRESS:PORT open|silent|refused|WORDS`, and how long it did either.
 */
export const ASK = `use strict;
use Socket;
use Errno qw(EINPROGRESS ECONNREFUSED EADDRINUSE);
use Fcntl;
my ($own, $listens, $tries, $counts, @peers) = @ARGV;
alarm $listens + 2;
sub now { open my $file, '<', '/proc/uptime' or die "/proc/uptime: $!"; (split ' ', <$file>)[0] }
sub opened {
  socket my $socket, PF_INET, SOCK_STREAM, 0 or die "socket: $!";
  fcntl $socket, F_SETFL, O_NONBLOCK or die "fcntl: $!";
  $socket;
}
my (%left, %asked, %listener);
for (split /,/, $counts) {
  my ($port, $count) = split /:/;
  my $socket = opened();
  setsockopt $socket, SOL_SOCKET, SO_REUSEADDR, 1;
  if (bind($socket, sockaddr_in($port, inet_aton($own))) && listen($socket, 128)) {
    $listener{$port} = $socket;
    $left{$port} = $count;
    print "listened $port\\n";
  } else {
    print $! == EADDRINUSE ? 'taken' : 'failed', " $port\\n";
  }
}
my $begin = now();
my (%socket, %answer, %again);
@again{@peers} = map { $begin } @peers;
sub ended {
  my ($peer, $answer) = @_;
  delete $socket{$peer};
  $answer{$peer} = $answer;
  $again{$peer} = now() + 0.1 unless $answer eq 'open';
}
sub said { my $error = shift; $error == ECONNREFUSED ? 'refused' : do { local $! = $error; "$!" } }
my $asking = 0;
while (1) {
  my $now = now();
  my $open = grep { ($answer{$_} // '') ne 'open' } @peers;
  if ($open && $now - $begin < $tries) {
    $asking = $now - $begin;
    for my $peer (grep { defined $again{$_} && $again{$_} <= $now } @peers) {
      delete $again{$peer};
      my ($address, $port) = split /:/, $peer;
      my $socket = $socket{$peer} = opened();
      if (connect $socket, sockaddr_in($port, inet_aton($address))) { ended($peer, 'open') }
      elsif ($! != EINPROGRESS) { ended($peer, said($!)) }
    }
  } else {
    $open = 0;
  }
  my $waiting = grep { keys %{$asked{$_} // {}} < $left{$_} } keys %left;
  last unless $open || ($waiting && $now - $begin < $listens);
  my ($reads, $writes) = ('', '');
  vec($reads, fileno $_, 1) = 1 for values %listener;
  vec($writes, fileno $_, 1) = 1 for values %socket;
  select $reads, $writes, undef, 0.05;
  for my $port (keys %listener) {
    while (my $from = accept my $peer, $listener{$port}) {
      $asked{$port}{(sockaddr_in($from))[1]} = 1;
    }
  }
  for my $peer (keys %socket) {
    next unless vec $writes, fileno $socket{$peer}, 1;
    my $error = unpack 'i', getsockopt $socket{$peer}, SOL_SOCKET, SO_ERROR;
    ended($peer, $error ? said($error) : 'open');
  }
}
print "$_ ", $answer{$_} // 'silent', "\\n" for @peers;
printf "asked %.2f\\nlived %.2f\\n", $asking, now() - $begin;
`;

/** What a port answered to one host: in the words of the kernel where it is neither open, silent nor refused. */
export type Answer = string;

export interface Asked {
  /** By `ADDRESS:PORT`. */
  readonly answers: ReadonlyMap<string, Answer>;
  /** Ports on which it listened for a moment, and those on which somebody listens already. */
  readonly listened: readonly number[];
  readonly taken: readonly number[];
  /** Seconds for which it asked, and for which it listened. */
  readonly asked: number;
  readonly lived: number;
}

export interface Asking {
  readonly own: string;
  /** Ports to listen on, with the number of hosts that ask there. */
  readonly counts: ReadonlyMap<number, number>;
  /** `ADDRESS:PORT` */
  readonly peers: readonly string[];
}

/** Opens what nobody listens on for some seconds, and asks all others. */
export async function askPorts(view: View, { own, counts, peers }: Asking): Promise<Asked> {
  const listen = [...counts].map((pair) => pair.join(':')).join(',');
  const words = cmd`perl -e ${ASK} ${own} ${LISTENS} ${TRIES} ${listen} ${peers}`;
  return answersIn(
    await view.read({ ...words, title: 'a script that asks the other hosts for their ports' }),
  );
}

export function answersIn(text: string): Asked {
  const lines = text.split('\n').filter(Boolean);
  const pairs = lines.map(
    (line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const,
  );
  const all = (key: string) => pairs.flatMap(([word, rest]) => (word === key ? [Number(rest)] : []));
  return {
    answers: new Map(pairs.filter(([word]) => word.includes(':'))),
    listened: all('listened'),
    taken: all('taken'),
    asked: all('asked')[0] ?? 0,
    lived: all('lived')[0] ?? 0,
  };
}
