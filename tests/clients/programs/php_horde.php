<?php
error_reporting(E_ERROR | E_PARSE);               // with SORT by ESORT the library looks for a count that it did not ask for
spl_autoload_register(function ($class) {
    $file = '/usr/share/php/' . strtr($class, '_\\', '//') . '.php';
    if (file_exists($file)) { require_once $file; }
});
class_exists('Horde_Imap_Client');
[, $host, $port, $tls_port, $pop_port, $pops_port, $password, $certificate] = $argv;

/* As simple as a cache can be. */
class Memory extends Horde_Imap_Client_Cache_Backend
{
    public $data = [], $meta = [];
    public function get($mailbox, $uids, $fields, $uidvalid)
    {
        $out = [];
        foreach ($uids as $uid) { if (isset($this->data[$mailbox][$uid])) { $out[$uid] = $this->data[$mailbox][$uid]; } }
        return $out;
    }
    public function getCachedUids($mailbox, $uidvalid) { return array_keys($this->data[$mailbox] ?? []); }
    public function set($mailbox, $data, $uidvalid)
    {
        foreach ($data as $uid => $fields) { $this->data[$mailbox][$uid] = array_merge($this->data[$mailbox][$uid] ?? [], $fields); }
        $this->meta[$mailbox]['uidvalid'] = $uidvalid;
    }
    public function getMetaData($mailbox, $uidvalid, $entries) { return $this->meta[$mailbox] ?? ['uidvalid' => $uidvalid]; }
    public function setMetaData($mailbox, $data) { $this->meta[$mailbox] = array_merge($this->meta[$mailbox] ?? [], $data); }
    public function deleteMsgs($mailbox, $uids) { foreach ($uids as $uid) { unset($this->data[$mailbox][$uid]); } }
    public function deleteMailbox($mailbox) { unset($this->data[$mailbox], $this->meta[$mailbox]); }
    public function clear($lifetime) { $this->data = $this->meta = []; }
}

function show($what, $value)
{
    if ($value instanceof Horde_Imap_Client_Ids) { $value = $value->tostring; }
    print $what . ': ' . (is_string($value) ? strtr($value, ["\r" => '', "\n" => '|']) : json_encode($value, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES)) . "\n";
}
function attempt($what, $call)
{
    try { show($what, $call()); } catch (Throwable $error) { show($what, get_class($error) . ' ' . $error->getMessage() . ' ' . ($error->details ?? '')); }
}
function client($more = [])
{
    global $host, $port, $password, $certificate;
    return new Horde_Imap_Client_Socket(array_merge(['username' => 'bovik', 'password' => $password, 'hostspec' => $host, 'port' => $port,
        'secure' => false, 'timeout' => 20, 'debug' => getenv('HORDE_DEBUG') ?: null,
        'context' => ['ssl' => ['cafile' => $certificate, 'verify_peer' => true, 'peer_name' => 'localhost']]], $more));
}
function cached($more = [], $memory = null)
{
    return client(array_merge(['cache' => ['backend' => $memory ?? new Memory(), 'fetch_ignore' => []]], $more));
}
function mail_text($n)
{
    return "From: Ann $n <ann$n@example.org>\r\nTo: Bovik <bovik@example.org>\r\nCc: wes@example.org\r\nSubject: " . ($n % 3 ? 'Re: ' : '') . "horde " . ($n % 4)
        . "\r\nMessage-ID: <horde$n@x>\r\n" . ($n % 3 ? "In-Reply-To: <horde" . ($n - $n % 3) . "@x>\r\nReferences: <horde" . ($n - $n % 3) . "@x>\r\n" : '')
        . sprintf("Date: Tue, 14 Nov 2023 22:13:%02d +0000\r\n", 59 - $n) . "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        . "preamble\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nEntwürfe $n\r\n"
        . "--b\r\nContent-Type: application/octet-stream; name=\"a b.bin\"\r\nContent-Disposition: attachment; filename=\"a b.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        . base64_encode(str_repeat(chr($n), 100)) . "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner $n\r\nFrom: deep@example.org\r\n\r\ninner text\r\n--b--\r\n";
}

