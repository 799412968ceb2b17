#!/usr/bin/env python3
"""Clients that mean no good: overlong lines and literals, commands hidden behind STARTTLS, names that lead out of the store,
patterns and messages that cost time. No process of the server may die, hang, grow, or write outside of its partitions, and
the next client is served. --server cyrus shows what the real 3.6.1 does; there only ends of processes count."""
import os
import re
import socket
import ssl
import time
import traceback

import mail_site
from mail_site import ADMIN, HOST, PASSWORD, message, quoted, trusting
from overview import Imap

MIB = 1 << 20
PATIENCE = 20                                            # seconds for any answer
MOST_MEMORY = 64 * MIB                                   # of one process, whatever it is told before login


class Peer:
    """A connection to one service; what is sent is sent as it is."""

    def __init__(self, site, service):
        self.socket = socket.create_connection((HOST, site.ports[service]), timeout=PATIENCE)
        self.file = self.socket.makefile("rb")
        self.greeting = self.file.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, data):
        """False: the other side hung up."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def line(self):
        """b"" at the end of the connection; None: no answer in time."""
        try:
            return self.file.readline()
        except TimeoutError:
            return None
        except OSError:
            return b""

    def silent(self, seconds=1.0):
        """Nothing comes."""
        self.socket.settimeout(seconds)
        try:
            return not self.file.peek(1)
        except TimeoutError:
            return True
        except OSError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)


def processes(site):
    """Process ids of the server's services."""
    out = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, encoding="ascii", errors="replace") as file:
                    if int(file.read().rsplit(")", 1)[1].split()[1]) == site.process.pid:
                        out.append(int(name))
            except OSError:
                pass
    return out


def memory(pid):
    """Bytes that are its own."""
    try:
        with open("/proc/%d/status" % pid, encoding="ascii") as file:
            return int(re.search(r"RssAnon:\s+(\d+) kB", file.read()).group(1)) * 1024
    except (OSError, AttributeError):
        return 0


def largest(site):
    return max([memory(pid) for pid in processes(site)], default=0)


def served(site):
    """A friendly client is served."""
    with Imap(site, "bovik") as client:
        return client.do("NOOP")[0].startswith("OK")


# Before login.

FLOODS = {
    "imap": [b"a LOGIN {4294967296}\r\n", b"a LOGIN {18446744073709551616+}\r\n", b"a LOGIN {99999999999999999999999}\r\n",
             b"a LOGIN {-1}\r\n", b"a LOGIN {1e9}\r\n", b"a LOGIN x {2000000000}\r\n",
             b"a " + b"X" * 100000 + b"\r\n", b"(" * 100000 + b"\r\n", b"\0" * 5000 + b"\r\n", b"a AUTHENTICATE " + b"A" * 100000 + b"\r\n",
             b"a AUTHENTICATE PLAIN\r\n" + b"A" * 300000 + b"\r\n", b'a ID ("' + b"x" * 100000 + b'" "y")\r\n',
             b"a ID (" + b'"x" "y" ' * 5000 + b")\r\n", b"\xff\xfe\xfd\r\n", b"* OK hello\r\n", b"+\r\n", b"\r\n" * 100],
    "pop3": [b"USER " + b"x" * 100000 + b"\r\n", b"\0" * 5000 + b"\r\n", b"AUTH " + b"A" * 100000 + b"\r\n",
             b"AUTH PLAIN " + b"A" * 100000 + b"\r\n", b"AUTH PLAIN\r\n" + b"=" * 300000 + b"\r\n", b"APOP x " + b"0" * 5000 + b"\r\n"],
    "lmtpauth": [b"LHLO " + b"x" * 100000 + b"\r\n", b"\0" * 5000 + b"\r\n", b"MAIL FROM:<" + b"x" * 100000 + b">\r\n",
                 b"AUTH PLAIN " + b"A" * 100000 + b"\r\n", b"LHLO x\r\nAUTH PLAIN\r\n" + b"A" * 300000 + b"\r\n"],
    "lmtp": [b"LHLO x\r\nMAIL FROM:<x>\r\nRCPT TO:<" + b"x" * 100000 + b">\r\n",
             b"LHLO x\r\nMAIL FROM:<x> SIZE=99999999999999999999\r\n", b"LHLO x\r\n" + b"MAIL FROM:<x>\r\n" * 2000,
             b"LHLO x\r\nMAIL FROM:<x>\r\n" + b"RCPT TO:<nobody>\r\n" * 2000,
             b"LHLO x\r\nMAIL FROM:<x>\r\nRCPT TO:<bovik+" + b"../" * 300 + b">\r\n"],
}


def floods(site, checks):
    for service, inputs in FLOODS.items():
        for data in inputs:
            with Peer(site, service) as peer:
                peer.send(data)
                got = peer.line()
                what = "%s: %r" % (service, data[:50])
                checks.true(what + " gets an answer, or is hung up on", got is not None)
    checks.true("and after all that a friend is served", served(site))


