<?php
/* PHP's imap extension, which is c-client: every function that speaks to a server, IMAP and POP3, plain, STARTTLS and TLS. */
error_reporting(E_ERROR | E_PARSE);
[, $host, $port, $tls_port, $pop_port, $pops_port, $password, $certificate] = $argv;
imap_timeout(IMAP_READTIMEOUT, 20);
function show($what, $value)
{
    if (!is_string($value)) { $value = json_encode($value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR); }
    print $what . ': ' . strtr($value, ["\r" => '', "\n" => '|']) . "\n";
}
function attempt($what, $call)
{
    try { $value = $call(); } catch (Throwable $error) { $value = get_class($error) . ' ' . $error->getMessage(); }
    show($what, $value);
    $said = array_merge(imap_errors() ?: [], imap_alerts() ?: []);
    if ($said) { show("$what, said", preg_replace('/SESSIONID=<[^>]*>/', '', implode(' / ', $said))); }
}
function mail_text($n)
{
    return "From: Ann <ann$n@example.org>\r\nTo: bovik@example.org\r\nSubject: " . ($n % 2 ? 'Re: ' : '') . "=?utf-8?q?Entw=C3=BCrfe?= " . intdiv($n, 2) . "\r\nMessage-ID: <php$n@x>\r\n"
        . ($n % 2 ? "In-Reply-To: <php" . ($n - 1) . "@x>\r\nReferences: <php" . ($n - 1) . "@x>\r\n" : '') . "Date: Tue, 14 Nov 2023 22:13:2$n +0000\r\n"
        . "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nWörter $n\r\n"
        . "--b\r\nContent-Type: image/png; name=p.png\r\nContent-Description: a picture\r\nContent-Disposition: attachment; filename=p.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
        . "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner $n\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\nplain\r\n--i\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--i--\r\n--b--\r\n";
}
$server = "{{$host}:$port/imap/notls}";
$box = imap_open($server . 'INBOX', 'bovik', $password, 0, 1);
attempt('open', fn() => (bool) $box);
attempt('ping', fn() => imap_ping($box));
foreach (['Php', 'Php/Deep', 'Php/' . imap_utf7_encode("Entw\xfcrfe"), 'Two words', 'Php'] as $n => $name) { attempt("create $n $name", fn() => imap_createmailbox($box, $server . $name)); }
attempt('list', function () use ($box, $server) { $l = imap_list($box, $server, '*'); sort($l); return str_replace($server, '', implode(' ', $l)); });
attempt('getmailboxes', function () use ($box, $server) { $o = []; foreach (imap_getmailboxes($box, $server, '*') as $m) { $o[str_replace($server, '', $m->name)] = $m->delimiter . $m->attributes; } ksort($o); return $o; });
attempt('listscan', function () use ($box, $server) { return imap_listscan($box, $server, '*', 'nothing'); });
attempt('subscribe', fn() => imap_subscribe($box, $server . 'Php/Deep') && imap_subscribe($box, $server . 'Two words'));
attempt('lsub', function () use ($box, $server) { $l = imap_lsub($box, $server, '*'); sort($l); return str_replace($server, '', implode(' ', $l)); });
attempt('getsubscribed', function () use ($box, $server) { $o = []; foreach (imap_getsubscribed($box, $server, '*') as $m) { $o[str_replace($server, '', $m->name)] = $m->delimiter . $m->attributes; } ksort($o); return $o; });
attempt('unsubscribe', fn() => imap_unsubscribe($box, $server . 'Two words'));
attempt('rename', fn() => imap_renamemailbox($box, $server . 'Php/Deep', $server . 'Php/Deeper'));
attempt('delete', fn() => imap_deletemailbox($box, $server . 'Two words'));
attempt('delete nothing', fn() => imap_deletemailbox($box, $server . 'Nosuch'));
for ($n = 0; $n < 8; $n++) { attempt("append $n", fn() => imap_append($box, $server . 'Php', mail_text($n), $n % 3 ? '\\Seen $Php' : null, sprintf('%02d-Nov-2023 10:00:00 +0000', $n + 1))); }
attempt('append to nothing', fn() => imap_append($box, $server . 'Nosuch', mail_text(1)));
attempt('append a large one', fn() => imap_append($box, $server . 'Php/Deeper', mail_text(1) . str_repeat(str_repeat('x', 76) . "\r\n", 20000)));
attempt('reopen', fn() => imap_reopen($box, $server . 'Php'));
attempt('check', function () use ($box) { $c = imap_check($box); return [$c->Driver, $c->Nmsgs, $c->Recent]; });
attempt('num', fn() => [imap_num_msg($box), imap_num_recent($box)]);
attempt('mailboxmsginfo', function () use ($box) { $i = imap_mailboxmsginfo($box); return [$i->Unread, $i->Deleted, $i->Nmsgs, $i->Size]; });
attempt('status', function () use ($box, $server) { $s = (array) imap_status($box, $server . 'Php', SA_ALL); unset($s['uidvalidity']); return $s; });
attempt('status of another', function () use ($box, $server) { $s = (array) imap_status($box, $server . 'Php/Deeper', SA_ALL); unset($s['uidvalidity']); return $s; });
attempt('headers', fn() => imap_headers($box));
attempt('headerinfo', function () use ($box) { $h = imap_headerinfo($box, 2, 40, 40); return [$h->subject, $h->fetchfrom, $h->fetchsubject, $h->in_reply_to, $h->references, $h->Unseen, $h->Recent, $h->MailDate, $h->Size, $h->udate]; });
attempt('fetch_overview', fn() => array_map(function ($o) { return [$o->subject, $o->from, $o->msgno, $o->uid, $o->size, $o->seen, $o->flagged, $o->references ?? null]; }, imap_fetch_overview($box, '1,3:4')));
attempt('fetch_overview by uid', fn() => array_map(fn($o) => $o->uid, imap_fetch_overview($box, '2:5', FT_UID)));
attempt('fetchheader', fn() => imap_fetchheader($box, 1));
attempt('fetchheader internal', fn() => strlen(imap_fetchheader($box, 1, FT_PREFETCHTEXT)));
attempt('fetchstructure', fn() => imap_fetchstructure($box, 1));
attempt('bodystruct', fn() => imap_bodystruct($box, 1, '3.1'));
attempt('fetchbody', fn() => imap_fetchbody($box, 1, '1', FT_PEEK));
attempt('fetchbody 2', fn() => imap_base64(imap_fetchbody($box, 1, '2', FT_PEEK)) === base64_decode('iVBORw0KGgo='));
attempt('fetchbody 3.0', fn() => imap_fetchbody($box, 1, '3.0', FT_PEEK));
attempt('fetchbody 3.2', fn() => imap_fetchbody($box, 1, '3.2', FT_PEEK));
attempt('fetchbody 3.0 mime', fn() => imap_fetchmime($box, 1, '3.2', FT_PEEK));
attempt('body', fn() => md5(imap_body($box, 1, FT_PEEK)));
attempt('savebody', function () use ($box) { $f = fopen('php://temp', 'w+'); imap_savebody($box, $f, 2, '', FT_PEEK); rewind($f); return stream_get_contents($f) === mail_text(1); });
attempt('uid and msgno', fn() => [imap_uid($box, 3), imap_msgno($box, 3)]);
foreach (['ALL', 'UNSEEN', 'SUBJECT "Re:"', 'BODY "Wörter 3"', 'KEYWORD $Php', 'SINCE "5-Nov-2023"', 'BEFORE "3-Nov-2023"', 'FROM "ann2"', 'NEW', 'TEXT "inner 4"', 'DELETED'] as $query) {
    attempt("search $query", fn() => imap_search($box, $query, SE_UID, 'UTF-8'));
}
foreach (['SORTDATE' => SORTDATE, 'SORTARRIVAL' => SORTARRIVAL, 'SORTFROM' => SORTFROM, 'SORTSUBJECT' => SORTSUBJECT, 'SORTTO' => SORTTO, 'SORTCC' => SORTCC, 'SORTSIZE' => SORTSIZE] as $what => $key) {
    attempt("sort $what", fn() => imap_sort($box, $key, true, SE_UID, 'ALL', 'UTF-8'));
}
attempt('sort some', fn() => imap_sort($box, SORTSUBJECT, false, 0, 'UNSEEN'));
attempt('thread', fn() => imap_thread($box, SE_UID));
attempt('setflag', fn() => imap_setflag_full($box, '1:2', '\\Flagged \\Answered'));
attempt('setflag by uid', fn() => imap_setflag_full($box, '3,5', '\\Draft', ST_UID));
attempt('clearflag', fn() => imap_clearflag_full($box, '2', '\\Seen'));
attempt('flags', fn() => array_map(fn($o) => $o->seen . $o->flagged . $o->answered . $o->deleted . $o->draft, imap_fetch_overview($box, '1:*')));
attempt('copy', fn() => imap_mail_copy($box, '1:2', 'Php/Deeper'));
attempt('copy by uid', fn() => imap_mail_copy($box, '5', 'Php/Deeper', CP_UID));
attempt('move', fn() => imap_mail_move($box, '4', 'Php/Deeper'));
attempt('copy to nothing', fn() => imap_mail_copy($box, '1', 'Nosuch'));
attempt('delete one', fn() => imap_delete($box, '6', FT_UID));
attempt('delete another', fn() => imap_delete($box, '7'));
attempt('undelete', fn() => imap_undelete($box, '7'));
attempt('expunge', fn() => imap_expunge($box));
attempt('what is left', fn() => imap_search($box, 'ALL', SE_UID));
attempt('in the other', fn() => imap_status($box, $server . 'Php/Deeper', SA_MESSAGES)->messages);
attempt('setacl', fn() => imap_setacl($box, 'Php', 'wes', 'lrs'));
attempt('getacl', fn() => imap_getacl($box, 'Php'));
attempt('setacl nothing', fn() => imap_setacl($box, 'Php', 'wes', ''));
attempt('getacl after', fn() => imap_getacl($box, 'Php'));
attempt('get_quotaroot', function () use ($box) { $q = imap_get_quotaroot($box, 'Php'); return [$q['STORAGE']['limit'], $q['STORAGE']['usage'] > 0]; });
attempt('get_quota as a user', fn() => imap_get_quota($box, 'user/bovik'));
$admin = imap_open($server, 'cyrus', $password, OP_HALFOPEN);
attempt('admin, set_quota', fn() => imap_set_quota($admin, 'user/wes', 3000));
attempt('admin, get_quota', fn() => imap_get_quota($admin, 'user/wes')['STORAGE']);
attempt('admin, close', fn() => imap_close($admin));
attempt('gc', fn() => imap_gc($box, IMAP_GC_ELT | IMAP_GC_ENV | IMAP_GC_TEXTS));
attempt('a large part', function () use ($box, $server) { imap_reopen($box, $server . 'Php/Deeper'); return strlen(imap_body($box, 1)); });
attempt('delete all', fn() => imap_delete($box, '1:*'));
attempt('close', fn() => imap_close($box, CL_EXPUNGE));
foreach (['notls' => [$port, '/imap/notls', $host], 'tls' => [$port, '/imap/tls/validate-cert', 'localhost'], 'novalidate' => [$port, '/imap/tls/novalidate-cert', 'localhost'], 'ssl' => [$tls_port, '/imap/ssl/novalidate-cert', 'localhost'],
          'secure' => [$port, '/imap/notls/secure', $host], 'readonly' => [$port, '/imap/notls/readonly', $host], 'authuser' => [$port, '/imap/notls/authuser=cyrus', $host],
          'pop3' => [$pop_port, '/pop3/notls', $host], 'pop3 tls' => [$pop_port, '/pop3/tls/novalidate-cert', 'localhost'], 'pop3 ssl' => [$pops_port, '/pop3/ssl/novalidate-cert', 'localhost']] as $what => [$p, $flags, $h]) {
    attempt("login $what", function () use ($p, $flags, $h, $password, $what) {
        $b = imap_open("{{$h}:$p$flags}INBOX", 'wes', $password, 0, 1);
        if (!$b) { return false; }
        $out = [imap_num_msg($b), imap_headerinfo($b, 1)->subject, strlen(imap_body($b, 1)), strlen(imap_fetchheader($b, 1)) > 0, imap_uid($b, 1) > 0];
        if (substr($what, 0, 4) == 'pop3') { imap_delete($b, 1); imap_expunge($b); $out[] = imap_num_msg($b); }
        imap_close($b);
        return $out;
    });
}
attempt('wrong password', fn() => imap_open($server . 'INBOX', 'bovik', 'wrong', 0, 1));
foreach (['PLAIN', 'LOGIN', 'CRAM-MD5'] as $wanted) {
    attempt("login $wanted", function () use ($wanted, $server, $password) {
        foreach (array_diff(['PLAIN', 'LOGIN', 'CRAM-MD5'], [$wanted]) as $other) { $off[] = $other; }
        $b = imap_open($server . 'INBOX', 'bovik', $password, 0, 1, ['DISABLE_AUTHENTICATOR' => array_merge($off, ['GSSAPI', 'NTLM'])]);
        return $b ? imap_num_msg($b) : false;
    });
}
show('end', 1);