$c = cached();
$c->login();
show('secure', $c->isSecureConnection());
attempt('capability', fn() => array_map(fn($n) => $c->capability->query($n), ['IMAP4rev1', 'CONDSTORE', 'QRESYNC', 'ESEARCH', 'LIST-STATUS', 'METADATA', 'ACL', 'NOSUCH']));
attempt('thread capability', function () use ($c) { $t = $c->capability->getParams('THREAD'); sort($t); return $t; });
attempt('namespaces', function () use ($c) {
    $out = [];
    foreach ($c->getNamespaces([], ['ob_return' => true]) as $n) { $out[] = $n->name . ' ' . $n->delimiter . ' ' . $n->type; }
    return $out;
});
attempt('id', function () use ($c) { $c->sendID(['name' => 'horde']); return array_key_exists('name', $c->getID()); });
attempt('noop', fn() => $c->noop());

/* Mailboxes. */
foreach (['Horde', 'Horde/Entwürfe', 'Horde/Entwürfe/Tief', 'Quo"te\\d', 'R&D'] as $name) { attempt("create $name", fn() => $c->createMailbox($name)); }
attempt('create special', fn() => $c->createMailbox('Archive', ['special_use' => [Horde_Imap_Client::SPECIALUSE_ARCHIVE]]));
attempt('create twice', fn() => $c->createMailbox('Horde'));
attempt('subscribe', fn() => $c->subscribeMailbox('Horde/Entwürfe'));
attempt('subscribe R&D', fn() => $c->subscribeMailbox('R&D'));
function listing($c, $pattern, $mode, $opts = [])
{
    $out = [];
    foreach ($c->listMailboxes($pattern, $mode, $opts) as $name => $entry) {
        $attributes = $entry['attributes'] ?? [];
        sort($attributes);
        if (isset($entry['status'])) { unset($entry['status']['uidvalidity']); }
        $out[$name] = trim(implode(' ', $attributes) . ' ' . (isset($entry['status']) ? json_encode($entry['status']) : '') . (isset($entry['extended']) ? json_encode($entry['extended']) : ''));
    }
    ksort($out);
    return $out;
}
$all = ['attributes' => true, 'children' => true, 'special_use' => true, 'delimiter' => true];
attempt('list', fn() => listing($c, '*', Horde_Imap_Client::MBOX_ALL, $all));
attempt('list subscribed', fn() => listing($c, '*', Horde_Imap_Client::MBOX_SUBSCRIBED, $all));
attempt('list subscribed that exist', fn() => listing($c, '*', Horde_Imap_Client::MBOX_SUBSCRIBED_EXISTS, $all));
attempt('list unsubscribed', fn() => listing($c, '*', Horde_Imap_Client::MBOX_UNSUBSCRIBED, $all));
attempt('list all and subscribed', fn() => listing($c, ['%', 'Horde/%'], Horde_Imap_Client::MBOX_ALL_SUBSCRIBED, $all));
attempt('list recursive', fn() => listing($c, '%', Horde_Imap_Client::MBOX_SUBSCRIBED, $all + ['recursivematch' => true]));
attempt('list with status', fn() => listing($c, 'Horde*', Horde_Imap_Client::MBOX_ALL, $all + ['status' => Horde_Imap_Client::STATUS_MESSAGES | Horde_Imap_Client::STATUS_UIDNEXT | Horde_Imap_Client::STATUS_UNSEEN | Horde_Imap_Client::STATUS_RECENT | Horde_Imap_Client::STATUS_HIGHESTMODSEQ]));
attempt('list special use', fn() => listing($c, '*', Horde_Imap_Client::MBOX_ALL, ['special_use' => true, 'attributes' => true]));
attempt('list flat sorted', fn() => array_map('strval', array_values($c->listMailboxes('*', Horde_Imap_Client::MBOX_ALL, ['flat' => true, 'sort' => true, 'sort_delimiter' => '/']))));
attempt('rename', fn() => $c->renameMailbox('Horde/Entwürfe/Tief', 'Horde/Tiefer'));
attempt('delete', fn() => $c->deleteMailbox('R&D'));
attempt('delete nothing', fn() => $c->deleteMailbox('Nosuch'));
attempt('list subscribed after delete', fn() => listing($c, '*', Horde_Imap_Client::MBOX_SUBSCRIBED, $all));

