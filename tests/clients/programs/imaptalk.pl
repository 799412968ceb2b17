# Mail::IMAPTalk, made by FastMail against Cyrus: every call but those for FastMail's own extensions.
use strict;
use warnings;
use Mail::IMAPTalk;
use IO::Socket::INET;
use IO::Socket::SSL;
use JSON::PP;
$| = 1;
my ($host, $port, $tls_port, $password, $certificate) = @ARGV;
my $json = JSON::PP->new->canonical->allow_nonref->allow_blessed->latin1;
sub show { my ($what, $value) = @_; my $text = ref $value ? $json->encode($value) : defined $value ? $value : 'undef'; $text =~ s/\r//g; $text =~ s/\n/|/g; print "$what: $text\n"; }
sub attempt { my ($what, $call) = @_; my $value = eval { $call->() }; show($what, $@ ? "died $@" : $value); }
sub client {
  my (%more) = @_;
  return Mail::IMAPTalk->new(Server => $host, Port => $port, Username => 'bovik', Password => $password, Uid => 1, Timeout => 100, PreserveINBOX => 1, %more)
    || die 'connect: ' . ($@ || 'failed') . "\n";
}
sub mail {
  my ($n) = @_;
  return "From: \"Ann $n\" <ann$n\@example.org>\r\nTo: Group: a\@example.org, b\@example.org;\r\nSubject: " . ($n % 2 ? 'Re: ' : '') . 'talk ' . int($n / 2) . "\r\nMessage-ID: <talk$n\@x>\r\n"
    . ($n % 2 ? 'In-Reply-To: <talk' . ($n - 1) . "\@x>\r\nReferences: <talk" . ($n - 1) . "\@x>\r\n" : '')
    . "Date: Tue, 14 Nov 2023 22:13:2$n +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\npreamble\r\n"
    . "--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n--inner\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nw=F6rter $n\r\n"
    . "--inner\r\nContent-Type: text/html\r\n\r\n<p>html $n</p><img src=\"cid:pic$n\">\r\n--inner--\r\n"
    . "--outer\r\nContent-Type: image/png; name=\"p.png\"\r\nContent-ID: <pic$n>\r\nContent-Disposition: inline; filename=\"p.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
    . "--outer\r\nContent-Type: message/rfc822\r\n\r\nSubject: deep $n\r\nFrom: deep\@example.org\r\nContent-Type: multipart/mixed; boundary=deep\r\n\r\n--deep\r\n\r\nd$n\r\n--deep--\r\n--outer--\r\n";
}
sub flags { my ($fetched) = @_; return { map { $_ => [sort grep { $_ ne '\\Recent' } @{ $fetched->{$_}{flags} }] } keys %$fetched }; }

my $c = client();
attempt('state', sub { $c->state });
attempt('uid', sub { $c->uid });
attempt('is_open', sub { $c->is_open ? 1 : 0 });
attempt('capability', sub { my $k = $c->capability; return [map { $k->{$_} ? 1 : 0 } qw(imap4rev1 acl quota literal+ uidplus sort idle metadata annotatemore nosuch)] });
attempt('namespace', sub { $c->namespace });
attempt('unicode folders', sub { $c->set_unicode_folders(1) ? 1 : 0 });
attempt('noop', sub { $c->noop });
attempt('enable', sub { $c->enable('condstore') });
attempt('id', sub { defined $c->id('name', 'imaptalk', 'version', undef) ? 1 : $c->get_last_error });
for my $name ('INBOX', 'Talk', 'Talk/Deep', "Talk/Entw\x{fc}rfe", 'With space', 'R&D') { attempt("create " . $json->encode($name), sub { $c->create($name) }); }
attempt('create error', sub { $c->get_last_error });
attempt('list', sub { [sort map { "$_->[2] " . join ' ', sort map { ref $_ ? @$_ : $_ } $_->[0] } @{ $c->list('', '*') }] });
attempt('list one level', sub { [sort map { $_->[2] } @{ $c->list('Talk/', '%') }] });
attempt('subscribe', sub { $c->subscribe("Talk/Entw\x{fc}rfe") });
attempt('subscribe 2', sub { $c->subscribe('With space') });
attempt('lsub', sub { [sort map { $_->[2] } @{ $c->lsub('', '*') }] });
attempt('unsubscribe', sub { $c->unsubscribe('With space') });
attempt('lsub after', sub { [sort map { $_->[2] } @{ $c->lsub('', '*') }] });
attempt('xlist', sub { $c->xlist('', '%') ? 1 : $c->get_last_error });
attempt('rename', sub { $c->rename('Talk/Deep', 'Talk/Deeper') });
attempt('delete', sub { $c->delete('R&D') });
attempt('delete nothing', sub { $c->delete('Nosuch') });
attempt('localdelete', sub { $c->localdelete('With space') });
attempt('last error', sub { $c->get_last_error });
attempt('completion', sub { $c->get_last_completion_response });

for my $n (0 .. 7) {
  my $text = mail($n);
  my @more = $n % 3 == 0 ? () : ('(\\Seen $Label' . $n % 3 . ')', ' 7-Nov-2023 10:00:0' . $n . ' +0000');
  attempt("append $n", sub { $c->append('Talk', @more, { Literal => $text } ) });
}
attempt('append response', sub { $c->get_response_code('appenduid')->[1] });
attempt('append to nothing', sub { $c->append('Nosuch', { Literal => mail(1) }) });
attempt('trycreate', sub { $c->get_response_code('trycreate') ? 1 : 0 });
attempt('select', sub { $c->select('Talk') });
attempt('select codes', sub { [map { my $v = $c->get_response_code($_); ref $v ? [sort @$v] : $v } qw(exists recent permanentflags uidnext unseen highestmodseq foldermode)] });
attempt('message_count', sub { $c->message_count('Talk') });
attempt('status', sub { $c->status('Talk', '(messages unseen uidnext recent highestmodseq)') });
attempt('status nothing', sub { $c->status('Nosuch', '(messages)') });
attempt('multistatus', sub { my $r = $c->multistatus('(messages uidnext)', 'INBOX', 'Talk', 'Nosuch'); return { map { $_ => ref $r->{$_} eq 'SCALAR' ? ${ $r->{$_} } : $r->{$_} } keys %$r } });
attempt('fetch flags', sub { flags($c->fetch('1:*', '(flags)')) });
attempt('fetch dates', sub { my $r = $c->fetch('2,3', '(internaldate modseq)'); return { map { $_ => $r->{$_}{'internaldate'} } 2 } });
attempt('fetch envelope', sub { $c->fetch(2, 'envelope')->{2}{envelope} });
attempt('fetch bodystructure', sub { $c->fetch(2, 'bodystructure')->{2}{bodystructure} });
attempt('fetch parts', sub { my $r = $c->fetch(2, '(body.peek[1.1] body.peek[2.mime] body.peek[3.header] body.peek[3.1]<0.1> body.peek[1.2.mime])')->{2}; delete $r->{uid}; return $r });
attempt('fetch binary', sub { my $r = $c->fetch(2, '(binary.peek[1.1] binary.size[2])')->{2}; delete $r->{uid}; return $r });
attempt('fetch one header', sub { $c->fetch(2, 'body.peek[header]')->{2}{body} });
attempt('fetch nothing', sub { $c->fetch('100', 'flags') });
attempt('changedsince', sub { [sort { $a <=> $b } keys %{ $c->fetch('1:*', '(flags)', ['changedsince', 5]) }] });
attempt('search', sub { $c->search('not', 'seen') });
attempt('search subject', sub { $c->search('subject', { Quote => 'talk 1' }) });
attempt('search body', sub { $c->search('charset', 'utf-8', 'body', { Literal => "w\xc3\xb6rter 3" }) });
attempt('search charset', sub { $c->search('charset', 'iso-8859-1', 'body', { Literal => "W\xd6RTER" }) });
attempt('search dates', sub { $c->search('senton', '14-Nov-2023', 'or', 'since', '8-Nov-2023', 'larger', 500) });
attempt('search list', sub { $c->search('or', ['from', 'ann1', 'subject', 'talk'], 'keyword', '$Label2') });
attempt('sort', sub { $c->sort('(reverse size)', 'utf-8', 'all') });
attempt('sort more', sub { $c->sort('(subject reverse arrival)', 'us-ascii', 'not', 'seen') });
attempt('thread', sub { $c->thread('references', 'utf-8', 'all') });
attempt('thread subject', sub { $c->thread('orderedsubject', 'utf-8', 'not', 'answered') });
attempt('store', sub { flags($c->store('1:3', '+flags', '(\\Flagged $Talk)')) });
attempt('store silent', sub { $c->store('4', 'flags.silent', '()') });
attempt('store as array', sub { flags($c->store([5, 6], '-flags', ['\\Seen'])) });
attempt('store unchangedsince', sub { $c->store('1:8', '(unchangedsince 9)', '+flags', '(\\Answered)') ? 1 : $c->get_last_error });
attempt('modified', sub { my $m = $c->get_response_code('modified'); ref $m ? join ',', @$m : $m });
attempt('all flags', sub { flags($c->fetch('1:*', 'flags')) });
attempt('copy', sub { $c->copy('1:2', 'Talk/Deeper') });
attempt('copyuid', sub { my $r = $c->get_response_code('copyuid'); [@$r[1, 2]] });
attempt('move', sub { $c->move('7', 'Talk/Deeper') });
attempt('delete one', sub { $c->store('5:6', '+flags', '(\\Deleted)') ? 1 : 0 });
attempt('uidexpunge', sub { $c->uidexpunge('5') });
attempt('expunge', sub { $c->expunge });
attempt('what is left', sub { $c->search('all') });
attempt('check', sub { $c->check });
attempt('parsed envelope', sub { $c->parse_mode(Envelope => 1); my $e = $c->fetch(2, 'envelope')->{2}{envelope}; $c->parse_mode(Envelope => 0); return $e });
attempt('parsed structure', sub { $c->parse_mode(BodyStructure => 1); my $b = $c->fetch(2, 'bodystructure')->{2}{bodystructure}; $c->parse_mode(BodyStructure => 0); return [map { "$_->{'MIME-Type'}/$_->{'MIME-Subtype'} $_->{'IMAP-Partnum'}" } @{ $b->{'MIME-Subparts'} }] });

attempt('setacl', sub { $c->setacl('Talk', 'wes', 'lrs') });
attempt('setacl add', sub { $c->setacl('Talk', 'wes', '+wi') });
attempt('setacl remove', sub { $c->setacl('Talk', 'wes', '-s') });
attempt('setacl as documented', sub { $c->setacl('Talk', 'anyone', 'lrswipcd') });
attempt('getacl', sub { $c->getacl('Talk') });
attempt('myrights', sub { $c->myrights('Talk') });
attempt('deleteacl', sub { $c->deleteacl('Talk', 'wes') });
attempt('getacl after', sub { $c->getacl('Talk') });
attempt('setacl for nobody', sub { $c->setacl('Talk', 'wes', 'lr?') });
attempt('getquotaroot', sub { my $r = $c->getquotaroot('Talk'); return { map { $_ => $_ eq 'quotaroot' ? $r->{$_} : [@{ $r->{$_} }[0, 2]] } keys %$r } });
attempt('getquota', sub { my @r = $c->getquota('INBOX'); return $c->get_last_error || \@r });
attempt('setquota', sub { $c->setquota('INBOX', '(storage 5)') });
my $admin = client(Username => 'cyrus');
attempt('admin, setquota', sub { $admin->setquota('user/wes', '(storage 5000 message 30)') });
attempt('admin, getquota', sub { [$admin->getquota('user/wes')] });
attempt('admin, remove it', sub { $admin->setquota('user/wes', '()') });
attempt('admin, getquota after', sub { [$admin->getquota('user/wes')] });
attempt('admin, list', sub { [sort map { $_->[2] =~ s/[0-9A-F]{8}$/STAMP/r } @{ $admin->list('', '*') }] });
$admin->logout;
attempt('setmetadata', sub { $c->setmetadata('Talk', '/private/comment', 'my own', '/shared/comment', 'ours') });
attempt('getmetadata', sub { $c->getmetadata('Talk', '/private/comment', '/shared/comment') });
attempt('getmetadata depth', sub { $c->getmetadata('Talk', { depth => 'infinity' }, '/shared')->{Talk}{'/shared/comment'} });
attempt('multigetmetadata', sub { my $r = $c->multigetmetadata(['/private/comment'], 'Talk', 'INBOX', 'Nosuch'); return { map { $_ => ref $r->{$_} eq 'SCALAR' ? ${ $r->{$_} } : $r->{$_} } keys %$r } });
attempt('setmetadata nil', sub { $c->setmetadata('Talk', '/private/comment', undef) });
attempt('getmetadata after', sub { $c->getmetadata('Talk', '/private/comment') });
attempt('getmetadata server', sub { $c->getmetadata('', '/shared/comment') });
attempt('setannotation', sub { $c->setannotation('Talk', '/comment', ['value.priv', 'by annotation']) });
attempt('getannotation', sub { $c->getannotation('Talk', '/comment', 'value.priv') });
attempt('getannotation *', sub { $c->getannotation('Talk', '/comment', '*') });
my $other = client();
my @events;
my $expected = 0;
attempt('idle', sub {
  my $turn = 0;
  $c->idle(sub { my ($what, @more) = @_; push @events, lc $what; return 1 }, 0.5) for 1;
  return $c->get_response_code('timeout') ? 'timed out' : 'ended';
});
attempt('while idle', sub {
  my $child = fork // die "fork: $!";
  if (!$child) { sleep 1; my $o = client(); $o->append('Talk', { Literal => mail(8) }); $o->logout; require POSIX; POSIX::_exit(0); }
  $c->idle(sub { my ($what) = @_; push @events, lc $what; return lc $what eq 'exists' || (ref $_[1] && 0) }, 90);
  waitpid $child, 0;
  return $c->get_response_code('exists') // $c->message_count('Talk');
});
attempt('expunged by another', sub { $other->select('Talk'); $other->store(1, '+flags', '(\\Deleted)'); $other->expunge; $c->noop; $c->search('all') });
attempt('examine', sub { $c->examine('Talk') ? $c->get_response_code('foldermode') : $c->get_last_error });
attempt('store in examine', sub { $c->store(2, '+flags', '(\\Seen)') });
attempt('unselect', sub { $c->unselect ? 1 : $c->get_last_error });
attempt('by number', sub { $c->uid(0); $c->select('Talk'); my $r = $c->fetch('1:2', '(uid flags)'); return { map { $_ => $r->{$_}{uid} } keys %$r } });
attempt('close', sub { $c->close });
attempt('state in the end', sub { $c->state });
attempt('root folder', sub { $c->set_root_folder('Talk', '/') ; $c->select('Deeper') ? $c->get_response_code('exists') : $c->get_last_error });
attempt('obliterate', sub { my $o = client(); $o->obliterate('Talk/Deeper') ; [sort map { $_->[2] } @{ $o->list('', '*') }] });
attempt('logout', sub { $c->logout });

attempt('wrong password', sub { client(Password => 'wrong') ? 1 : 0 });
attempt('tls', sub { client(Server => undef, Port => undef, Socket => IO::Socket::SSL->new(PeerAddr => 'localhost', PeerPort => $tls_port, SSL_ca_file => $certificate))->select('Talk') });
attempt('preserved socket', sub {
  my $first = client(); my $socket = $first->release_socket(1);
  my $again = Mail::IMAPTalk->new(Socket => $socket, State => Mail::IMAPTalk::Authenticated(), Uid => 1) or die "again: $@\n";
  return $again->message_count('Talk');
});
show('end', 1);
