"""twisted.mail.imap4's client, whose parser is strict: every call of it that speaks to the server, plain, STARTTLS and TLS, each login."""
import io
import json
import re
import sys

from twisted.internet import defer, protocol, reactor, ssl
from twisted.mail import imap4

HOST, PORT, TLS_PORT, PASSWORD, CERTIFICATE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]


def plain(value):
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {str(plain(key)): plain(each) for key, each in value.items() if key not in ("UIDVALIDITY",)}
    if isinstance(value, (set, frozenset)):
        return sorted(str(plain(each)) for each in value)
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)


async def attempt(what, call):
    try:
        value = await defer.maybeDeferred(call)
    except Exception as error:  # what the client says of a refusal is a result, too
        value = "%s %s" % (type(error).__name__, plain(error.args))
    text = value if isinstance(value, str) else json.dumps(plain(value), sort_keys=True, ensure_ascii=False)
    text = re.sub(r"SESSIONID=<[^>]*>|UIDVALIDITY \d+|(?<=APPENDUID )\d+|(?<=COPYUID )\d+|MAILBOXID \(\w+\)|\(\d+\.\d+ sec\w*\)|\d+\.\d+ secs", "", text)
    print("%s: %s" % (what, text.replace("\r", "").replace("\n", "|")), flush=True)
    return value


def mail(n):
    return ("From: \"Ann \\\"%d\\\"\" <ann%d@example.org>\r\nTo: Group: a@example.org;\r\nSubject: tw (%d)\r\nMessage-ID: <tw%d@x>\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            "Wörter %d {5}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in \"it\"\r\n\r\ninner\r\n--b--\r\n" % (n, n, n, n, n)).encode()


class Client(imap4.IMAP4Client):
    pass

async def connect(user="bovik", mechanism=None, secure=None):
    options = ssl.CertificateOptions(trustRoot=ssl.trustRootFromCertificates([ssl.Certificate.loadPEM(open(CERTIFICATE, "rb").read())]))
    creator = protocol.ClientCreator(reactor, imap4.IMAP4Client, contextFactory=options)
    c = await (creator.connectSSL(HOST, TLS_PORT, options) if secure == "tls" else creator.connectTCP(HOST, PORT))
    if secure == "starttls":
        await c.getCapabilities()
        await c.startTLS(options)
    if mechanism:
        c.registerAuthenticator(mechanism(user.encode()))
        await c.authenticate(PASSWORD.encode())
    else:
        await c.sendCommand(imap4.Command(b"LOGIN", b'"%s" "%s"' % (user.encode(), PASSWORD.encode())))
    return c


async def work():
    c = await connect()
    one, all_ = imap4.MessageSet(2, 2), imap4.MessageSet(1, None)
    await attempt("capabilities", lambda: sorted(k.decode() for k in c._capCache or {}) or "none")
    for n, name in enumerate(("Tw", "Tw/Entwürfe", "Tw/a (b)", "Tw")):
        await attempt("create %d" % n, lambda name=name: c.create(name))
    await attempt("namespace", c.namespace)
    await attempt("list", lambda: c.list("", "*"))
    await attempt("subscribe", lambda: c.subscribe("Tw/Entwürfe"))
    await attempt("lsub", lambda: c.lsub("", "*"))
    await attempt("unsubscribe", lambda: c.unsubscribe("Tw/Entwürfe"))
    await attempt("rename", lambda: c.rename("Tw/a (b)", "Tw/b"))
    for n in range(4):
        await attempt("append %d" % n, lambda n=n: c.append("Tw", io.BytesIO(mail(n)), ("\\Seen", "Kw") if n % 2 else (), None))
    await attempt("append to nothing", lambda: c.append("Nosuch", io.BytesIO(mail(0))))
    await attempt("status", lambda: c.status("Tw", "MESSAGES", "RECENT", "UIDNEXT", "UNSEEN"))
    await attempt("status of nothing", lambda: c.status("Nosuch", "MESSAGES"))
    await attempt("select", lambda: c.select("Tw"))
    for what in ("UID", "Flags", "InternalDate", "Envelope", "BodyStructure", "SimplifiedBody", "Headers", "Body", "Size", "Full", "All", "Fast"):
        got = await attempt("fetch" + what if what != "InternalDate" else "date", lambda what=what: getattr(c, "fetch" + what)(one)) if what not in (
            "InternalDate", "Full", "All", "Fast") else await getattr(c, "fetch" + what)(one)
        await attempt("keys of " + what, lambda got=got: sorted(got[2]))
    await attempt("fetchMessage", lambda: c.fetchMessage(imap4.MessageSet(3, 3)))
    await attempt("fetchSpecific", lambda: c.fetchSpecific(one, headerNumber=None, headerType="HEADER.FIELDS", headerArgs=["SUBJECT", "FROM"], peek=True))
    await attempt("fetchSpecific part", lambda: c.fetchSpecific(one, headerNumber=1, peek=True, offset=2, length=6))
    await attempt("search", lambda: c.search(imap4.Query(unseen=1)))
    await attempt("search or", lambda: c.search(imap4.Or(imap4.Query(subject="tw (1)"), imap4.Query(keyword="Kw")), imap4.Not(imap4.Query(deleted=1)), uid=True))
    await attempt("addFlags", lambda: c.addFlags(one, ["\\Flagged"], silent=0))
    await attempt("setFlags", lambda: c.setFlags(imap4.MessageSet(1, 2), ["\\Draft"], silent=1))
    await attempt("removeFlags", lambda: c.removeFlags(imap4.MessageSet(4, 4), ["Kw"], silent=0, uid=1))
    await attempt("copy", lambda: c.copy(imap4.MessageSet(1, 3), "Tw/b", uid=1))
    await attempt("copy to nothing", lambda: c.copy(one, "Nosuch", uid=0))
    other = await connect()
    await attempt("other, append", lambda: other.append("Tw", io.BytesIO(mail(9))))
    await attempt("noop", c.noop)
    await attempt("delete", lambda: c.setFlags(imap4.MessageSet(2, 3), ["\\Deleted"]))
    await attempt("expunge", c.expunge)
    await attempt("check", c.check)
    await attempt("close", c.close)
    await attempt("examine", lambda: c.examine("Tw"))
    await attempt("flags in examine", lambda: c.setFlags(one, ["\\Seen"]))
    await attempt("flags left", lambda: c.fetchFlags(all_))
    await attempt("delete a mailbox", lambda: c.delete("Tw/b"))
    await attempt("delete nothing", lambda: c.delete("Nosuch"))
    await attempt("logout", c.logout)
    for name, mechanism in (("CRAM-MD5", imap4.CramMD5ClientAuthenticator), ("LOGIN", imap4.LOGINAuthenticator), ("PLAIN", imap4.PLAINAuthenticator)):
        async def login(mechanism=mechanism):
            return await (await connect(mechanism=mechanism)).status("Tw", "MESSAGES")
        await attempt("login " + name, lambda login=login: defer.ensureDeferred(login()))
    for how in ("starttls", "tls"):
        async def secure(how=how):
            return await (await connect(secure=how)).status("Tw", "MESSAGES")
        await attempt(how, lambda secure=secure: defer.ensureDeferred(secure()))
    print("end: 1")


def main():
    done = defer.ensureDeferred(work())
    done.addErrback(lambda failure: print("broken: " + repr(failure.getTraceback())))
    done.addBoth(lambda _: reactor.stop())
    reactor.run()


main()