/* Messages. */
function mails($from, $to)
{
    $out = [];
    for ($n = $from; $n < $to; $n++) {
        $out[] = ['data' => mail_text($n), 'flags' => $n % 2 ? ['\\seen', '$label' . $n % 3] : [],
                  'internaldate' => new DateTime(sprintf('2023-11-%02d 12:00:00 +0000', $n + 1))];
    }
    return $out;
}
attempt('append', fn() => $c->append('Horde', mails(0, 12)));
attempt('append a stream', function () use ($c) { $f = fopen('php://temp', 'w+'); fwrite($f, mail_text(12)); rewind($f); return $c->append('Horde', [['data' => $f, 'internaldate' => new DateTime('2024-01-01')]]); });
attempt('append parts', fn() => $c->append('Horde', [['internaldate' => new DateTime('2024-01-02'), 'data' => [['t' => 'text', 'v' => "Subject: parts\r\n\r\n"], ['t' => 'text', 'v' => "of text\r\n"]]]]));
attempt('append with create', fn() => $c->append('Made', mails(0, 2), ['create' => true]));
attempt('append to nothing', fn() => $c->append('Nosuch', mails(0, 1)));
attempt('open', fn() => $c->openMailbox('Horde', Horde_Imap_Client::OPEN_READWRITE));
attempt('current', fn() => $c->currentMailbox()['mailbox']->utf8 . ' ' . $c->currentMailbox()['mode']);
attempt('status', function () use ($c) { $s = $c->status('Horde'); unset($s['uidvalidity']); ksort($s); return $s; });
attempt('status all', function () use ($c) {
    $s = $c->status('Horde', Horde_Imap_Client::STATUS_FIRSTUNSEEN | Horde_Imap_Client::STATUS_FLAGS | Horde_Imap_Client::STATUS_PERMFLAGS
        | Horde_Imap_Client::STATUS_HIGHESTMODSEQ | Horde_Imap_Client::STATUS_UIDNOTSTICKY | Horde_Imap_Client::STATUS_UIDNEXT_FORCE | Horde_Imap_Client::STATUS_RECENT_TOTAL);
    sort($s['flags']); sort($s['permflags']); ksort($s);
    return $s;
});
attempt('status of some', function () use ($c) { $s = $c->status(['INBOX', 'Made', 'Horde/Entwürfe'], Horde_Imap_Client::STATUS_MESSAGES | Horde_Imap_Client::STATUS_UIDNEXT); ksort($s); return $s; });
attempt('token', function () use ($c) { global $token; $token = $c->getSyncToken('Horde'); return true; });

