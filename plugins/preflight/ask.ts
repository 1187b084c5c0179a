/** How one host asks all others at once: for ports of TCP and UDP, and for packets of a size that nobody on the way may split. */
import { cmd, type View } from '../../core/mod.ts';

/** Seconds that a host listens at most, and that it goes on trying. A first packet that is lost is sent again after one. */
const LISTENS = 5;
const TRIES = 3;

/**
 * OWN LISTENS TRIES COUNTS PEERS...: listens at the address OWN for a moment on each port of COUNTS (`6443:2`: two others will
 * ask) where nobody does, and meanwhile asks all PEERS: `192.0.2.7:6443` is connected to, `192.0.2.7:8472/udp` is sent a word,
 * which whoever listens sends back, and `192.0.2.7:1500/ping` a packet of so many bytes that must not be split, which its kernel
 * sends back. It ends when all have answered and asked, and SIGALRM ends it in any case. What does not answer is asked again, since
 * the other host may begin later.
 *
 * Prints `listened|taken|failed PORT`, `PEER open|silent|refused|WORDS`, and how long it did either.
 */
export const ASK = `use strict;
use Socket;
use Errno qw(EINPROGRESS ECONNREFUSED EADDRINUSE);
use Fcntl;
my ($own, $listens, $tries, $counts, @peers) = @ARGV;
alarm $listens + 2;
sub now { open my $file, '<', '/proc/uptime' or die "/proc/uptime: $!"; (split ' ', <$file>)[0] }
sub opened {
  my ($type, $protocol) = @_;
  socket my $socket, PF_INET, $type, $protocol || 0 or return;
  fcntl $socket, F_SETFL, O_NONBLOCK or die "fcntl: $!";
  $socket;
}
my $word = 'cc-preflight';
my (%left, %asked, %listener);
for (split /,/, $counts) {
  my ($label, $count) = split /:/;
  my ($port, $kind) = split m{/}, $label;
  my $socket = opened($kind ? SOCK_DGRAM : SOCK_STREAM) or die "socket: $!";
  setsockopt $socket, SOL_SOCKET, SO_REUSEADDR, 1 unless $kind;
  if (bind($socket, sockaddr_in($port, inet_aton($own))) && ($kind || listen($socket, 128))) {
    $listener{$label} = $socket;
    $left{$label} = $count;
    print "listened $label\\n";
  } else {
    print $! == EADDRINUSE ? 'taken' : 'failed', " $label\\n";
  }
}
my $begin = now();
my (%socket, %answer, %again, $icmp, %number);
@again{@peers} = map { $begin } @peers;
@number{@peers} = 0 .. $#peers;
sub ended {
  my ($peer, $answer) = @_;
  $answer{$peer} = $answer;
  delete $again{$peer};
  $again{$peer} = now() + 0.1 unless $answer eq 'open';
}
sub said { my $error = shift; $error == ECONNREFUSED ? 'refused' : do { local $! = $error; "$!" } }
sub echo {
  my ($number, $size) = @_;
  my $bytes = pack('CCnnn', 8, 0, 0, $$ & 0xffff, $number) . "\\0" x ($size - 28);
  my $sum = 0;
  $sum += $_ for unpack 'n*', $bytes . "\\0";
  $sum = ($sum & 0xffff) + ($sum >> 16) for 1, 2;
  substr $bytes, 2, 2, pack 'n', ~$sum & 0xffff;
  $bytes;
}
# IP_MTU_DISCOVER is 10, and IP_PMTUDISC_PROBE, 3, has nobody split a packet, whatever is known of the way.
sub pinger {
  $icmp //= opened(SOCK_RAW, 1) || '';
  setsockopt $icmp, 0, 10, pack 'i', 3 if $icmp;
  $icmp;
}
my %ask = (
  tcp => sub {
    my ($peer, $to) = @_;
    my $socket = $socket{$peer} = opened(SOCK_STREAM) or die "socket: $!";
    delete $again{$peer};
    return ended($peer, 'open') if connect $socket, $to;
    delete $socket{$peer}, ended($peer, said($!)) if $! != EINPROGRESS;
  },
  udp => sub {
    my ($peer, $to) = @_;
    my $socket = $socket{$peer} ||= opened(SOCK_DGRAM) or die "socket: $!";
    $again{$peer} = now() + 0.3;
    connect $socket, $to and send $socket, $word, 0 or ended($peer, said($!));
  },
  ping => sub {
    my ($peer, $to) = @_;
    my (undef, $size) = split m{[:/]}, $peer;
    $again{$peer} = now() + 0.5;
    return $answer{$peer} = 'nobody may send it here' if !pinger();
    $answer{$peer} = "$!" if !send $icmp, echo($number{$peer}, $size), 0, $to;
  },
);
sub hear_pings {
  while (defined recv $icmp, my $bytes, 65536, 0) {
    $bytes = substr $bytes, 4 * (ord($bytes) & 15);
    my ($type, $code, undef, $id, $number) = unpack 'CCnnn', $bytes;
    my $mtu = $number;
    # A router tells how much goes on, and repeats what it did not send.
    ($id, $number) = unpack 'x4 nn', substr $bytes, 8 + 4 * (ord(substr $bytes, 8, 1) & 15) if $type == 3;
    next if ($id // -1) != ($$ & 0xffff) || $number > $#peers;
    my $peer = $peers[$number];
    ended($peer, 'open') if $type == 0;
    $answer{$peer} = "a router on the way takes $mtu bytes" if $type == 3 && $code == 4;
  }
}
my $asking = 0;
while (1) {
  my $now = now();
  my $open = grep { ($answer{$_} // '') ne 'open' } @peers;
  if ($open && $now - $begin < $tries) {
    $asking = $now - $begin;
    for my $peer (grep { defined $again{$_} && $again{$_} <= $now } @peers) {
      my ($address, $port, $kind) = split m{[:/]}, $peer;
      $ask{$kind || 'tcp'}->($peer, pack_sockaddr_in($port, inet_aton($address)));
    }
  } else {
    $open = 0;
  }
  my $waiting = grep { keys %{$asked{$_} // {}} < $left{$_} } keys %left;
  last unless $open || ($waiting && $now - $begin < $listens);
  my ($reads, $writes) = ('', '');
  vec($reads, fileno $_, 1) = 1 for values %listener, $icmp || ();
  vec(m{/} ? $reads : $writes, fileno $socket{$_}, 1) = 1 for grep { ($answer{$_} // '') ne 'open' } keys %socket;
  select $reads, $writes, undef, 0.05;
  for my $label (keys %listener) {
    if ($label =~ m{/}) {
      while (defined(my $from = recv $listener{$label}, my $bytes, 64, 0)) {
        next if $bytes ne $word;
        send $listener{$label}, $word, 0, $from;
        $asked{$label}{(sockaddr_in($from))[1]} = 1;
      }
    } else {
      while (my $from = accept my $peer, $listener{$label}) {
        $asked{$label}{(sockaddr_in($from))[1]} = 1;
      }
    }
  }
  hear_pings() if $icmp;
  for my $peer (keys %socket) {
    if ($peer =~ m{/}) {
      next unless vec $reads, fileno $socket{$peer}, 1;
      my $got = recv $socket{$peer}, my $bytes, 64, 0;
      ended($peer, defined $got ? 'open' : said($!)) if !defined $got || $bytes eq $word;
    } else {
      next unless vec $writes, fileno $socket{$peer}, 1;
      my $error = unpack 'i', getsockopt $socket{$peer}, SOL_SOCKET, SO_ERROR;
      delete $socket{$peer};
      ended($peer, $error ? said($error) : 'open');
    }
  }
}
print "$_ ", $answer{$_} // 'silent', "\\n" for @peers;
printf "asked %.2f\\nlived %.2f\\n", $asking, now() - $begin;
`;

/** What somebody answered to one host: in the words of the kernel where it is neither open, silent nor refused. */
export type Answer = string;

export interface Asked {
  /** By what was asked: `192.0.2.7:6443`. */
  readonly answers: ReadonlyMap<string, Answer>;
  /** Ports on which it listened for a moment, and those on which somebody listens already. */
  readonly listened: readonly string[];
  readonly taken: readonly string[];
  /** Seconds for which it asked, and for which it listened. */
  readonly asked: number;
  readonly lived: number;
}

export interface Asking {
  readonly own: string;
  /** Ports to listen on, with the number of hosts that ask there. */
  readonly counts: ReadonlyMap<string, number>;
  /** As ASK takes them. */
  readonly peers: readonly string[];
}

/** Opens what nobody listens on for some seconds, and asks all others. */
export async function askAll(view: View, { own, counts, peers }: Asking): Promise<Asked> {
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
  const all = (key: string) => pairs.flatMap(([word, rest]) => (word === key ? [rest] : []));
  return {
    answers: new Map(pairs.filter(([word]) => word.includes(':'))),
    listened: all('listened'),
    taken: all('taken'),
    asked: Number(all('asked')[0] ?? 0),
    lived: Number(all('lived')[0] ?? 0),
  };
}