def endless(site, checks):
    """A line, and a literal, that never end: the server gives up before its memory does."""
    for service, start in (("imap", b"a LOGIN "), ("imap", b"a LOGIN {%d+}\r\n" % (1 << 30)), ("pop3", b"USER "), ("lmtpauth", b"LHLO "),
                           ("lmtp", b"LHLO x\r\nMAIL FROM:<")):
        with Peer(site, service) as peer:
            peer.send(start)
            sent, most = 0, 0
            peer.socket.settimeout(2)
            while sent < 200 * MIB and peer.send(b"x" * MIB):
                sent += MIB
                if sent % (16 * MIB) == 0:
                    most = max(most, largest(site))
            most = max(most, largest(site))
        checks.true("%s: %r and no end: memory stays small" % (service, start[:20]), most < MOST_MEMORY, "%d MiB after %d MiB" % (
            most // MIB, sent // MIB))
    checks.true("and a friend is served", served(site))


def hidden_commands(site, checks):
    """RFC 3501 6.2.1, RFC 2595: what came before the handshake is forgotten."""
    for service, command, hidden, after in (
            ("imap", b"a STARTTLS\r\n", b"b NOOP\r\n", b"c NOOP\r\n"), ("pop3", b"STLS\r\n", b"CAPA\r\n", b"NOOP\r\n"),
            ("lmtp", b"STARTTLS\r\n", b"RSET\r\n", b"NOOP\r\n")):
        with Peer(site, service) as peer:
            if service == "lmtp":
                peer.send(b"LHLO x\r\n")
                while peer.line()[3:4] == b"-":
                    pass
            peer.send(command + hidden)
            answer = peer.line()
            checks.has("%s: STARTTLS is taken up" % service, answer.decode(), "OK|220|Begin|Ready")
            try:
                secure = trusting(site).wrap_socket(peer.socket, server_hostname="localhost")
            except (ssl.SSLError, OSError):
                checks.true("%s: a command behind STARTTLS ends the handshake, or is forgotten" % service, True)
                continue
            secure.settimeout(1)
            try:
                early = secure.recv(100)
            except (TimeoutError, OSError):
                early = b""
            checks.equal("%s: a command behind STARTTLS is forgotten" % service, early, b"")
            secure.close()
    checks.true("after STARTTLS a friend is served", served(site))


# After login.

ESCAPES = ["../evil", "../../evil", "a/../../evil", "/etc/evil", "//evil", "~root/evil", "~/evil", "a/..", "..", ".", "./evil", "a//b",
           "Other Users/../evil", "Other Users/bovik/../../evil", "Shared Folders/../evil", "&AC4-&AC4-/evil", "a^/^./evil",
           "x" * 2000, "a/" * 800 + "b", "&", "&-", "&AAA-", "&2AA-", "&Jjo", "%2e%2e/evil", "a\tb", "DELETED/evil", "user.fred.evil",
           "*", "%", "a*b", "a%b", "INBOX/../evil", "inbox/INBOX", "cyrus.index", "x/cyrus.header", "1."]


def tree_outside(site):
    """Every file below the scratch folder but in the partition and the configuration directory."""
    out = []
    for folder, folders, names in os.walk(site.scratch):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in (
            os.path.join(site.root, "spool"), os.path.join(site.root, "config"))]
        out += [os.path.join(folder, name) for name in names + folders]
    return sorted(out)


def odd_names_in_spool(site):
    """Directories that no mailbox name makes."""
    return [os.path.join(folder, name) for folder, folders, _ in os.walk(os.path.join(site.root, "spool")) for name in folders
            if "evil" in folder.split("spool")[0] or name.startswith("..")]


def escaping(site, checks):
    before = tree_outside(site)
    with Imap(site, "bovik") as client, Imap(site, ADMIN) as admin:
        client.must("CREATE plain")
        for name in ESCAPES:
            for session, word in ((client, quoted(name)), (admin, quoted("user/bovik/" + name)), (admin, quoted(name))):
                for command in ("CREATE %s", "SELECT %s", "STATUS %s (MESSAGES)", "SUBSCRIBE %s", "SETACL %s fred lrs", "GETQUOTAROOT %s",
                                "GETMETADATA %s /private/comment", 'SETMETADATA %s (/private/comment "x")', 'LIST "" %s', "DELETE %s"):
                    session.do(command % word)
                session.do("RENAME plain %s" % word)
                session.do("RENAME %s plain" % word)
                session.append(name, message("evil"))
        checks.true("the session lives", client.do("NOOP")[0].startswith("OK"))
        admin.do("SETQUOTA %s (STORAGE 1)" % quoted("../../evil"))
        admin.do("CREATE %s ../../evil" % quoted("user/fred/away"))
        admin.do("CREATE %s /tmp" % quoted("user/fred/away"))
    checks.equal("no name leads out of the store", tree_outside(site), before)
    checks.equal("nor up", odd_names_in_spool(site), [])
    for recipient in ("bovik+../../evil", "../evil", "bovik/../fred", "bovik+" + "a." * 300):
        with Peer(site, "lmtp") as peer:
            peer.send(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<%s>\r\nQUIT\r\n" % recipient.encode())
            while peer.line():
                pass
    checks.equal("and no address does", tree_outside(site), before)


def costly(site, checks):
    """Each has to be answered soon, whatever the answer is."""
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000))
    wide = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20000
    references = b"References: " + b" ".join(b"<%d@x>" % n for n in range(20000)) + b"\r\nSubject: r\r\n\r\n"
    header = b"".join(b"X-%d: y\r\n" % n for n in range(20000)) + b"\r\n"
    folded = b"Subject: " + b"\r\n x" * 50000 + b"\r\n\r\n"
    encoded = b"Subject: " + b"=?utf-8?q?=41?= " * 20000 + b"\r\n\r\n"
    groups = b"To: " + b"g:" * 20000 + b";\r\n\r\n"
    comments = b"To: " + b"(" * 50000 + b"\r\n\r\n"
    rfc822 = b"Content-Type: message/rfc822\r\n\r\n" * 3000 + b"\r\n"
    with Imap(site, "fred") as client:
        client.must("CREATE costs")
        for what, data in (("nested", nested), ("wide", wide), ("references", references), ("header", header), ("folded", folded),
                           ("encoded", encoded), ("groups", groups), ("comments", comments), ("rfc822", rfc822)):
            soon(checks, "APPEND of a message with %s" % what, lambda: client.append("costs", data))  # noqa: B023
        client.must("SELECT costs")
        for command in (
                "FETCH 1:* (ENVELOPE BODYSTRUCTURE FLAGS)", "FETCH 1:* BODY.PEEK[HEADER.FIELDS (%s)]" % " ".join("X-%d" % n for n in range(2000)),
                "FETCH 1 BODY.PEEK[%s]" % ".".join(["1"] * 3000), "FETCH 1 BODY.PEEK[%d.1]" % (1 << 31),
                "FETCH 1 BODY.PEEK[]<4294967295.4294967295>", "FETCH 1 BODY.PEEK[]<99999999999999999999.1>",
                "FETCH %s FLAGS" % ",".join(["1:*"] * 2000), "FETCH 4294967295:1 FLAGS", "UID FETCH 1:4294967295 FLAGS",
                "FETCH 0 FLAGS", "FETCH 4294967296 FLAGS", "FETCH 1:* (%s)" % " ".join(["FLAGS"] * 5000),
                "SEARCH " + "(" * 5000 + "ALL" + ")" * 5000, "SEARCH " + "NOT " * 20000 + "ALL", "SEARCH " + "OR ALL " * 5000 + "ALL",
                "SEARCH TEXT %s" % quoted("a" * 5000), "SEARCH CHARSET UTF-8 SUBJECT %s" % quoted("\xe4" * 500),
                "SORT (%s) UTF-8 ALL" % " ".join(["REVERSE SUBJECT"] * 2000), "THREAD REFERENCES UTF-8 ALL", "THREAD ORDEREDSUBJECT UTF-8 ALL",
                "STORE 1:* +FLAGS (%s)" % " ".join("k%d" % n for n in range(500)), 'LIST "" ' + quoted("*%" * 200 + "x"),
                'LIST "" ' + quoted("*a" * 200), 'LIST "" (%s)' % " ".join(['"*"'] * 2000), "ENABLE " + "X " * 5000 + "QRESYNC",
                "STATUS costs (%s)" % " ".join(["MESSAGES"] * 5000), "GETMETADATA costs (%s)" % " ".join(["/private/comment"] * 2000),
                "COPY 1:* costs", "ID (%s)" % '"a" "b" ' * 100):
            soon(checks, command[:60], lambda: client.do(command))  # noqa: B023
    checks.true("and a friend is served", served(site))