function first($results) { foreach ($results as $result) { return $result; } }
function query($how) { $q = new Horde_Imap_Client_Fetch_Query(); $how($q); return $q; }
attempt('fetch everything', function () use ($c) {
    $q = query(function ($q) {
        $q->structure(); $q->envelope(); $q->flags(); $q->imapDate(); $q->size(); $q->uid(); $q->seq(); $q->modseq(); $q->fullText(['peek' => true]);
        $q->headerText(); $q->headerText(['id' => '3']); $q->bodyText(['peek' => true]); $q->bodyText(['id' => '3', 'peek' => true]); $q->mimeHeader('2', ['peek' => true]);
        $q->bodyPart('2', ['decode' => true, 'peek' => true]); $q->bodyPart('1', ['decode' => true, 'peek' => true, 'start' => 2, 'length' => 5]); $q->bodyPartSize('2');
        $q->headers('some', ['Subject', 'Message-ID'], ['peek' => true]); $q->headers('others', ['Subject', 'Date'], ['notsearch' => true, 'peek' => true, 'id' => '3']);
    });
    $r = $c->fetch('Horde', $q, ['ids' => $c->getIdsOb([4, 5])]);
    foreach ($r as $uid => $d) {
        $s = $d->getStructure(); $s->buildMimeIds();
        show("part $uid types", $s->contentTypeMap());
        show("part $uid name", $s->getPart('2')->getName());
        $e = $d->getEnvelope();
        show("envelope $uid", [$e->subject, $e->message_id, $e->in_reply_to, strval($e->from), strval($e->to), strval($e->cc), strval($e->reply_to), $e->date->format('c')]);
        $flags = $d->getFlags(); sort($flags);
        show("data $uid", [$flags, $d->getImapDate()->format('c'), $d->getSize(), $d->getUid(), $d->getSeq(), $d->getModSeq() > 0]);
        show("full $uid", sha1($d->getFullMsg()) === sha1(mail_text($uid - 1)));
        show("header $uid", $d->getHeaderText());
        show("inner header $uid", $d->getHeaderText('3'));
        show("body $uid", md5($d->getBodyText()));
        show("inner body $uid", $d->getBodyText('3'));
        show("mime $uid", $d->getMimeHeader('2'));
        show("part $uid 2", [bin2hex($d->getBodyPart('2')) == bin2hex(str_repeat(chr($uid - 1), 100)), $d->getBodyPartDecode('2'), $d->getBodyPartSize('2')]);
        show("part $uid 1", [bin2hex($d->getBodyPart('1')), $d->getBodyPartDecode('1')]);
        show("some headers $uid", $d->getHeaders('some'));
        show("other headers $uid", $d->getHeaders('others'));
    }
    return count($r);
});
attempt('fetch all flags', function () use ($c) {
    $out = [];
    foreach ($c->fetch('Horde', query(fn($q) => $q->flags())) as $uid => $d) { $f = array_diff($d->getFlags(), ['\\recent']); sort($f); $out[$uid] = implode(' ', $f); }
    return $out;
});
attempt('fetch by number', fn() => $c->fetch('Horde', query(fn($q) => $q->uid()), ['ids' => $c->getIdsOb('2:3', true)])->ids());
attempt('fetch the largest', fn() => $c->fetch('Horde', query(fn($q) => $q->uid()), ['ids' => $c->getIdsOb(Horde_Imap_Client_Ids::LARGEST)])->ids());

