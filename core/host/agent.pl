#line 1 "agent.pl"
# The agent: what cc does on one host with the rights of one user, as long as a run lasts. It comes over its own standard
# input and leaves no file. core/README.md, "The agent", has the protocol; agent.ts is the other end.
#
# Two processes: the agent, which starts all others, and the guard, its parent. Should the agent die, the guard ends what it
# had started; should the guard die, the agent does. Locks are the guard's, so that they are free only after that.
# Perl of perl-base, 5.22 and later: no Digest::SHA, no Time::HiRes, no syscall.ph. No module either, for what is loaded is
# copied for each process that is started: Fcntl and warnings (which a test turns on) cost a tenth of starting `true`.
use strict;

# By the number that ELF has for a processor: its name, its calls, and what flags are on it. /proc/self/exe tells it.
my %PROCESSOR = (
  62  => { name => 'x86_64',  prctl => 157, fsync => 74, newfstatat => 262, exit => 231, directory => 0200000, nofollow => 0400000 },
  183 => { name => 'aarch64', prctl => 167, fsync => 82, newfstatat => 79,  exit => 94,  directory => 040000,  nofollow => 0100000 },
);
my ($WNOHANG, $ENOENT, $EINTR, $EAGAIN, $EEXIST, $ENOTDIR, $EINVAL, $EPIPE) = (1, 2, 4, 11, 17, 20, 22, 32);
my ($O_WRONLY, $O_RDWR, $O_CREAT, $O_EXCL, $O_TRUNC, $O_APPEND, $O_NONBLOCK) = (1, 2, 0100, 0200, 01000, 02000, 04000);
my ($O_PATH, $F_SETFL, $F_SETPIPE_SZ, $LOCK_NOW, $SUBREAPER) = (010000000, 4, 1031, 6, 36);
# Seconds that processes have to end after TERM when nobody waits for them any more.
my $GRACE = 3;
# Seconds without a word after which a runner that used to ping is taken for gone: no network says so when it is cut.
my $SILENCE = 30;
my ($elf, $null, $refusals, $refusing, $to_guard, $from_guard, $pids);
my $me = ($> ? getpwuid $> : 'root') || "user $>";
my $processor = do {
  open my $self, '<', '/proc/self/exe';
  ($self && read $self, $elf, 20) == 20 ? $PROCESSOR{unpack 'x18 v', $elf} : undef;
} || { name => 'another processor', directory => 0, nofollow => 0 };
my ($O_DIRECTORY, $O_NOFOLLOW) = @$processor{qw(directory nofollow)};

sub oops { die "$_[0]: $!\n" }

# ---- frames: a length, then fields, each a length and bytes

sub packed { pack '(N/a*)*', map { defined ? $_ : '' } @_ }
sub write_all {
  my ($file, $text) = @_;
  while (length $text) {
    my $put = syswrite $file, $text;
    return 0 if !defined $put && $! != $EINTR;
    substr $text, 0, $put || 0, '';
  }
  1;
}
sub read_some {
  my ($file, $into) = @_;
  my $got;
  do { $got = sysread $file, $$into, 1 << 20, length $$into } until defined $got or $! != $EINTR;
  $got;
}
# The first whole frame of a buffer, as fields; nothing where there is none yet.
sub frame {
  my ($buffer) = @_;
  return if 4 > length $$buffer;
  my $length = unpack 'N', $$buffer;
  return if 4 + $length > length $$buffer;
  my $frame = substr $$buffer, 4, $length;
  substr $$buffer, 0, 4 + $length, '';
  [unpack '(N/a*)*', $frame];
}

# ---- processes and what descends from them

# Of a regular file, and of what it links to: to open a pipe would wait for somebody at its other end.
sub slurp {
  my ($path) = @_;
  sysopen my $file, $path, $O_NONBLOCK or return;
  if (!-f $file) { $! = $EINVAL; return } # "Invalid argument"
  local $/;
  scalar <$file>;
}
# State, parent and start of every process, by pid (proc(5): the name may hold anything, also a parenthesis).
sub processes {
  opendir my $proc, '/proc' or return {};
  +{ map { (slurp("/proc/$_/stat") || '') =~ /.*\) (\S) (\d+) (?:\S+ ){17}(\d+)/s ? ($_ => [$1, $2, $3]) : () }
      grep /^\d+$/, readdir $proc };
}
# Adds to `$known` (pid to start) what descends from its members; answers which of them still run, parents first: one whose
# child is ended before it would go on.
sub living {
  my ($known) = @_;
  my $all = processes();
  my %children;
  push @{ $children{ $all->{$_}[1] } }, $_ for keys %$all;
  my @ahead = grep { $all->{$_} && $all->{$_}[2] eq $known->{$_} } keys %$known;
  my (%seen, @found);
  while (defined(my $pid = shift @ahead)) {
    next if $seen{$pid}++;
    push @found, $pid;
    $known->{$pid} = $all->{$pid}[2];
    push @ahead, @{ $children{$pid} || [] };
  }
  grep { $all->{$_}[0] !~ /[ZX]/ && !($all->{$_}[0] eq 'D' && dying($_)) } @found;
}
# Killed, and gone as soon as the kernel lets it: a disk or a network may keep it for ever.
sub dying { (slurp("/proc/$_[0]/status") || '') =~ /^(?:SigPnd|ShdPnd):\s*[0-9a-f]*[13579bdf][0-9a-f]{2}$/m }
sub started { my ($pid) = @_; my $one = processes()->{$pid}; $one ? $one->[2] : 0 }
# A root adopts what its descendants leave behind (see become), so it is held, and goes last: nothing can slip away.
sub kill_all {
  my ($known, @roots) = @_;
  my %root = map { $_ => 1 } @roots;
  kill 'STOP', @roots;
  for (1 .. 100) {
    my @rest = grep !$root{$_}, living($known) or last;
    kill 'KILL', @rest;
    select undef, undef, undef, 0.01;
  }
  kill 'KILL', @roots;
}
# TERM to all: the root is held meanwhile, so that what it or its descendants start is found, and nothing is missed.
sub term_all {
  my ($known, @roots) = @_;
  my %told = map { $_ => 1 } @roots;
  kill 'STOP', @roots;
  for (1 .. 20) {
    my @new = grep !$told{$_}++, living($known) or last;
    kill 'TERM', @new;
  }
  kill $_, @roots for qw(TERM CONT);
}
# TERM to all, KILL to what is left after a while.
sub end_all {
  my (@roots) = grep $_, @_ or return;
  my $all = processes();
  my %known = map { $all->{$_} ? ($_ => $all->{$_}[2]) : () } @roots;
  term_all(\%known, keys %known);
  for (1 .. 10 * $GRACE) {
    1 while waitpid(-1, $WNOHANG) > 0;
    return if !living(\%known);
    select undef, undef, undef, 0.1;
  }
  kill_all(\%known, grep $known{$_} eq started($_), @roots);
  # A signal that is on its way has ended nothing yet.
  for (1 .. 100) {
    last if !living(\%known);
    select undef, undef, undef, 0.01;
  }
}

