#!/usr/bin/env python3
"""Python's imaplib, poplib and smtplib.LMTP on one server: every call that they have, plain and over TLS, each login."""
import imaplib
import poplib
import re
import smtplib
import sys
import time

import mail_site
from mail_site import HOST, PASSWORD, message, must, trusting

MAILS = [message("python %d" % n, lines=n + 1, number=n) for n in range(6)]


def text(answer):
    return b"\n".join(part if isinstance(part, bytes) else b"".join(part) for part in must(answer) if part).decode()


# IMAP.

def imap_logins(site, checks):
    with imaplib.IMAP4(HOST, site.ports["imap"]) as client:
        checks.has("IMAP capability before login", " ".join(client.capabilities), r"\bIMAP4REV1\b.*\bSTARTTLS\b")
        try:
            client.login("bovik", "wrong")
            checks.true("a wrong password", False)
        except imaplib.IMAP4.error as refused:
            checks.has("a wrong password", str(refused), "[Aa]uthentication fail|Login failed")
        checks.equal("STARTTLS", client.starttls(trusting(site))[0], "OK")
        checks.equal("LOGIN", client.login("bovik", PASSWORD)[0], "OK")
    with imaplib.IMAP4_SSL("localhost", site.ports["imaps"], ssl_context=trusting(site)) as client:
        checks.equal("AUTHENTICATE CRAM-MD5 over TLS", client.login_cram_md5("bovik", PASSWORD)[0], "OK")
    with imaplib.IMAP4(HOST, site.ports["imap"]) as client:
        plain = b"\0bovik\0" + PASSWORD.encode()
        checks.equal("AUTHENTICATE PLAIN", client.authenticate("PLAIN", lambda _: plain)[0], "OK")
    with imaplib.IMAP4(HOST, site.ports["imap"]) as client:
        client.proxyauth_as = b"fred\0" + mail_site.ADMIN.encode() + b"\0" + PASSWORD.encode()
        checks.equal("an administrator as fred", client.authenticate("PLAIN", lambda _: client.proxyauth_as)[0], "OK")
        checks.has("an administrator as fred: MYRIGHTS", text(client.myrights("INBOX")), "INBOX lrswip")