/* Searches. */
function find($c, $how, $opts = [])
{
    $q = new Horde_Imap_Client_Search_Query();
    if ($how) { $how($q); }
    $r = $c->search('Horde', $q, $opts);
    foreach ($r as $k => $v) { if ($v instanceof Horde_Imap_Client_Ids) { $r[$k] = implode(' ', $v->ids); } }
    if (isset($r['modseq'])) { $r['modseq'] = $r['modseq'] > 0; }
    ksort($r);
    return $r;
}
$every = ['results' => [Horde_Imap_Client::SEARCH_RESULTS_COUNT, Horde_Imap_Client::SEARCH_RESULTS_MATCH, Horde_Imap_Client::SEARCH_RESULTS_MAX, Horde_Imap_Client::SEARCH_RESULTS_MIN]];
attempt('search all', fn() => find($c, null, $every));
attempt('search count', fn() => find($c, fn($q) => $q->flag('\\seen', false), ['results' => [Horde_Imap_Client::SEARCH_RESULTS_COUNT]]));
attempt('search by number', fn() => find($c, fn($q) => $q->flag('\\seen'), ['sequence' => true]));
attempt('search partial', fn() => find($c, null, ['partial' => '3:5']));
attempt('search keyword', fn() => find($c, fn($q) => $q->flag('$label1')));
attempt('search new', fn() => find($c, fn($q) => $q->newMsgs()));
attempt('search old', fn() => find($c, fn($q) => $q->newMsgs(false)));
attempt('search header', fn() => find($c, fn($q) => $q->headerText('Subject', 'horde 2')));
attempt('search other header', fn() => find($c, fn($q) => $q->headerText('Message-ID', 'horde1')));
attempt('search not header', fn() => find($c, fn($q) => $q->headerText('From', 'ann', true)));
attempt('search text', fn() => find($c, function ($q) { $q->charset('UTF-8', false); $q->text('Entwürfe 7', false); }));
attempt('search body', fn() => find($c, function ($q) { $q->charset('UTF-8', false); $q->text('ENTWÜRFE 1'); }));
attempt('search size', fn() => find($c, function ($q) { $q->size(200, true); $q->size(5000, false); }));
attempt('search ids', fn() => find($c, fn($q) => $q->ids(new Horde_Imap_Client_Ids('2:4,9'), true)));
attempt('search dates', fn() => find($c, fn($q) => $q->dateSearch(new DateTime('2023-11-05'), Horde_Imap_Client_Search_Query::DATE_SINCE, false)));
attempt('search sent', fn() => find($c, fn($q) => $q->dateSearch(new DateTime('2023-11-14'), Horde_Imap_Client_Search_Query::DATE_ON)));
attempt('search within', fn() => find($c, fn($q) => $q->intervalSearch(1000000000, Horde_Imap_Client_Search_Query::INTERVAL_YOUNGER)));
attempt('search older', fn() => find($c, fn($q) => $q->intervalSearch(86400, Horde_Imap_Client_Search_Query::INTERVAL_OLDER)));
attempt('search modseq', fn() => find($c, fn($q) => $q->modseq(1)));
attempt('search modseq of a flag', fn() => find($c, fn($q) => $q->modseq(1, '/flags/\\\\seen', 'all')));
attempt('search or', fn() => find($c, function ($q) {
    $a = new Horde_Imap_Client_Search_Query(); $a->headerText('Subject', 'horde 1');
    $b = new Horde_Imap_Client_Search_Query(); $b->flag('$label2');
    $n = new Horde_Imap_Client_Search_Query(); $n->ids(new Horde_Imap_Client_Ids('1:10'));
    $q->orSearch([$a, $b]); $q->andSearch([$n]);
}));
attempt('search charset', fn() => find($c, function ($q) { $q->charset('ISO-8859-1', false); $q->text("Entw\xfcrfe 3"); }));
attempt('search save', fn() => find($c, fn($q) => $q->flag('$label2'), ['nocache' => true, 'results' => [Horde_Imap_Client::SEARCH_RESULTS_SAVE, Horde_Imap_Client::SEARCH_RESULTS_COUNT]]));
attempt('fetch the saved', fn() => $c->fetch('Horde', query(fn($q) => $q->size()), ['nocache' => true, 'ids' => $c->getIdsOb(Horde_Imap_Client_Ids::SEARCH_RES)])->ids());
foreach (['ARRIVAL', 'CC', 'DATE', 'DISPLAYFROM', 'DISPLAYTO', 'FROM', 'SIZE', 'SUBJECT', 'TO', 'SEQUENCE'] as $key) {
    $k = constant('Horde_Imap_Client::SORT_' . $key);
    attempt("sort $key", fn() => find($c, null, ['sort' => [$k]])['match']);
    attempt("sort reverse $key", fn() => find($c, null, ['sort' => [Horde_Imap_Client::SORT_REVERSE, $k, Horde_Imap_Client::SORT_ARRIVAL]])['match']);
}
attempt('sort every result', fn() => find($c, fn($q) => $q->flag('\\seen'), ['sort' => [Horde_Imap_Client::SORT_SUBJECT]] + $every));
attempt('sort partial', fn() => find($c, null, ['sort' => [Horde_Imap_Client::SORT_REVERSE, Horde_Imap_Client::SORT_ARRIVAL], 'partial' => '1:3']));
foreach (['ORDEREDSUBJECT', 'REFERENCES', 'REFS'] as $key) {
    attempt("thread $key", function () use ($c, $key) {
        $out = [];
        foreach ($c->thread('Horde', ['criteria' => constant('Horde_Imap_Client::THREAD_' . $key)])->getThreads() as $t) { $out[] = implode('+', array_map(fn($k, $v) => "$k." . $v->level, array_keys($t), $t)); }
        return $out;
    });
}

