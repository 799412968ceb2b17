#!/usr/bin/env python3
"""Mail::IMAPClient, on which imapsync and many scripts stand: every call that speaks to the server, plain, by STARTTLS and TLS,
with COMPRESS; folders, appends, flags, fetches, searches, sort and thread, copy and move, ACLs, quotas, IDLE, UIDs and
message numbers; then a migration of a folder from one account into another."""
import mail_site
from mail_site import HOST, PASSWORD, message

PROGRAM = r"""
use strict;
use warnings;
use Mail::IMAPClient;
my ($host, $port, $tls_port, $password, $certificate) = @ARGV;
sub show { my ($what, @values) = @_; print "$what: ", join(' ', map { defined $_ ? $_ : 'undef' } @values), "\n"; }
sub must { my ($client, $what, $value) = @_; die "$what: " . ($client->LastError || 'failed') . "\n" unless defined $value; $value }
sub client {
  my (%more) = @_;
  my $client = Mail::IMAPClient->new(Server => $host, Port => $port, User => 'bovik', Password => $password, Uid => 1,
                                     Peek => 1, Timeout => 60, %more) or die "connect: $@\n";
  return $client;
}
my $c = client();
show('authenticated', $c->IsAuthenticated ? 1 : 0);
show('separator', $c->separator);
show('capable', map { $c->has_capability($_) ? 1 : 0 } qw(IMAP4rev1 IDLE UIDPLUS SORT QUOTA ACL MOVE NOSUCH));
must($c, 'create', $c->create($_)) for ('Perl', 'Perl/Deep', 'Perl/Deep/er', 'A name [odd]', 'R&-D');
show('exists', map { $c->exists($_) ? 1 : 0 } ('Perl', 'Perl/Deep', 'Nosuch', 'A name [odd]'));
show('parent', map { $c->is_parent($_) ? 1 : 0 } ('Perl', 'Perl/Deep/er'));
show('folders', sort map { "<$_>" } $c->folders);
must($c, 'subscribe', $c->subscribe('Perl'));
show('subscribed', sort $c->subscribed);
my @uids;
for my $n (0 .. 7) {
  my $text = "From: ann\@example.org\r\nTo: bovik\@example.org\r\nSubject: perl $n\r\nMessage-ID: <perl$n\@x>\r\n"
    . ($n % 2 ? "In-Reply-To: <perl" . ($n - 1) . "\@x>\r\nReferences: <perl" . ($n - 1) . "\@x>\r\n" : '')
    . "Date: Tue, 14 Nov 2023 22:13:2$n +0000\r\nContent-Type: text/plain\r\n\r\n" . "line $n\r\n" x ($n + 1);
  push @uids, must($c, 'append', $c->append_string('Perl', $text, $n % 3 ? '' : '\\Seen', '14-Nov-2023 22:13:20 +0000'));
}
show('appended', @uids);
must($c, 'select', $c->select('Perl'));
show('folder', $c->Folder);
show('messages', $c->messages);
show('count', $c->message_count('Perl'), $c->unseen_count('Perl'), scalar $c->recent);
show('uidnext', $c->uidnext('Perl'));
show('uidvalidity', $c->uidvalidity('Perl') > 0 ? 1 : 0);
show('unseen', $c->unseen);
show('seen', $c->seen);
must($c, 'see', $c->see($uids[1], $uids[2]));
must($c, 'flag', $c->set_flag('Flagged', $uids[3]));
must($c, 'keyword', $c->set_flag('$Label1', $uids[3]));
show('flags', sort $c->flags($uids[3]));
my $flags = $c->flags([@uids[0 .. 2]]);
show('flags of', map { $_ . '=' . join('+', sort grep { $_ ne '\\Recent' } @{ $flags->{$_} }) } sort keys %$flags);
must($c, 'unset', $c->unset_flag('$Label1', $uids[3]));
show('size', $c->size($uids[0]));
show('date', $c->date($uids[4]));
show('internaldate', $c->internaldate($uids[4]));
show('subject', $c->subject($uids[5]));
show('message_id', $c->get_header($uids[5], 'Message-Id'));
my $headers = $c->parse_headers([@uids[0, 1]], 'Subject', 'From');
show('headers', map { $headers->{$_}{Subject}[0] } sort keys %$headers);
show('body', map { s/\r\n/|/gr } $c->body_string($uids[2]));
show('bodypart', map { s/\r\n/|/gr } $c->bodypart_string($uids[2], 1, 10));
show('message', length $c->message_string($uids[6]));
my $hash = $c->fetch_hash('UID', 'FLAGS', 'RFC822.SIZE', 'INTERNALDATE', 'BODY[HEADER.FIELDS (SUBJECT)]');
show('fetch_hash', scalar keys %$hash, map { $hash->{$_}{'BODY[HEADER.FIELDS (SUBJECT)]'} =~ /(perl \d)/ } sort keys %$hash);
my $structure = $c->get_bodystructure($uids[0]);
show('bodystructure', $structure ? ($structure->bodytype, $structure->bodysubtype) : 'undef');
my $envelope = $c->get_envelope($uids[0]);
show('envelope', $envelope ? ($envelope->subject, $envelope->messageid) : 'undef');
show('search subject', $c->search(SUBJECT => \'"perl 4"'));
show('search since', $c->since('13-Nov-2023'));
show('search before', $c->before('13-Nov-2023'));
show('search or', $c->search('OR SUBJECT "perl 1" SUBJECT "perl 2"'));
show('search body', $c->search(BODY => \"line 7"));
show('sort', $c->sort('REVERSE SIZE', 'UTF-8', 'ALL'));
my $thread = $c->thread('REFERENCES', 'UTF-8', 'ALL');
show('thread', map { join('-', map { ref $_ ? '(' . join('-', @$_) . ')' : $_ } @$_) } @$thread);
show('copied', $c->copy('Perl/Deep', @uids[0, 1]));
must($c, 'move', $c->move('Perl/Deep', $uids[7]));
must($c, 'expunge', $c->expunge);
show('after move', $c->messages);
must($c, 'delete', $c->delete_message($uids[6]));
must($c, 'uidexpunge', $c->uidexpunge($uids[6]));
show('after expunge', $c->messages);
show('rename', $c->rename('Perl/Deep/er', 'Perl/Else') ? 1 : 0);
must($c, 'setacl', $c->setacl('Perl', 'wes', 'lr'));
my $acl = $c->getacl('Perl');
show('acl', map { "$_=$acl->{$_}" } sort keys %$acl);
must($c, 'deleteacl', $c->deleteacl('Perl', 'wes'));
show('myrights', (join(' ', $c->tag_and_run('MYRIGHTS Perl')) =~ /MYRIGHTS Perl (\w+)/));
show('quota', defined $c->quota('INBOX') ? $c->quota('INBOX') : 'none', defined $c->quota_usage('INBOX') ? 1 : 0);
show('namespace', scalar @{ $c->namespace });
my $tag = $c->idle or die "idle: " . $c->LastError . "\n";
my $other = client();
must($other, 'append', $other->append_string('Perl', "Subject: while idle\r\n\r\nx\r\n"));
my $said = $c->idle_data(90);                            # the real server without its idled looks once a minute
show('idle', grep { /EXISTS/ } @{ $said || [] });
must($c, 'done', $c->done($tag));
$c->Uid(0);
must($c, 'see', $c->see(1));
show('by number', $c->message_count, $c->subject(1));
$c->Uid(1);
must($c, 'close', $c->close);
must($c, 'delete', $c->delete($_)) for ('Perl/Else', 'A name [odd]', 'R&-D');
for my $how ([Starttls => [SSL_ca_file => $certificate]], [Ssl => [SSL_ca_file => $certificate]]) {
  my $secure = client(Server => 'localhost', Port => $how->[0] eq 'Ssl' ? $tls_port : $port, @$how);
  show($how->[0], $secure->select('Perl') ? $secure->message_count : $secure->LastError);
  $secure->logout;
}
for my $mechanism (qw(PLAIN LOGIN CRAM-MD5)) {
  my $login = eval { client(Authmechanism => $mechanism) };
  show($mechanism, $login && $login->select('Perl') ? $login->message_count : $@);
}
my $compressed = client(Compress => 1);
show('compressed', $compressed->select('Perl') ? $compressed->message_count : $compressed->LastError);
show('compressed text', length $compressed->message_string(($compressed->messages)[0]));
my $to = Mail::IMAPClient->new(Server => $host, Port => $port, User => 'wes', Password => $password, Uid => 1) or die "wes: $@\n";
must($to, 'create', $to->create('Migrated'));
must($to, 'select', $to->select('Migrated'));
$c->select('Perl');
must($c, 'migrate', $c->migrate($to, scalar $c->messages, 'Migrated'));
show('migrated', $to->message_count('Migrated'));
$c->logout;
show('end', 1);
"""

