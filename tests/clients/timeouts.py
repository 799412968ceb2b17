#!/usr/bin/env python3
"""Clients that fall silent: before login, after it, in IDLE, in the middle of a literal or of a message, in a TLS handshake.
Each is sent away with a word, once its time is over and not before, and nothing half done stays. Half an hour passes in
seconds: short_waits is preloaded into the server (the real Cyrus waits in another way: there it shortens nothing)."""
import concurrent.futures
import os
import time

import mail_site
from hostile_clients import Peer
from mail_site import PASSWORD, message, must, quoted

DIVISOR = 300
IMAP, POP, LMTP, TLS = 1920 / DIVISOR, 600 / DIVISOR, 300 / DIVISOR, 30 / DIVISOR   # seconds; the first is the default of 32 min
LATE = 8.0                                               # seconds by which a busy machine may be late


def shorten(options):
    folder = options.bin or options.waits
    library = options.waits or os.path.join(os.path.dirname(os.path.realpath(folder)), "lib/short_waits.so")
    return {"LD_PRELOAD": library, "CYRKIT_WAITS_DIVISOR": str(DIVISOR), "ASAN_OPTIONS": "verify_asan_link_order=0"}


class Silence:
    """One connection that says its words, each answered, and then nothing more."""

    def __init__(self, site, checks, what, service, words, wait, bye):
        self.checks, self.what, self.wait, self.bye = checks, what, wait, bye
        self.peer = Peer(site, service)
        self.words = words

    def __call__(self):
        with self.peer:
            for word, answer in self.words:
                self.peer.send(word)
                self.until(answer)
            began = time.monotonic()
            said = self.rest()
            took = time.monotonic() - began
        self.checks.true(self.what + ": sent away in time", 0.8 * self.wait <= took <= self.wait + LATE,
                         "after %.1f s, not %.1f" % (took, self.wait))
        if self.bye is not None:
            self.checks.has(self.what, said.decode(errors="replace"), self.bye)

    def until(self, answer):
        while answer:
            line = self.peer.line()
            if not line:
                raise RuntimeError("%s: the connection ended before %r" % (self.what, answer))
            if line.startswith(answer):
                return

    def rest(self):
        """All that comes until the server hangs up."""
        said = b""
        while True:
            line = self.peer.line()
            if not line:
                return said + (b"(it did not hang up)" if line is None else b"")
            said += line


def silences(site, checks):
    login = (b"a LOGIN bovik %s\r\n" % PASSWORD.encode(), b"a OK")
    select = (b"b SELECT INBOX\r\n", b"b OK")
    bye = r"^\* BYE .*idle for too long"
    pop_login = [(b"USER bovik\r\n", b"+OK"), (b"PASS %s\r\n" % PASSWORD.encode(), b"+OK")]
    mail = [(b"LHLO here\r\n", b"250 "), (b"MAIL FROM:<a@example.org>\r\n", b"250"), (b"RCPT TO:<bovik>\r\n", b"250")]
    rows = [
        ("IMAP before login", "imap", [], IMAP, bye),
        ("IMAP in AUTHENTICATE", "imap", [(b"a AUTHENTICATE PLAIN\r\n", b"+")], IMAP, None),
        ("IMAP after login", "imap", [login], IMAP, bye),
        ("IMAP in half a command", "imap", [login, (b"b SEL", b"")], IMAP, bye),
        ("IMAP in IDLE", "imap", [login, select, (b"c IDLE\r\n", b"+")], IMAP, bye),
        ("IMAP in a literal", "imap", [login, (b"b APPEND INBOX {1000}\r\n", b"+"), (b"Subject: half\r\n\r\n", b"")], IMAP, bye),
        ("IMAP in a TLS handshake", "imap", [(b"a STARTTLS\r\n", b"a OK")], TLS, None),
        ("POP3 before login", "pop3", [], POP, r"^-ERR .*idle for too long"),
        ("POP3 after DELE", "pop3", [*pop_login, (b"DELE 1\r\n", b"+OK")], POP, r"^-ERR .*idle for too long"),
        ("LMTP at the start", "lmtp", [], LMTP, r"^421 .*idle for too long"),
        ("LMTP in a message", "lmtp", [*mail, (b"DATA\r\n", b"354"), (b"Subject: half\r\n", b"")], LMTP, None),
    ]
    return [Silence(site, checks, *row) for row in rows]


def talkative(site, checks):
    """One that says a word now and then stays as long as it likes."""
    with Peer(site, "imap") as peer:
        peer.send(b"a LOGIN bovik %s\r\n" % PASSWORD.encode())
        began, answers = time.monotonic(), []
        while time.monotonic() - began < 1.6 * IMAP:
            time.sleep(IMAP / 6)
            peer.send(b"b NOOP\r\n")
            answers.append(peer.line()[:4])
        checks.true("a client that says NOOP stays", all(answer in (b"a OK", b"b OK") for answer in answers), answers)


def check(site, checks):
    site.append("bovik", "INBOX", [message("kept")])
    # POP3 has the mailbox for itself where so configured; here all of them look at once.
    jobs = [*silences(site, checks), lambda: talkative(site, checks)]
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        for run in [pool.submit(job) for job in jobs]:
            run.result()
    checks.equal("what lies in the mailbox afterwards", site.subjects("bovik", "INBOX"), ["kept"])
    with site.imap("bovik") as client:
        status = must(client.status(quoted("INBOX"), "(MESSAGES)"))
    checks.has("the next client is served", status[0].decode(), r"MESSAGES 1\b")


if __name__ == "__main__":
    mail_site.run(check, environment=shorten,
                  options=[("--waits", {"help": "the library short_waits, where it does not lie beside --bin"})])