/* Flags, as another client sees and makes them; what the cache learns. */
$memory = new Memory();
$d = cached([], $memory);
$before = $c->status('Horde', Horde_Imap_Client::STATUS_HIGHESTMODSEQ)['highestmodseq'];
attempt('store add', fn() => $c->store('Horde', ['add' => ['\\flagged', 'Kw'], 'ids' => $c->getIdsOb('1:3')]));
attempt('store remove', fn() => $c->store('Horde', ['remove' => ['\\seen'], 'ids' => $c->getIdsOb('2')]));
attempt('store replace', fn() => $c->store('Horde', ['replace' => ['\\draft'], 'ids' => $c->getIdsOb('5')]));
attempt('store unchangedsince', fn() => $c->store('Horde', ['add' => ['\\answered'], 'ids' => $c->getIdsOb('1:7'), 'unchangedsince' => $before]));
attempt('fetch changedsince', fn() => $c->fetch('Horde', query(fn($q) => $q->flags()), ['changedsince' => $before, 'nocache' => true])->ids());
attempt('other, fetch', fn() => count($d->fetch('Horde', query(function ($q) { $q->flags(); $q->envelope(); $q->structure(); }))));
attempt('other, token', function () use ($d) { global $other; $other = $d->getSyncToken('Horde'); return true; });
attempt('other, close', fn() => $d->close());
attempt('copy', fn() => $c->copy('Horde', 'Made', ['ids' => $c->getIdsOb('1,3,5'), 'force_map' => true]));
attempt('copy and create', fn() => $c->copy('Horde', 'Copied', ['ids' => $c->getIdsOb('2'), 'create' => true, 'force_map' => true]));
attempt('move', fn() => $c->copy('Horde', 'Made', ['ids' => $c->getIdsOb('8,9'), 'move' => true, 'force_map' => true]));
attempt('append by url', fn() => $c->append('Copied', [['data' => [['t' => 'text', 'v' => "Subject: by url\r\n\r\n"], ['t' => 'url', 'v' => '/Horde/;UID=2/;SECTION=1']]]]));
attempt('copy to nothing', fn() => $c->copy('Horde', 'Nosuch', ['ids' => $c->getIdsOb('2')]));
attempt('delete some', fn() => $c->store('Horde', ['add' => ['\\deleted'], 'ids' => $c->getIdsOb('10:12')]));
attempt('expunge some', fn() => $c->expunge('Horde', ['ids' => $c->getIdsOb('10'), 'list' => true]));
attempt('expunge and delete', fn() => $c->expunge('Horde', ['ids' => $c->getIdsOb('6'), 'delete' => true, 'list' => true]));
attempt('expunge all', fn() => $c->expunge('Horde', ['list' => true]));
attempt('check', fn() => $c->check());
attempt('vanished', fn() => $c->vanished('Horde', $before));
attempt('vanished of some', fn() => $c->vanished('Horde', $before, ['ids' => $c->getIdsOb('1:8')]));
attempt('append more', fn() => $c->append('Horde', mails(20, 23)));
attempt('other, open again', fn() => $d->openMailbox('Horde'));
attempt('other, sync status', function () use ($d) {
    $s = $d->status('Horde', Horde_Imap_Client::STATUS_SYNCMODSEQ | Horde_Imap_Client::STATUS_SYNCFLAGUIDS | Horde_Imap_Client::STATUS_SYNCVANISHED | Horde_Imap_Client::STATUS_MESSAGES);
    return [$s['syncmodseq'] > 0, strval($s['syncflaguids']), strval($s['syncvanished']), $s['messages']];
});
attempt('other, sync', function () use ($d) {
    global $other;
    $s = $d->sync('Horde', $other);
    return [$s->flagsuids->tostring, $s->newmsgsuids->tostring, $s->vanisheduids->tostring, $s->flags, $s->newmsgs, $s->vanished];
});
attempt('other, the cache', function () use ($memory) { $k = array_keys($memory->data['Horde'] ?? []); sort($k); return $k; });
attempt('while open', function () use ($c, $d) {
    $c->store('Horde', ['add' => ['\\answered'], 'ids' => $c->getIdsOb('20:99')]);
    $c->append('Horde', mails(23, 24));
    $c->expunge('Horde', ['ids' => $c->getIdsOb('1'), 'delete' => true]);
    $d->noop();
    return $d->status('Horde', Horde_Imap_Client::STATUS_MESSAGES | Horde_Imap_Client::STATUS_UIDNEXT);
});
attempt('other, flags', function () use ($d) {
    $out = [];
    foreach ($d->fetch('Horde', query(fn($q) => $q->flags())) as $uid => $x) { $f = array_diff($x->getFlags(), ['\\recent']); sort($f); $out[$uid] = implode(' ', $f); }
    return $out;
});
attempt('close with expunge', function () use ($c) { $c->store('Horde', ['add' => ['\\deleted'], 'ids' => $c->getIdsOb('2')]); return $c->close(['expunge' => true]); });
attempt('examine', fn() => $c->openMailbox('Horde', Horde_Imap_Client::OPEN_READONLY));