WANT = {
    "authenticated": "1", "separator": "/", "capable": "1 1 1 1 1 1 1 0", "exists": "1 1 0 1", "parent": "1 0",
    "folders": '<A name [odd]> <INBOX> <Perl/Deep/er> <Perl/Deep> <Perl> <R&-D>', "subscribed": "Perl",
    "appended": "1 2 3 4 5 6 7 8", "folder": "Perl", "messages": "1 2 3 4 5 6 7 8", "uidnext": "9", "uidvalidity": "1",
    "unseen": "2 3 5 6 8", "seen": "1 4 7", "flags of": "1=\\Seen 2=\\Seen 3=\\Seen", "date": "Tue, 14 Nov 2023 22:13:24 +0000",
    "internaldate": "14-Nov-2023 22:13:20 +0000", "subject": "perl 5", "message_id": "<perl5@x>", "headers": "perl 0 perl 1",
    "body": "line 2|line 2|line 2|", "bodypart": "line 2|li", "bodystructure": "TEXT PLAIN", "envelope": "perl 0 <perl0@x>",
    "search subject": "5", "search since": "1 2 3 4 5 6 7 8", "search or": "2 3", "search body": "7",
    "thread": "1-2 3-4 5-6 7-8", "copied": "1,2", "after move": "1 2 3 4 5 6 7", "after expunge": "1 2 3 4 5 6", "rename": "1",
    "acl": "bovik=lrswipkxtecdan wes=lr", "myrights": "lrswipkxtecdan", "by number": "7 perl 0", "Starttls": "7", "Ssl": "7",
    "PLAIN": "7", "LOGIN": "7", "CRAM-MD5": "7", "compressed": "7", "migrated": "7", "end": "1"}


def check(site, checks):
    site.append("bovik", "INBOX", [message("perl")])
    site.quota("bovik", 10000)
    program = site.file("client.pl", PROGRAM)
    status, said = site.run(["perl", program, HOST, str(site.ports["imap"]), str(site.ports["imaps"]), PASSWORD, site.certificate])
    got = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    checks.true("Mail::IMAPClient", status == 0, "exit %d: %s" % (status, said[-1500:]))
    for what, value in WANT.items():
        checks.equal(what, got.get(what), value)
    checks.has("idle", got.get("idle", ""), r"\d+ EXISTS")
    checks.equal("moved", site.subjects("bovik", "Perl/Deep"), ["perl 0", "perl 1", "perl 7"])
    checks.equal("migrated subjects", site.subjects("wes", "Migrated"), site.subjects("bovik", "Perl"))
    checks.equal("migrated flags", {m.subject: m.flags for m in site.messages("wes", "Migrated").values()},
                 {m.subject: m.flags for m in site.messages("bovik", "Perl").values()})


if __name__ == "__main__":
    mail_site.run(check, users=("bovik", "wes"), programs=("perl",))
