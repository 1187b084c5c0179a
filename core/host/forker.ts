/**
 * A small process that starts all others. Node forks by copying the tables of all its memory, on the thread that does
 * everything else: milliseconds for each process once there are a hundred megabytes, where perl takes a fraction of one.
 * Erlang has `erl_child_setup` for the same reason. When cc dies, however it dies, what it had started is ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { codeOf, Failed } from '../model/failure.ts';

/** Text, or a file on this machine. */
export type Input = string | { readonly file: string };

export interface Start {
  readonly argv: readonly string[];
  /** Beside the variables of cc itself. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly input: Input | undefined;
}

/** Why a program does not run: its folder, its input, that there is no such program, or something else about it. */
export type Refusal = 'folder' | 'input' | 'absent' | 'program';

/** Whoever is told of a process: either that it was refused, or all that it says, its exit, and the end of its output. */
export interface Listener {
  output(stream: 'stdout' | 'stderr', piece: Buffer): void;
  refused(stage: Refusal, why: string): void;
  exited(code: number | null, signal: string | null): void;
  closed(): void;
  /** Nothing more can be known of it. */
  lost(error: Failed): void;
}

export interface Started {
  /** To the process and its group; when it has ended, what is left of the group is killed. */
  signal(name: 'TERM' | 'KILL'): void;
  /** Counts its output as closed, whatever still holds it. */
  drop(): void;
}

/**
 * Messages come as `N length`, then fields as `N length, bytes`; answers go as one letter, `N id`, `N length`, bytes.
 * Perl, because it is on every Debian (perl-base is essential) and starts in two milliseconds; no module is loaded, since
 * that takes as long again: 1 is WNOHANG, 2 ENOENT, 4 EINTR.
 *
 * A child that cannot become its program writes why into a pipe before it ends, so that whoever reaps it finds that there.
 * A signal between `waitpid` and `select` wakes nobody: hence the short sleep while a child without open output has not
 * been reaped, and half a second else. A pipe that select calls writable takes 4096 bytes. Commands are heard last, because
 * a new child gets numbers of files that were just closed, and what select said was about those. Of two streams that both
 * have something to say, standard output is first.
 */
const PROGRAM = String.raw`
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = sub {};
open $null, '<', '/dev/null' or die $!;
pipe $refusals, $refusing or die $!;
sub say_to_cc { $said .= pack 'aNN/a*', @_ }
sub start {
  my ($id, $cwd, $how, $input, $sets, @words) = @_;
  my @env = map { split /=/, $_, 2 } splice @words, 0, $sets;
  my ($out, $to_out, $err, $to_err, $in, $to_in);
  pipe $out, $to_out and pipe $err, $to_err and ($how ne 'text' or pipe $in, $to_in) and defined(my $pid = fork)
    or return say_to_cc('r', $id, "program\0$!");
  become($id, $cwd, $how eq 'file' && $input, $in || $null, $to_out, $to_err, \@env, @words) if !$pid;
  setpgrp $pid, $pid;
  my $child = $child{$pid} = $by_id{$id} = { id => $id, pid => $pid, open => 2 };
  $reader{fileno $out} = [$out, $child, 'o'];
  $reader{fileno $err} = [$err, $child, 'e'];
  $writer{fileno $to_in} = [$to_in, $input, 0] if $to_in;
}
sub become {
  my ($id, $cwd, $file, $in, $out, $err, $env, @words) = @_;
  my $refuse = sub { syswrite $refusing, pack 'Nn/a*', $id, "$_[0]\0$!"; kill 9, $$ };
  setpgrp;
  $SIG{PIPE} = 'DEFAULT';
  while (my ($name, $value) = splice @$env, 0, 2) { $ENV{$name} = $value }
  $cwd eq '' or chdir $cwd or $refuse->('folder');
  $file ? open(STDIN, '<', $file) || $refuse->('input') : open(STDIN, '<&', $in) || $refuse->('program');
  open STDOUT, '>&', $out and open STDERR, '>&', $err or $refuse->('program');
  exec { $words[0] } @words or $refuse->($! == 2 ? 'absent' : 'program');
}
sub forget { my ($child) = @_; delete $by_id{$child->{id}}; say_to_cc('c', $child->{id}, '') }
sub drop {
  my $child = $by_id{$_[0]} or return;
  for (keys %reader) { delete $reader{$_} if $reader{$_}[1] == $child }
  forget($child);
}
sub hear {
  my ($verb, $id, @rest) = unpack '(N/a*)*', $_[0];
  start($id, @rest) if $verb eq 'start';
  drop($id) if $verb eq 'drop';
  my $child = $verb eq 'kill' && $by_id{$id} or return;
  $child->{stopped} = 1;
  kill $rest[0], -$child->{pid};
}
sub listen_to {
  my ($fd) = @_;
  my ($handle, $child, $kind) = @{$reader{$fd} || return};
  my $got = sysread $handle, my $piece, 65536;
  return say_to_cc($kind, $child->{id}, $piece) if $got;
  return if !defined $got && $! == 4;
  delete $reader{$fd};
  forget($child) if !--$child->{open} && $child->{reaped};
}
sub feed {
  my ($fd) = @_;
  my ($handle, $text, $from) = @{$writer{$fd}};
  my $put = syswrite $handle, $text, 4096, $from;
  return if !defined $put && $! == 4;
  $writer{$fd}[2] += $put;
  delete $writer{$fd} if !$put || $writer{$fd}[2] == length $text;
}
sub reap {
  my %status;
  while ((my $pid = waitpid -1, 1) > 0) { $status{$pid} = $? }
  return if !%status;
  my $ready = '';
  vec($ready, fileno $refusals, 1) = 1;
  if (select my $now = $ready, undef, undef, 0) {
    sysread $refusals, my $all, 65536;
    my @all = unpack '(Nn/a*)*', $all;
    while (my ($id, $why) = splice @all, 0, 2) { say_to_cc('r', $id, $why) }
  }
  for (keys %status) {
    my $child = delete $child{$_} or next;
    kill 'KILL', -$_ if $child->{stopped};
    $child->{reaped} = 1;
    say_to_cc('x', $child->{id}, $status{$_});
    forget($child) if !$child->{open};
  }
}
sub answer {
  while (length $said) {
    my $put = syswrite STDOUT, $said;
    return 0 if !defined $put && $! != 4;
    substr $said, 0, $put || 0, '';
  }
  1;
}
for (;;) {
  my ($r, $w) = ('', '');
  vec($r, $_, 1) = 1 for 0, keys %reader;
  vec($w, $_, 1) = 1 for keys %writer;
  my $found = select $r, $w, undef, !%child ? undef : (grep !$_->{open}, values %child) ? 0.005 : 0.5;
  if ($found > 0) {
    vec $r, $_, 1 and listen_to($_) for sort { $reader{$b}[2] cmp $reader{$a}[2] } keys %reader;
    vec $w, $_, 1 and feed($_) for keys %writer;
    if (vec $r, 0, 1) {
      my $got = sysread STDIN, $heard, 65536, length $heard;
      last if defined $got ? !$got : $! != 4;
      while (4 <= length $heard and 4 + (my $n = unpack 'N', $heard) <= length $heard) {
        hear(substr $heard, 4, $n);
        substr $heard, 0, 4 + $n, '';
      }
    }
  }
  reap;
  answer or last;
}
for (values %child) {
  $_->{stopped} = 1;
  kill 'TERM', -$_->{pid};
}
for (1 .. 50) {
  %child or last;
  select undef, undef, undef, 0.1;
  reap;
}
kill 'KILL', map -$_, keys %child;
`;

/** The bytes before an answer's own: a letter, the id, how many follow. */
const HEAD = 9;

const SIGNALS = Object.entries(constants.signals);

/** Processes that are under way, and the one that starts them; it is started with the first. */
const listeners = new Map<number, Listener>();
let forker: ChildProcess | undefined;
let last = 0;

export function start({ argv, env, cwd = '', input }: Start, listener: Listener): Started {
  last = (last % 0xffff_ffff) + 1;
  const id = last;
  if (!forker) forker = opened();
  else if (listeners.size === 0) forkerHolds('ref');
  listeners.set(id, listener);
  const sets = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const from =
    input === undefined ? ['', ''] : typeof input === 'string' ? ['text', input] : ['file', input.file];
  tell('start', String(id), cwd, ...from, String(sets.length), ...sets, ...argv);
  return {
    signal: (name) => tell('kill', String(id), name),
    drop: () => tell('drop', String(id)),
  };
}

function tell(...fields: readonly string[]): void {
  const bytes = fields.map((field) => Buffer.from(field));
  const message = Buffer.allocUnsafe(4 + bytes.reduce((sum, { length }) => sum + 4 + length, 0));
  let at = message.writeUInt32BE(message.length - 4);
  for (const field of bytes) {
    at = message.writeUInt32BE(field.length, at);
    at += field.copy(message, at);
  }
  forker?.stdin?.write(message);
}

/** In a session of its own: Ctrl-C on a terminal is for cc alone, which then says what is to end. */
function opened(): ChildProcess {
  const child = spawn('perl', ['-e', PROGRAM], { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = (why: string, error?: unknown) => {
    if (forker !== child) return;
    forker = undefined;
    const failure =
      codeOf(error) === 'ENOENT'
        ? ({ kind: 'missing-tool', host: 'controller', tool: 'perl', package: 'perl-base' } as const)
        : ({ kind: 'cannot-tell', host: 'controller', what: 'start processes', why } as const);
    const waiting = [...listeners.values()];
    listeners.clear();
    for (const listener of waiting) listener.lost(new Failed(failure, { cause: error }));
  };
  child.on('error', (error) => gone(error.message, error));
  child.on('exit', (code, signal) => gone(`perl ended: ${signal ?? `exit ${code}`}`));
  child.stdin?.on('error', () => {}); // its exit says more
  child.stdout?.on('data', answers());
  return child;
}

/** Takes the answers out of what arrives, however it was cut. */
function answers(): (piece: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    const all = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
    let at = 0;
    while (all.length - at >= HEAD) {
      const end = at + HEAD + all.readUInt32BE(at + 5);
      if (end > all.length) break;
      answered(String.fromCharCode(all[at]!), all.readUInt32BE(at + 1), all.subarray(at + HEAD, end)); // HEAD is there
      at = end;
    }
    rest = all.subarray(at);
  };
}

function answered(kind: string, id: number, bytes: Buffer): void {
  const listener = listeners.get(id);
  if (!listener) return;
  if (kind === 'o') listener.output('stdout', bytes);
  if (kind === 'e') listener.output('stderr', bytes);
  if (kind === 'x') listener.exited(...exitOf(Number(bytes)));
  if (kind === 'r') {
    const [stage, why = ''] = bytes.toString().split('\0');
    ended(id);
    listener.refused(stage as Refusal, why); // one of those that PROGRAM names
  }
  if (kind === 'c') {
    ended(id);
    listener.closed();
  }
}

/** What `wait` says: the number of the signal in the lowest seven bits, else the exit code above the lowest eight. */
function exitOf(status: number): [number | null, string | null] {
  const number = status & 0x7f;
  if (number === 0) return [status >> 8, null];
  return [null, SIGNALS.find(([, value]) => value === number)?.[0] ?? `signal ${number}`];
}

function ended(id: number): void {
  listeners.delete(id);
  if (listeners.size === 0) forkerHolds('unref');
}

/** While it has nothing to do it must not keep cc from ending. */
function forkerHolds(how: 'ref' | 'unref'): void {
  forker?.[how]();
  for (const stream of [forker?.stdin, forker?.stdout])
    (stream as unknown as { [H in typeof how]?: () => void })?.[how]?.(); // sockets, which their types do not say
}