# ---- the guard: holds locks, and ends what a dead agent has left

sub guard {
  my ($agent, $from_agent, $to_agent, $pids) = @_;
  $SIG{$_} = 'IGNORE' for qw(INT HUP QUIT PIPE);
  my %ended;
  $SIG{CHLD} = sub { local $!; while ((my $pid = waitpid -1, $WNOHANG) > 0) { $ended{$pid} = $? } };
  open STDIN, '<', '/dev/null';
  open STDOUT, '>', '/dev/null';
  syscall $processor->{prctl}, $SUBREAPER, 1, 0, 0, 0 if $processor->{prctl};
  my (%running, %lock, $heard);
  $heard = '';
  fcntl $pids, $F_SETFL, $O_NONBLOCK;
  for (;;) {
    vec(my $ready = '', fileno $from_agent, 1) = 1;
    my $found = select $ready, undef, undef, 1;
    my $open = $found <= 0 || read_some($from_agent, \$heard);
    sysread $pids, my $news, 1 << 20;
    $_ > 0 ? ($running{$_} = 1) : delete $running{ -$_ } for unpack 'l*', $news;
    while (my $message = frame(\$heard)) {
      my ($verb, $what, @rest) = @$message;
      if ($verb eq 'lock') { write_all($to_agent, pack 'N/a*', packed(locked(\%lock, $what, @rest))) }
      else { unlock(\%lock, $what) }
    }
    last if !$open;
  }
  $SIG{CHLD} = sub { }; # not DEFAULT: of a signal that is on its way perl would say that nobody is there for it
  # Its files are closed before its children are handed on.
  my $status = waitpid($agent, 0) == $agent ? $? : $ended{$agent};
  if (%running) {
    my $all = processes();
    end_all(grep { $all->{$_} && $all->{$_}[1] == $$ } keys %running);
  }
  unlock(\%lock, $_) for keys %lock;
  print STDERR 'the agent was ended by signal ', $status & 127, "\n" if $status & 127;
  exit($status ? 1 : 0);
}
# `taken`; or `held` and what its holder wrote. The file goes with the lock, so it counts only if its name still leads to it.
sub locked {
  my ($lock, $path, $owner) = @_;
  return 'taken' if $lock->{$path};
  my $answer = eval {
    for (1 .. 100) {
      my $name = eval { parent_of($path, 0755) }; # its folder may go with the lock of another, at any moment
      if (!defined $name) { next if $! == $ENOENT; die $@ }
      sysopen my $file, $name, $O_RDWR | $O_CREAT | $O_NOFOLLOW | $O_NONBLOCK, 0644 or $! == $ENOENT ? next : oops($path);
      if (!flock $file, $LOCK_NOW) {
        die "$path: $!\n" if $! != $EAGAIN;
        sysread $file, my $holder, 65536;
        return ['held', $holder] if length $holder;
        select undef, undef, undef, 0.01; # it is about to be written, or to go
        next;
      }
      my @now = lstat $name;
      next if !@now or $now[1] != (stat $file)[1];
      truncate $file, 0;
      write_all($file, $owner);
      $lock->{$path} = $file;
      return ['taken'];
    }
    die "$path: it is always another file\n";
  };
  @{ $answer || ['failed', $@] };
}
sub unlock {
  my ($lock, $path) = @_;
  my $file = delete $lock->{$path} or return;
  unlink $path;
  close $file;
  rmdir $path =~ s{/[^/]*$}{}r;
}

# ---- places: a path is walked by handle, so that nobody can lead cc elsewhere