def soon(checks, what, work):
    start = time.monotonic()
    try:
        work()
    except (TimeoutError, RuntimeError, OSError) as problem:
        checks.true(what + ": an answer", False, repr(problem))
        raise
    checks.true(what + ": soon", time.monotonic() - start < PATIENCE, "%.1f s" % (time.monotonic() - start))


def ended_halfway(site, checks):
    """Whatever is cut off leaves nothing behind."""
    data = message("halfway", lines=2000)
    with Imap(site, "bovik") as client:
        before = client.count("INBOX")
    for start in (b"a APPEND INBOX {%d+}\r\n" % len(data) + data[:1000], b"a APPEND INBOX {%d+}\r\n" % len(data) + data):
        with Peer(site, "imap") as peer:
            peer.send(b"l LOGIN bovik %s\r\n" % PASSWORD.encode())
            peer.line()
            peer.send(start)
    with Peer(site, "lmtp") as peer:
        peer.send(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bovik>\r\nDATA\r\n" + data)
        time.sleep(0.3)
    time.sleep(0.5)
    with Imap(site, "bovik") as client:
        checks.equal("a message cut off by its sender is not there", client.count("INBOX"), before)
    stage = [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(site.root, "spool")) if "stage." in folder for name in names]
    checks.equal("and no rest of it in the stage directory", stage, [])


PARTS = (floods, endless, hidden_commands, escaping, costly, ended_halfway)


def check(site, checks):
    for part in PARTS:
        try:
            part(site, checks)
        except Exception:
            checks.true(part.__name__, False, traceback.format_exc())


if __name__ == "__main__":
    mail_site.run(check, users=("bovik", "fred"))