/* From here on the library sends no ESEARCH. */
attempt('search bad charset', fn() => find($c, function ($q) { $q->charset('x-nosuch', false); $q->text("Entw\xfcrfe 3"); }));

/* Rights, quota, metadata. */
function acl($o) { $out = []; foreach ($o as $k => $v) { $out[$k] = strval($v); } ksort($out); return $out; }
attempt('setacl', fn() => $c->setACL('Horde', 'wes', ['rights' => 'lrs']));
attempt('setacl add', fn() => $c->setACL('Horde', 'wes', ['rights' => 'wi', 'action' => 'add']));
attempt('setacl remove', fn() => $c->setACL('Horde', 'wes', ['rights' => 's', 'action' => 'remove']));
attempt('setacl negative', fn() => $c->setACL('Horde', '-anyone', ['rights' => 'p']));
attempt('getacl', fn() => acl($c->getACL('Horde')));
attempt('listrights', function () use ($c) { $r = $c->listACLRights('Horde', 'wes'); return serialize($r) != '' ? [$r['l'], $r['a'], $r['z']] : null; });
attempt('myrights', fn() => strval($c->getMyACLRights('Horde')));
attempt('deleteacl', fn() => $c->deleteACL('Horde', 'wes'));
attempt('getacl after', fn() => acl($c->getACL('Horde')));
attempt('quotaroot', fn() => array_map(fn($r) => array_map(fn($x) => [$x['limit'], $x['usage'] >= 0], $r), $c->getQuotaRoot('Horde')));
attempt('quota', fn() => array_keys($c->getQuota('INBOX')));
attempt('setquota', fn() => $c->setQuota('INBOX', ['STORAGE' => 1]));
attempt('setmetadata', fn() => $c->setMetadata('Horde', ['/private/comment' => "my \"own\"\r\ncomment", '/shared/comment' => 'ours', '/private/vendor/cmu/cyrus-imapd/x' => '1']));
attempt('getmetadata', fn() => $c->getMetadata('Horde', ['/private/comment', '/shared/comment']));
attempt('getmetadata depth', fn() => $c->getMetadata('Horde', '/shared', ['depth' => 'infinity'])['Horde']['/shared/comment'] ?? null);
attempt('getmetadata maxsize', fn() => $c->getMetadata('Horde', ['/private/comment', '/shared/comment'], ['maxsize' => 5]));
attempt('setmetadata nil', fn() => $c->setMetadata('Horde', ['/private/comment' => null]));
attempt('getmetadata after', fn() => $c->getMetadata('Horde', ['/private/comment', '/shared/comment']));
attempt('getmetadata server', fn() => $c->getMetadata('', '/shared/comment'));
attempt('comparator', fn() => $c->getComparator());
attempt('language', fn() => $c->getLanguage());
attempt('cache id', fn() => preg_replace('/\d+/', 'N', $c->getCacheId('Horde')));
attempt('resolve', fn() => $c->resolveIds(new Horde_Imap_Client_Mailbox('Horde'), $c->getIdsOb(Horde_Imap_Client_Ids::ALL)));
attempt('logout', fn() => $c->logout());