def imap_mailboxes(client, checks):
    for name in ("Work", "Work/2026", "Entw&APw-rfe"):
        checks.equal("CREATE " + name, client.create('"%s"' % name)[0], "OK")
    checks.equal("CREATE again", client.create("Work")[0], "NO")
    checks.equal("SUBSCRIBE", client.subscribe("Work")[0], "OK")
    checks.has("LIST", text(client.list()), r'^\(.*\\HasChildren.*\) "/" "?Work"?$')
    checks.has("LSUB", text(client.lsub()), r'"/" "?Work"?$')
    checks.equal("RENAME", client.rename("Work/2026", "Work/2027")[0], "OK")
    checks.has("LIST a pattern", text(client.list('""', "Work/%")), "Work/2027")
    checks.equal("UNSUBSCRIBE", client.unsubscribe("Work")[0], "OK")
    checks.has("NAMESPACE", text(client.namespace()), r'^\(\("" "/"\)\)')
    checks.has("STATUS", text(client.status("Work", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT)")), r"MESSAGES 0")
    checks.equal("SETACL", client.setacl("Work", "fred", "lrs")[0], "OK")
    checks.has("GETACL", text(client.getacl("Work")), "fred lrs")
    checks.equal("DELETEACL", client.deleteacl("Work", "fred")[0], "OK")
    checks.true("DELETEACL did it", "fred" not in text(client.getacl("Work")))
    checks.has("GETQUOTAROOT", str(client.getquotaroot("INBOX")), r"STORAGE|\[None\]")
    checks.equal("SETANNOTATION", client.setannotation("Work", '"/comment"', '("value.priv" "mine")')[0], "OK")
    checks.has("GETANNOTATION", text(client.getannotation("Work", '"/comment"', '"value.priv"')), "mine")


def imap_messages(client, checks):
    for n, mail in enumerate(MAILS):
        flags = r"(\Seen)" if n % 2 else None
        checks.has("APPEND", text(client.append("Work", flags, imaplib.Time2Internaldate(1700000000 + n), mail)), "APPENDUID")
    checks.equal("SELECT", must(client.select("Work")), [b"%d" % len(MAILS)])
    checks.has("PERMANENTFLAGS", str(client.response("PERMANENTFLAGS")), r"\\\\\*")
    got = [part[1] for part in must(client.fetch("1:*", "(RFC822)")) if isinstance(part, tuple)]
    checks.equal("FETCH RFC822 gives what was appended", got, MAILS)
    checks.has("FETCH ENVELOPE", str(client.fetch("1", "(ENVELOPE)")), "python 0")
    checks.has("FETCH of parts", str(client.fetch("2", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY[TEXT]<0.9>)")), "Subject: python 1")
    checks.has("FETCH INTERNALDATE", text(client.fetch("1", "(INTERNALDATE)")), "14-Nov-2023 22:13:20")
    client.store("1:*", "FLAGS", "()")
    checks.has("STORE", text(client.store("1", "+FLAGS", r"(\Flagged $Label1)")), r"\\Flagged \$Label1")
    checks.equal("SEARCH FLAGGED", must(client.search(None, "FLAGGED")), [b"1"])
    checks.equal("SEARCH SUBJECT in UTF-8", must(client.search("UTF-8", "SUBJECT", '"python 3"')), [b"4"])
    checks.equal("SEARCH TEXT", must(client.search(None, "TEXT", '"python 5: line 5"')), [b"6"])
    client.literal = "Entwürfe".encode()
    checks.equal("SEARCH by a literal", must(client.uid("SEARCH", "CHARSET", "UTF-8", "BODY")), [b"1 2 3 4 5 6"])
    checks.equal("SORT", must(client.sort("(REVERSE SIZE)", "UTF-8", "ALL")), [b"6 5 4 3 2 1"])
    checks.has("THREAD", text(client.thread("ORDEREDSUBJECT", "UTF-8", "ALL")), r"\(1\)\(2\)")
    checks.has("COPY", text(client.copy("2:3", "INBOX")), "COPYUID|OK|Completed")
    checks.equal("UID MOVE", client.uid("MOVE", "4", "INBOX")[0], "OK")
    client.store("1", "+FLAGS.SILENT", r"(\Deleted)")
    checks.equal("EXPUNGE", must(client.expunge()), [b"4", b"1"])  # the 4 is what MOVE took
    checks.equal("NOOP, CHECK", [client.noop()[0], client.check()[0]], ["OK", "OK"])
    checks.equal("what is left", must(client.uid("SEARCH", "ALL")), [b"2 3 5 6"])
    checks.equal("PARTIAL as fetch", client.fetch("1:2", "(UID BODYSTRUCTURE)")[0], "OK")
    checks.equal("UNSELECT", client.unselect()[0], "OK")
    checks.equal("RECENT, CLOSE", [client.select("INBOX")[0], client.recent()[0], client.close()[0]], ["OK"] * 3)
    checks.equal("DELETE", client.delete("Work/2027")[0], "OK")
    checks.equal("ENABLE", client.enable("CONDSTORE")[0], "OK")


def imap_errors(client, checks):
    checks.equal("SELECT of nothing", client.select("nosuch")[0], "NO")
    checks.equal("APPEND to nothing", client.append("nosuch", None, None, MAILS[0])[0], "NO")
    client.select("Work", readonly=True)
    try:
        refused = client.store("1", "+FLAGS", r"(\Seen)")[0]
    except imaplib.IMAP4.error as error:
        refused = "NO" if "READ-ONLY" in str(error).upper() or "read only" in str(error) else str(error)
    checks.equal("STORE in EXAMINE", refused, "NO")
    try:
        client.xatom("NOSUCHCOMMAND")
        checks.true("an unknown command", False)
    except imaplib.IMAP4.error as error:
        checks.has("an unknown command", str(error), "BAD")


def imap(site, checks):
    imap_logins(site, checks)
    with imaplib.IMAP4(HOST, site.ports["imap"]) as client:
        client.login("bovik", PASSWORD)
        imap_mailboxes(client, checks)
        imap_messages(client, checks)
        imap_errors(client, checks)
    checks.equal("as others see it", site.subjects("bovik", "Work"), ["python 1", "python 2", "python 4", "python 5"])


# LMTP.

def lmtp(site, checks):
    with smtplib.LMTP(HOST, site.ports["lmtp"]) as client:
        code, said = client.docmd("LHLO", "client.example.org")
        checks.equal("LHLO", code, 250)
        checks.has("LMTP extensions", said.decode(), "ENHANCEDSTATUSCODES(.|\n)*PIPELINING")
        # One recipient that is taken a time: smtplib reads one answer after the message, whatever LMTP says.
        client.sendmail("ann@example.org", ["wes@" + mail_site.REALM], MAILS[0])
        refused = client.sendmail("ann@example.org", ["fred", "nosuch"], MAILS[0], ["BODY=8BITMIME"])
        checks.equal("the refused recipient", sorted(refused), ["nosuch"])
        checks.equal("its code", refused.get("nosuch", (0,))[0], 550)
        checks.equal("the same again is taken", client.sendmail("ann@example.org", ["fred"], MAILS[0]), {})
        checks.equal("RSET, NOOP", [client.rset()[0], client.noop()[0]], [250, 250])
        for mail in MAILS[1:]:
            client.sendmail("ann@example.org", ["fred"], mail)
        try:
            client.sendmail("ann@example.org", ["nosuch"], MAILS[0])
            checks.true("nobody to deliver to", False)
        except smtplib.SMTPRecipientsRefused as error:
            checks.equal("nobody to deliver to", [code for code, _ in error.recipients.values()], [550])
    checks.equal("delivered once each", site.subjects("fred", "INBOX"), ["python %d" % n for n in range(6)])
    checks.equal("delivered to wes", site.subjects("wes", "INBOX"), ["python 0"])
    with smtplib.LMTP(HOST, site.ports["lmtpauth"]) as client:
        client.ehlo_or_helo_if_needed()
        checks.equal("LMTP without login", client.mail("ann@example.org")[0], 430)
        checks.equal("LMTP STARTTLS", client.starttls(context=trusting(site))[0], 220)
        checks.equal("LMTP AUTH", client.login(mail_site.ADMIN, PASSWORD)[0], 235)
        checks.equal("LMTP after login", client.sendmail("ann@example.org", ["fred"], message("by login")), {})
    checks.has("delivered after login", str(site.subjects("fred", "INBOX")), "by login")


# POP3.

def pop3(site, checks):
    for starttls in (False, True):
        client = poplib.POP3(HOST, site.ports["pop3"], timeout=30)
        checks.has("POP3 CAPA", str(client.capa()), "'STLS'.*'UIDL'|'UIDL'.*'STLS'")
        if starttls:
            checks.has("STLS", client.stls(trusting(site)).decode(), r"^\+OK")
        client.user("fred")
        checks.has("USER, PASS", client.pass_(PASSWORD).decode(), r"^\+OK")
        checks.equal("STAT", client.stat()[0], 7)
        client.quit()
    client = poplib.POP3_SSL("localhost", site.ports["pop3s"], context=trusting(site))
    if client.timestamp if hasattr(client, "timestamp") else re.search(rb"<.*>", client.getwelcome()):
        checks.has("APOP", client.apop("fred", PASSWORD).decode(), r"^\+OK")
    else:
        client.user("fred")
        client.pass_(PASSWORD)
    numbers = [int(line.split()[0]) for line in client.list()[1]]
    uidl = [line.split()[1] for line in client.uidl()[1]]
    checks.equal("LIST, UIDL", [numbers, len(set(uidl))], [[1, 2, 3, 4, 5, 6, 7], 7])
    lines = client.retr(2)[1]
    checks.equal("RETR", b"\r\n".join(lines).split(b"\r\n\r\n", 1)[1] + b"\r\n", MAILS[1].split(b"\r\n\r\n", 1)[1])
    checks.true("TOP", len(client.top(3, 1)[1]) < len(client.retr(3)[1]))
    client.dele(2)
    client.rset()
    client.dele(3)
    try:
        client.retr(3)
        checks.true("RETR of a deleted one", False)
    except poplib.error_proto as error:
        checks.has("RETR of a deleted one", str(error), "-ERR")
    client.quit()
    checks.equal("after QUIT", len(site.messages("fred", "INBOX")), 6)
    client = poplib.POP3(HOST, site.ports["pop3"])
    client.user("fred")
    try:
        client.pass_("wrong")
        checks.true("a wrong POP3 password", False)
    except poplib.error_proto as error:
        checks.has("a wrong POP3 password", str(error), "-ERR")
    client.close()


def check(site, checks):
    start = time.monotonic()
    for part in (imap, lmtp, pop3):
        part(site, checks)
    print("Python %s: %.1f s" % (sys.version.split()[0], time.monotonic() - start))


if __name__ == "__main__":
    mail_site.run(check, users=("bovik", "fred", "wes"))