# Enters the folder of a path, and answers the last part. Links are followed only where root, or the user cc is there, made
# them: that is what a link in a folder that others may write is not. `$make` is the mode of folders that are missing, or a
# sub that hears of each before it is made.
sub parent_of {
  my ($path, $make) = @_;
  my ($above, $last) = $path =~ m{^(/(?:.*/)?)([^/]+)/*$}s or die "$path is no path of a file\n";
  enter($make, 40, grep length, split m{/}, $above);
  $last;
}
sub enter {
  my ($make, $links, @parts) = @_;
  chdir '/' or oops('/');
  my @done;
  while (defined(my $part = shift @parts)) {
    next if $part eq '.';
    my $at = '/' . join '/', @done, $part;
    my @facts = lstat $part;
    if (!@facts && $! == $ENOENT && $make) {
      $make->($at) if ref $make;
      mkdir $part, ref $make ? 0755 : $make or $! == $EEXIST or oops($at);
      @facts = lstat $part;
    }
    @facts or oops($at);
    if (-l _) {
      die "$at: a link of somebody who is neither root nor $me is not followed\n" if $facts[4] && $facts[4] != $>;
      die "$at: it leads in a circle\n" if !$links--;
      my $target = readlink $part;
      defined $target or oops($at);
      unshift @parts, grep length, split m{/}, $target;
      next if $target !~ m{^/};
      chdir '/' or oops('/');
      @done = ();
      next;
    }
    sysopen my $folder, $part, $O_PATH | $O_DIRECTORY | $O_NOFOLLOW or oops($at);
    chdir $folder or oops($at);
    $part eq '..' ? pop @done : push @done, $part;
  }
}
sub unguessable {
  open my $random, '<', '/dev/urandom' or oops('/dev/urandom');
  sysread($random, my $bytes, 16) == 16 or oops('/dev/urandom');
  '.cc-' . unpack 'H*', $bytes;
}
sub run {
  my @words = @_;
  my $pid = fork;
  defined $pid or oops('fork');
  if (!$pid) { exec { $words[0] } @words or print(STDERR "$words[0]: $!\n"), kill 9, $$ }
  waitpid $pid, 0;
  die "$words[0] failed\n" if $?;
}
sub write_file {
  my ($path, $text, $flags) = @_;
  sysopen my $file, $path, $O_WRONLY | $O_CREAT | $O_NOFOLLOW | $O_NONBLOCK | $flags, 0600 or oops($path);
  -f $file or die "$path: it is no regular file\n";
  write_all($file, $text) or oops($path);
  $file;
}
sub owner_of {
  my ($owner) = @_;
  my ($user, $group) = split /:/, $owner, 2;
  my ($uid, $gid) = ($user =~ /^\d+$/ ? ($user, $user) : (getpwnam $user)[2, 3]);
  $gid = $group =~ /^\d+$/ ? $group : getgrnam $group if length($group // '');
  defined $uid && defined $gid ? ($uid, $gid) : die "there is no \"$owner\" here\n";
}

# ---- notes: what cc put where, under its own folder (BASE), by a name for each path (ID)
#
# files/ID: the path; the signature of the file as cc left it and its digest, so that it need not be read again: but for secrets;
# then what cc put there, and into which folder, free of links. An older cc did not write the last.
# replaced/ID: what stood there before. made: folders made on the way, a line each. new/: what is being written, and by whom.

# What changes when a file's content does: inode, size, times of change in nanoseconds. As `stat -c '%i %s %.9Y %.9Z'`.
sub signature {
  my ($path) = @_;
  my $facts = "\0" x 256;
  syscall $processor->{newfstatat}, -100, $path, $facts, 0;
  sprintf '%d %d %d.%09d %d.%09d', unpack 'x8 Q x32 q x32 q q q q', $facts;
}
sub base {
  my ($base) = @_;
  parent_of($base, 0700);
  for ('', '/files', '/replaced', '/new') { mkdir "$base$_", 0700 or $! == $EEXIST or oops("$base$_") }
  my $lock = write_file("$base/lock", '', 0);
  flock $lock, 2;
  abandoned($base);
  $lock;
}
# What a killed writer left half written.
sub abandoned {
  my ($base) = @_;
  opendir my $new, "$base/new" or return;
  for my $id (grep /^[^.]/, readdir $new) {
    my ($pid, $start, $path) = split /\n/, slurp("$base/new/$id") // '', 3;
    next if defined $path && started($pid) eq $start;
    eval { my $name = parent_of($path); run('rm', '-rf', '--one-file-system', '--', "./$name") } if defined $path;
    unlink "$base/new/$id";
  }
}
sub lines { split /\n/, slurp($_[0]) // '' }
# Whose name beside a path this is, for whoever finds it abandoned.
sub note_new {
  my ($note, $path, $name) = @_;
  write_file($note, join("\n", $$, started($$), $path =~ s{[^/]+/*$}{}r . $name), $O_TRUNC);
}
# Enters the folder where something is to be, makes what is missing of it, and answers the name to have and one to begin with.
sub prepared {
  my ($base, $id, $path) = @_;
  my $lock = base($base);
  my $name = parent_of($path, sub { write_file("$base/made", "$_[0]\n", $O_APPEND) });
  my $new = unguessable();
  note_new("$base/new/$id", $path, $new);
  ($name, $new);
}
# A removal that was cut off after it had put back what had been there.
sub restored {
  my ($base, $id) = @_;
  (slurp("$base/files/$id") // '') =~ /\nback\n\z/ && !lstat "$base/replaced/$id";
}
sub here { readlink('/proc/self/cwd') =~ s/\n/?/gr }
sub kind_of { !lstat $_[0] ? '' : -d _ ? 'folder' : -f _ ? 'file' : -l _ ? 'link' : 'special file' }
sub note {
  my ($base, $id, $path, $kind, $signed) = @_;
  write_file("$base/files/$id", "$path\n" . ($signed // '') . "$kind in " . here() . "\n", $O_TRUNC);
}
# Why what stands at a path is not what cc put there, as far as its note tells; false where it is, or where nothing stands.
sub stranger {
  my ($base, $id, $name) = @_;
  my $note = slurp("$base/files/$id") // '';
  my $kept = kind_of("$base/replaced/$id");
  my $now = kind_of($name);
  my ($kind, $folder) = $note =~ /\n(file|folder) in ([^\n]*)\n(?:back\n)?\z/ or return;
  return if !$now && !$kept || $note =~ /\n\Q${\signature($name)}\E [0-9a-f]{64}\n/;
  return "cc put it into $folder, and its path leads into ${\here()} now" if here() ne $folder;
  return if !$now || $now eq $kind || $now eq $kept; # of a change that was cut off, the original still stands there
  "cc put a $kind there, and a $now stands there now";
}
# Keeps what stands at a path, once, and notes that from here on it is cc's. May be cut off anywhere.
sub claim {
  my ($base, $id, $path, $name, $kind) = @_;
  my $old = "$base/replaced/$id";
  if (-e "$base/files/$id" && !restored($base, $id)) {
    my $why = stranger($base, $id, $name);
    die "$path is not cc's: $why. Move it away, and run this again\n" if $why && lstat $old;
    return note($base, $id, $path, $kind) if !$why;
  }
  if (!lstat $old and lstat $name) {
    run('rm', '-rf', '--one-file-system', '--', "$old.part");
    run('cp', '-a', '--', "./$name", "$old.part");
    rename "$old.part", $old or oops($old);
  }
  note($base, $id, $path, $kind);
}

sub record {
  my ($folder, $name, $text) = @_;
  parent_of("$folder/$name", 0700);
  my $file = write_file("$name.new", $text, $O_TRUNC);
  synced($file, "$folder/$name");
  rename "$name.new", $name or oops("$folder/$name");
  sysopen my $here, '.', $O_DIRECTORY or oops($folder);
  synced($here, $folder);
}

# ---- calls: what the agent does itself, each in a process of its own, so that one that hangs can be ended

my @cleanup;
my %CALL = (
  # BASE, then WANT (stat or text), ID, PATH of each; answers a list for each: ok, absent or failed, and facts.
  look => sub {
    my ($base, @asked) = @_;
    my (@found, @unread);
    while (my ($want, $id, $path) = splice @asked, 0, 3) {
      push @found, eval { $want eq 'text' ? text_of($path) : facts_of($base, $id, $path) } || ['failed', $@];
      push @unread, [$path, $found[-1]] if @{ $found[-1] } == 6 && $found[-1][2] eq 'file';
    }
    while (my @some = splice @unread, 0, 500) {
      open my $sums, '-|', 'sha256sum', '--zero', '--', map $_->[0], @some or oops('sha256sum');
      my %sum = do { local $/ = "\0"; map { chomp; reverse split / [ *]/, $_, 2 } <$sums> };
      for (@some) {
        my ($path, $found) = @$_;
        $sum{$path} ? push @$found, $sum{$path} : (@$found = ('failed', "$path cannot be read"));
      }
    }
    print packed(map packed(@$_), @found);
  },

  # BASE ID PATH MODE OWNER DIGEST: standard input becomes the file, at once or not at all, if it is what it should be.
  install => sub {
    my ($base, $id, $path, $mode, $owner, $digest) = @_;
    my ($name, $new) = prepared($base, $id, $path);
    @cleanup = (sub { unlink $new; unlink "$base/new/$id" });
    die "$path: Is a directory\n" if lstat $name and -d _;
    my $file = write_file($new, '', $O_EXCL);
    my $arrived = received($file, $path);
    die "arrived as $arrived, sent as $digest\n" if $arrived ne $digest;
    chown owner_of($owner), $file or oops($path) if length $owner;
    chmod oct($mode || 644), $file or oops($path);
    close $file or oops($path);
    claim($base, $id, $path, $name, 'file');
    rename $new, $name or oops($path);
    # Of a short file that others cannot read it would let a secret be guessed.
    return if !(oct($mode || 644) & 07) && -s $name < 65536;
    note($base, $id, $path, 'file', signature($name) . " $digest\n");
  },

  # BASE ID PATH MODE OWNER: one that somebody else was quicker to make stays theirs.
  folder => sub {
    my ($base, $id, $path, $mode, $owner) = @_;
    my ($name) = prepared($base, $id, $path);
    @cleanup = (sub { unlink "$base/new/$id" });
    if (mkdir $name, 0700) { note($base, $id, $path, 'folder') }
    elsif ($! != $EEXIST)  { oops($path) }
    sysopen my $folder, $name, $O_DIRECTORY | $O_NOFOLLOW or oops($path);
    chown owner_of($owner), $folder or oops($path) if length $owner;
    chmod oct $mode, $folder or oops($path) if length $mode;
  },

  # BASE ID PATH STRIP COMPRESSION DIGEST: standard input, a tar archive, becomes the folder, if it is what it should be.
  unpack => sub {
    my ($base, $id, $path, $strip, $how, $digest) = @_;
    my ($name, $new) = prepared($base, $id, $path);
    @cleanup = (sub { run('rm', '-rf', '--one-file-system', '--', "./$new"); unlink "$base/new/$id" });
    mkdir $new, 0700 or oops($path);
    sysopen my $at, $new, $O_DIRECTORY | $O_NOFOLLOW or oops($path); # by handle: it may be swapped for a link
    (stat $at)[4] == $> or die "$path: somebody else has put a folder there\n";
    fcntl $at, 2, 0; # tar inherits it
    my @words = ('--no-same-owner', "--strip-components=$strip", '-C', '/proc/self/fd/' . fileno $at, '-f', '-');
    open my $tar, '|-', 'tar', '-x', $how, @words or oops('tar');
    local $SIG{PIPE} = 'IGNORE'; # tar need not read what follows the end of the archive
    my $arrived = received($tar, $path);
    my $read = close $tar;
    die "arrived as $arrived, sent as $digest\n" if $arrived ne $digest;
    die "tar failed\n" if !$read;
    chmod 0755, $at or oops($path);
    my @made = lstat $new;
    @made && $made[1] == (stat $at)[1] && $made[0] == (stat _)[0] or die "$path: somebody else has moved it\n";
    claim($base, $id, $path, $name, 'folder');
    my $old = unguessable();
    note_new("$base/new/$id.old", $path, $old);
    push @cleanup, sub { unlink "$base/new/$id.old" };
    local $SIG{TERM} = 'IGNORE'; # neither of the two names may be missing
    my $there = rename $name, $old;
    if (!rename $new, $name) {
      my $why = $!;
      rename $old, $name if $there;
      die "$path: $why\n";
    }
    run('rm', '-rf', '--one-file-system', '--', "./$old") if $there;
  },

  # BASE ID PATH: what cc put there goes, what it had replaced comes back, folders that cc made for it go. What somebody else
  # has put in its place is left, and so is what stands where a link leads that was not there. What a program has
  # mounted below is unmounted; a mount that cannot be ended is no reason to delete what is in it.
  remove => sub {
    my ($base, $id, $path) = @_;
    my $lock = base($base);
    return if !-e "$base/files/$id";
    my %made = map { $_ => 1 } lines("$base/made");
    my $kept = "$base/replaced/$id";
    $! = 0;
    my $name = eval { parent_of($path) };
    die "$path is left: $@" if !defined $name && !absent();
    if (defined $name) {
      my $folder = readlink '/proc/self/cwd';
      my $why = !restored($base, $id) && stranger($base, $id, $name);
      die "$path is left: $why. Move what is not cc's away, and run this again\n" if $why;
      unmount($folder eq '/' ? "/$name" : "$folder/$name");
      run('rm', '-rf', '--one-file-system', '--', "./$name") if !restored($base, $id);
      if (lstat $kept) {
        write_file("$base/files/$id", "back\n", $O_APPEND);
        run('mv', '-T', '--', $kept, "./$name");
      }
      while (delete $made{$folder}) {
        my ($above, $last) = $folder =~ m{^(.*)/([^/]+)$}s;
        chdir '..' && rmdir $last or $made{$folder} = 1, last;
        $folder = $above;
      }
    }
    unlink "$base/files/$id";
    -e $_ or delete $made{$_} for keys %made;
    write_file("$base/made.new", join('', map "$_\n", sort keys %made), $O_TRUNC);
    rename "$base/made.new", "$base/made" or oops("$base/made");
  },

  # BASE: the paths that notes are about.
  notes => sub {
    my ($base) = @_;
    opendir my $all, "$base/files" or $! == $ENOENT ? return : oops("$base/files");
    print packed(map { (split /\n/, slurp("$base/files/$_") // '')[0] // () } sort grep /^[^.]/, readdir $all);
  },

  # FOLDER: the records in it, as name and text; what is no file has none, as a torn record.
  records => sub {
    my ($folder) = @_;
    opendir my $all, $folder or $! == $ENOENT ? return : oops($folder);
    for (grep /^[^.]/, readdir $all) {
      my $text = slurp("$folder/$_");
      print packed($_, $text) if defined $text || $! == $EINVAL && !-d "$folder/$_";
    }
  },
  # FOLDER NAME TEXT: on the disk when this ends.
  record => sub { record(@_) },
  # BASE FOLDER NAME FROM TO: where FROM stands, or nothing and FROM is empty, TO takes its place; answers what stands there then.
  settle => sub {
    my ($base, $folder, $name, $from, $to) = @_;
    my $lock = base($base);
    my $now = slurp("$folder/$name") // ($! == $ENOENT ? '' : oops("$folder/$name"));
    if ($now eq $from) { record($folder, $name, $to); $now = $to }
    print $now;
  },
  # BASE FOLDER NAME: where that was the last one, all of cc's notes go that note nothing any more.
  forget => sub {
    my ($base, $folder, $name) = @_;
    unlink "$folder/$name" or $! == $ENOENT or oops("$folder/$name");
    if (opendir my $all, $folder) {
      return if grep !/^(?:\.|(?:site|key)$)/, readdir $all; # whose they are, and their key, go with the last of them
      unlink "$folder/site", "$folder/key";
      rmdir $folder or return;
    }
    rmdir "$base/$_" for qw(files replaced new);
    return if grep -e "$base/$_", qw(files replaced) or -s "$base/made";
    unlink "$base/lock", "$base/made";
    rmdir $base;
  },
  # MARK: ends all that carry it in their environment; answers how many there were.
  reap => sub {
    my ($mark) = @_;
    my @found = grep { ("\0" . (slurp("/proc/$_/environ") // '')) =~ /\0\Q$mark\E\0/ } keys %{ processes() };
    end_all(@found);
    print scalar @found;
  },
);

sub absent { $! == $ENOENT || $! == $ENOTDIR }
sub text_of {
  my ($path) = @_;
  sysopen my $file, $path, $O_NONBLOCK or return absent() ? ['absent'] : oops($path);
  die "$path: it is no regular file\n" if !-f $file && !-d _;
  local $/;
  my $text = <$file>;
  defined $text ? ['ok', $text] : oops($path);
}
# ok or absent; whether cc put it there; kind, mode, owner, size, and the digest of a file where a note knows it.
sub facts_of {
  my ($base, $id, $path) = @_;
  my $note = slurp("$base/files/$id");
  my $owned = defined $note || lstat "$base/files/$id" ? 1 : 0;
  my @facts = stat $path or return absent() ? ['absent', $owned] : oops($path);
  my $kind = -f _ ? 'file' : -d _ ? 'directory' : 'other';
  my @found = ('ok', $owned, $kind, $facts[2] & 07777, owner_names(@facts[4, 5]), $facts[7]);
  my (undef, $known) = split /\n/, $note // '';
  push @found, $1 if $kind eq 'file' && $known && $known =~ /^\Q${\signature($path)}\E ([0-9a-f]{64})$/;
  \@found;
}
# Each is looked up once: all files of a look have the same few owners.
my (%user, %group);
sub owner_names {
  my ($uid, $gid) = @_;
  ($user{$uid} //= getpwuid $uid // $uid) . ':' . ($group{$gid} //= getgrgid $gid // $gid);
}
# A mount below goes before the one above it; /proc/mounts has spaces and the like in octal.
sub unmount {
  my ($path) = @_;
  my @mounts = map { (split)[1] } lines('/proc/mounts');
  s/\\([0-7]{3})/chr oct $1/ge for @mounts;
  run('umount', '--', $_) for reverse sort grep { $_ eq $path || 0 == index $_, "$path/" } @mounts;
}
sub synced {
  my ($file, $path) = @_;
  syscall($processor->{fsync}, fileno $file) == 0 or oops($path);
}
# Standard input into a file, or a program; answers its digest, which sha256sum makes on the way.
sub received {
  my ($file, $path) = @_;
  pipe my $in, my $to_sum or oops('pipe');
  pipe my $from_sum, my $out or oops('pipe');
  my $pid = fork;
  defined $pid or oops('fork');
  if (!$pid) {
    open STDIN, '<&', $in and open STDOUT, '>&', $out and exec 'sha256sum';
    kill 9, $$;
  }
  close $_ for $in, $out;
  fcntl $to_sum, $F_SETPIPE_SZ, 1 << 20;
  for (;;) {
    my $got = sysread STDIN, my $piece, 1 << 20;
    next if !defined $got && $! == $EINTR;
    die "standard input: $!\n" if !defined $got;
    last if !$got;
    write_all($file, $piece) or $! == $EPIPE or oops($path);
    write_all($to_sum, $piece) or die "sha256sum: $!\n";
  }
  close $to_sum;
  my $sum = <$from_sum> // '';
  waitpid $pid, 0;
  substr $sum, 0, 64;
}
sub call {
  my ($name, @words) = @_;
  binmode $_ for *STDIN, *STDOUT, *STDERR;
  umask 022;
  $SIG{TERM} = sub { die "stopped\n" };
  my $done = eval { $CALL{$name}->(@words); 1 };
  my $why = $@;
  $SIG{TERM} = 'IGNORE';
  eval { $_->() } for @cleanup;
  $done &&= close STDOUT;
  print STDERR $why if !$done;
  close STDERR;
  kill 9, $$ if $why eq "stopped\n";
  syscall $processor->{exit}, $done ? 0 : 1 if $processor->{exit};
  require POSIX; # it takes longer to load than most calls take
  POSIX::_exit($done ? 0 : 1);
}

# ---- the agent: starts processes, feeds them, tells what they say and how they end

my (%child, %by_id, %reader, %writer, $said, $heard, $pinged);
sub uptime { int slurp('/proc/uptime') } # the clock of the host may be set
my ($last, $looked, $alive) = (uptime(), 0, 1);
sub say_to_cc { $said .= pack 'aNN/a*', @_ }
sub tell_guard { write_all($to_guard, pack 'N/a*', packed(@_)) }
# What started, and with a minus sign what ended: the guard looks once a second, and when the agent is gone, so that it is
# not woken by each.
sub note_guard { syswrite $pids, pack 'l', $_[0] }
# ID CALL CWD HOW INPUT SETS, then SETS variables as name=value, then words: of a program, or of the call that is named.
sub start {
  my ($id, $call, $cwd, $how, $input, $sets, @words) = @_;
  my @env = map { split /=/, $_, 2 } splice @words, 0, $sets;
  my ($out, $to_out, $err, $to_err, $in, $to_in);
  my $piped = $how eq 'text' || $how eq 'stream';
  pipe $out, $to_out and pipe $err, $to_err and (!$piped or pipe $in, $to_in) and defined(my $pid = fork)
    or return say_to_cc('r', $id, "program\0$!");
  if (!$pid) {
    close $_ for grep $_, $out, $err, $to_in;
    become($id, $call, $cwd, $how eq 'file' && $input, $in || $null, $to_out, $to_err, \@env, @words);
  }
  setpgrp $pid, $pid;
  my $child = $child{$pid} = $by_id{$id} = { id => $id, pid => $pid, open => 2 };
  $reader{fileno $out} = [$out, $child, 'o'];
  $reader{fileno $err} = [$err, $child, 'e'];
  return if !$piped;
  fcntl $to_in, $F_SETFL, $O_WRONLY | $O_NONBLOCK;
  fcntl $to_in, $F_SETPIPE_SZ, 1 << 20 if $how eq 'stream';
  $child->{in} = $writer{fileno $to_in} = { file => $to_in, id => $id, text => $input, whole => $how eq 'text' };
  shut($child->{in}) if $how eq 'text' && !length $input;
}
sub shut {
  my ($in) = @_;
  delete $writer{ fileno $in->{file} };
  close $in->{file};
  $in->{shut} = 1;
}
# A process adopts what its descendants leave behind, so that all of it is found as long as it lives.
sub become {
  my ($id, $call, $cwd, $file, $in, $out, $err, $env, @words) = @_;
  my $refuse = sub { syswrite $refusing, pack 'Nn/a*', $id, "$_[0]\0$!"; kill 9, $$ };
  setpgrp;
  note_guard($$);
  $SIG{$_} = 'DEFAULT' for qw(INT HUP QUIT PIPE);
  syscall $processor->{prctl}, $SUBREAPER, 1, 0, 0, 0 if $processor->{prctl};
  while (my ($name, $value) = splice @$env, 0, 2) { $ENV{$name} = $value }
  $cwd eq '' or chdir $cwd or $refuse->('folder');
  $file ? open(STDIN, '<', $file) || $refuse->('input') : open(STDIN, '<&', $in) || $refuse->('program');
  open STDOUT, '>&', $out and open STDERR, '>&', $err or $refuse->('program');
  if ($call ne '') {
    close $_ for $in, $out, $err, $to_guard, $from_guard, $pids, $refusals, map({ $_->[0] } values %reader), map({ $_->{file} } values %writer);
    call($call, @words);
  }
  exec { $words[0] } @words or $refuse->($! == $ENOENT || nowhere($words[0]) ? 'absent' : 'program');
}
# PATH may name folders that this user may not enter. Then EACCES may only mean that no other folder has the program.
sub nowhere {
  my ($name) = @_;
  local $!;
  $name !~ m{/} && !grep { -f "$_/$name" } split /:/, $ENV{PATH};
}
sub forget {
  my ($child) = @_;
  my $in = $child->{in};
  shut($in) if $in && !$in->{shut};
  delete $by_id{ $child->{id} };
  say_to_cc('c', $child->{id}, '');
}
sub drop {
  my ($child) = @_;
  for (keys %reader) { delete $reader{$_} if $reader{$_}[1] == $child }
  forget($child);
}
# TERM and KILL are for all that descend from it; a process of a call ends at once, and cleans up.
sub signalled {
  my ($child, $name) = @_;
  return if $child->{reaped}; # its number may be somebody else's by now
  $child->{family} ||= { $child->{pid} => started($child->{pid}) };
  my @root = grep $_ == $child->{pid}, living($child->{family});
  $name eq 'KILL' ? kill_all($child->{family}, @root) : term_all($child->{family}, @root);
}
sub hear {
  my ($verb, $id, @rest) = @_;
  return start($id, @rest) if $verb eq 'start';
  return tell_guard($verb, @rest) if $verb eq 'unlock';
  return $pinged = 1 if $verb eq 'ping';
  if ($verb eq 'lock') {
    tell_guard($verb, @rest);
    my ($answer, $buffer) = (undef, '');
    until ($answer = frame(\$buffer)) { read_some($from_guard, \$buffer) or exit 1 }
    say_to_cc('o', $id, packed(@$answer));
    return say_to_cc('c', $id, '');
  }
  my $child = $by_id{$id} or return;
  drop($child) if $verb eq 'drop';
  signalled($child, $rest[0]) if $verb eq 'signal';
  my $in = $child->{in} or return;
  if ($verb eq 'input') {
    return say_to_cc('i', $id, length $rest[0]) if $in->{shut}; # it goes nowhere, and whoever sends it must not wait
    $in->{text} .= $rest[0];
  }
  $in->{whole} = 1 if $verb eq 'eof';
  shut($in) if $in->{whole} && !length $in->{text} && !$in->{shut};
}
sub listen_to {
  my ($fd) = @_;
  my ($handle, $child, $kind) = @{ $reader{$fd} || return };
  my $got = sysread $handle, my $piece, 65536;
  return say_to_cc($kind, $child->{id}, $piece) if $got;
  return if !defined $got && $! == $EINTR;
  delete $reader{$fd};
  forget($child) if !--$child->{open} && $child->{reaped};
}
sub feed {
  my ($fd) = @_;
  my $to = $writer{$fd};
  my $put = syswrite $to->{file}, $to->{text}, 1 << 20;
  return if !defined $put && ($! == $EINTR || $! == $EAGAIN);
  substr $to->{text}, 0, $put || 0, '';
  say_to_cc('i', $to->{id}, $put) if $put;
  shut($to) if !$put || $to->{whole} && !length $to->{text};
}
# What a stopped process leaves behind has the time that it had.
sub reap {
  my %status;
  while ((my $pid = waitpid -1, $WNOHANG) > 0) { $status{$pid} = $? }
  my $ready = '';
  vec($ready, fileno $refusals, 1) = 1;
  # It answers -1 when a signal comes: nothing is there to be read then, and nobody would end the reading.
  if (%status and 0 < select my $now = $ready, undef, undef, 0) {
    sysread $refusals, my $all, 65536;
    my @all = unpack '(Nn/a*)*', $all;
    while (my ($id, $why) = splice @all, 0, 2) { say_to_cc('r', $id, $why) }
  }
  for (keys %status) { $child{$_}{status} = $status{$_} if $child{$_} }
  for my $pid (grep defined $child{$_}{status}, keys %child) {
    next if $child{$pid}{family} && living($child{$pid}{family});
    my $child = delete $child{$pid};
    note_guard(-$pid);
    $child->{reaped} = 1;
    say_to_cc('x', $child->{id}, $child->{status});
    forget($child) if !$child->{open};
  }
}
# As much as is taken now; whoever does not read must not keep the agent from hearing that its time is over.
sub answer {
  while (length $said) {
    my $put = syswrite STDOUT, $said, 1 << 20;
    return $! == $EAGAIN if !defined $put && $! != $EINTR;
    substr $said, 0, $put || 0, '';
  }
  1;
}

# Whether nothing was heard for too long; asked at most once a second.
sub silent {
  return 0 if $looked == time;
  $looked = time;
  $last = uptime() if $alive;
  $alive = 0;
  uptime() - $last > $SILENCE;
}

# A signal between waitpid and select wakes nobody: hence the short sleep while a child without open output has not been
# reaped, and half a second else. Commands are heard last, because a new child gets numbers of files that were just closed,
# and what select said was about those. Of two streams that both have something to say, standard output is first.
sub serve {
  for (;;) {
    my ($r, $w) = ('', '');
    vec($r, $_, 1) = 1 for 0, fileno $from_guard, length $said < 1 << 20 ? keys %reader : ();
    vec($w, 1, 1) = 1 if length $said;
    for (keys %writer) { vec($w, $_, 1) = 1 if length $writer{$_}{text} }
    my $pause = (grep !$_->{open} && !defined $_->{status}, values %child) ? 0.005 : (grep $_->{family}, values %child) ? 0.05 : 0.5;
    my $found = select $r, $w, undef, %child ? $pause : $pinged ? 5 : undef;
    return if $pinged && silent() && !($found > 0 && vec $r, 0, 1);
    if ($found > 0) {
      return if vec $r, fileno $from_guard, 1;
      vec $r, $_, 1 and listen_to($_) for sort { $reader{$b}[2] cmp $reader{$a}[2] } keys %reader;
      vec $w, $_, 1 and $writer{$_} and feed($_) for keys %writer;
      if (vec $r, 0, 1) {
        read_some(\*STDIN, \$heard) or return;
        $alive = 1;
        while (my $message = frame(\$heard)) { hear(@$message) }
      }
    }
    reap();
    answer() or return;
  }
}

# ---- what everything starts with: a clean environment, two processes

# What a user's shell, perl or npm have put there is not the host's: npm even puts folders first in PATH.
delete @ENV{ grep /^(?:PERL|LC_|LANG|npm_)|^(?:NODE|INIT_CWD|TAR_OPTIONS|GREP_OPTIONS|POSIXLY_CORRECT|BASH_ENV|ENV|CDPATH)$/, keys %ENV };
my %there;
my @usual = map { ("$_/sbin", "$_/bin") } '/usr/local', '/usr', '';
$ENV{PATH} = join ':', grep { m{^/} && !m{/node_modules/} && !$there{$_}++ } split(/:/, $ENV{PATH} // ''), @usual;
$ENV{LC_ALL} = 'C';
umask 022;
binmode $_ for *STDIN, *STDOUT;
($said, $heard) = ('', '');

pipe my $from_agent, $to_guard or oops('pipe');
pipe $from_guard, my $to_agent or oops('pipe');
pipe my $pids_of_agent, $pids or oops('pipe');
fcntl $pids, $F_SETFL, $O_WRONLY | $O_NONBLOCK;
fcntl $pids, $F_SETPIPE_SZ, 1 << 20;
defined(my $agent = fork) or oops('fork');
if ($agent) {
  close $_ for $to_guard, $from_guard, $pids;
  guard($agent, $from_agent, $to_agent, $pids_of_agent);
}
close $_ for $from_agent, $to_agent, $pids_of_agent;
$SIG{$_} = 'IGNORE' for qw(INT HUP QUIT PIPE);
$SIG{CHLD} = sub { };
open $null, '<', '/dev/null' or oops('/dev/null');
pipe $refusals, $refusing or oops('pipe');
fcntl STDOUT, $F_SETFL, $O_WRONLY | $O_NONBLOCK;
say_to_cc('h', 0, packed(1, $^O eq 'linux' ? 'Linux' : $^O, $processor->{name}, $me, scalar slurp('/etc/os-release')));
answer();
serve();
end_all(keys %child);
exit 0;