/* Logins. */
$as = ['wrong' => ['password' => 'wrong'], 'starttls' => ['secure' => 'tls', 'hostspec' => 'localhost'], 'ssl' => ['secure' => 'ssl', 'port' => $tls_port, 'hostspec' => 'localhost'],
       'best' => ['secure' => true, 'hostspec' => 'localhost'], 'QRESYNC off' => ['capability_ignore' => ['QRESYNC', 'ESEARCH', 'ESORT', 'LIST-STATUS', 'MULTIAPPEND', 'LITERAL+', 'BINARY', 'MOVE', 'ENABLE']],
       'nothing at all' => ['capability_ignore' => ['QRESYNC', 'CONDSTORE', 'ESEARCH', 'ESORT', 'SORT', 'THREAD', 'LIST-EXTENDED', 'LIST-STATUS', 'MULTIAPPEND', 'LITERAL+', 'LITERAL-', 'BINARY', 'MOVE', 'UIDPLUS', 'UNSELECT', 'NAMESPACE', 'SPECIAL-USE', 'ENABLE', 'WITHIN', 'SEARCHRES', 'SASL-IR', 'ID', 'COMPRESS']]];
foreach (['PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-1', 'SCRAM-SHA-256'] as $mechanism) {
    $as[$mechanism] = ['capability_ignore' => array_map(fn($m) => "AUTH=$m", array_diff(['PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-1', 'SCRAM-SHA-256', 'DIGEST-MD5'], [$mechanism]))];
}
foreach ($as as $what => $more) {
    attempt("login $what", function () use ($more, $what) {
        $x = cached($more);
        $x->login();
        $out = [$x->isSecureConnection(), count($x->listMailboxes('*', Horde_Imap_Client::MBOX_ALL_SUBSCRIBED, ['flat' => true]))];
        if (strpos($what, 'o') !== false) {
            $uids = $x->append('Made', mails(25, 28));
            $out[] = $uids->tostring;
            $out[] = $x->search('Made', null, ['sort' => [Horde_Imap_Client::SORT_REVERSE, Horde_Imap_Client::SORT_SUBJECT]])['match']->tostring;
            $out[] = count($x->thread('Made', ['criteria' => Horde_Imap_Client::THREAD_ORDEREDSUBJECT])->getThreads());
            $out[] = strlen(first($x->fetch('Made', query(function ($q) { $q->bodyPart('2', ['decode' => true]); $q->flags(); $q->structure(); }), ['ids' => $uids]))->getBodyPart('2'));
            $x->copy('Made', 'Copied', ['ids' => $uids, 'move' => true]);
            $x->expunge('Made');
            $out[] = $x->status('Made', Horde_Imap_Client::STATUS_MESSAGES)['messages'];
        }
        $x->logout();
        return $out;
    });
}

/* POP3. */
foreach (['plain' => ['port' => $pop_port], 'tls' => ['port' => $pop_port, 'secure' => 'tls'], 'ssl' => ['port' => $pops_port, 'secure' => 'ssl']] as $what => $more) {
    attempt("pop3 $what", function () use ($more, $host, $password, $certificate) {
        $p = new Horde_Imap_Client_Socket_Pop3(array_merge(['username' => 'wes', 'password' => $password, 'hostspec' => 'localhost', 'secure' => false, 'timeout' => 20,
            'debug' => getenv('HORDE_DEBUG') ?: null, 'context' => ['ssl' => ['cafile' => $certificate, 'peer_name' => 'localhost']]], $more));
        $p->login();
        $r = $p->fetch('INBOX', query(function ($q) { $q->fullText(); $q->headerText(); $q->size(); $q->uid(); $q->structure(); $q->envelope(); }));
        $out = [$p->status('INBOX', Horde_Imap_Client::STATUS_MESSAGES)['messages'], count($r), first($r)->getEnvelope()->subject, first($r)->getSize() == strlen(first($r)->getFullMsg())];
        $p->store('INBOX', ['add' => ['\\deleted'], 'ids' => $p->getIdsOb([first($r)->getUid()])]);
        $p->expunge('INBOX');
        $p->logout();
        return $out;
    });
}
show('end', 1);
