#!/usr/bin/env python3
"""mbsync (isync): 5,000 messages both ways, killed several times in the middle, and the server's imapd too; then flags,
deletions, new messages and new folders on both sides. In the end every message is on both sides, once."""
import os
import random
import re
import signal
import subprocess
import time

import mail_site
import maildir
from mail_site import HOST, PASSWORD, message

CONFIG = """IMAPAccount site
Host {host}
Port {port}
User bovik
Pass {password}
SSLType {tls}
CertificateFile {certificate}
AuthMechs {mechanism}
Timeout 60
PipelineDepth {depth}

IMAPStore far
Account site

MaildirStore near
Path {mail}/
Inbox {mail}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
"""


class Sync:
    def __init__(self, site, checks, count):
        self.site, self.checks, self.count = site, checks, count
        self.mail = os.path.join(site.home, "Mail")
        self.inbox = os.path.join(self.mail, "INBOX")
        self.random = random.Random(count)
        os.makedirs(self.mail)
        maildir.make(self.inbox)
        self.config("STARTTLS", "PLAIN", 50)

    def config(self, tls, mechanism, depth):
        port = self.site.ports["imaps" if tls == "IMAPS" else "imap"]
        self.path = self.site.file(".mbsyncrc", CONFIG.format(
            host="localhost" if tls != "None" else HOST, port=port, password=PASSWORD, tls=tls, mechanism=mechanism,
            certificate=self.site.certificate, mail=self.mail, depth=depth))

    def fill(self):
        """Half of the messages here, half there."""
        half = self.count // 2
        self.site.append("bovik", "INBOX", (message("far %d" % n, n % 20, number=n) for n in range(half)))
        for n in range(half, self.count):
            maildir.add(self.inbox, "1700000000.%d.home" % n, message("near %d" % n, n % 20, number=n), "S" if n % 3 else "")

    def run(self):
        status, said = self.site.run(["mbsync", "-q", "-c", self.path, "-a"], timeout=600)
        # Killed between a message and its entry in the journal it says so, and finds the message again.
        said = re.sub(r"Warning: lost track of \d+ (pulled|pushed) message\(s\)|.*Password is being sent in the clear", "", said)
        self.checks.true("mbsync", status == 0 and not said.strip(), "exit %d: %s" % (status, said))

    def killed(self, at, whom):
        """Starts it and kills it (-9), or the server's imapd, when the Maildir or the journal has grown enough."""
        with open(os.path.join(self.site.scratch, "mbsync.log"), "wb") as log:
            process = subprocess.Popen(["mbsync", "-q", "-c", self.path, "-a"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**os.environ, "HOME": self.site.home})
            end = time.monotonic() + 120
            while process.poll() is None and time.monotonic() < end and len(maildir_names(self.inbox)) < at:
                time.sleep(0.02)
            hit = process.poll() is None
            if whom == "mbsync":
                process.kill()
            else:
                for pid in children(self.site.process.pid, "imapd"):
                    os.kill(pid, signal.SIGKILL)
            process.wait(120)
        self.checks.true("%s was killed in the middle" % whom, hit)

    def compare(self, what):
        """Both sides hold the same, each once, with the same flags."""
        there = self.site.messages("bovik", "INBOX").values()
        here = maildir.mails(self.inbox)
        self.checks.equal(what + ": none doubled there", len({m.subject for m in there}), len(there))
        self.checks.equal(what + ": none doubled here", len({m.subject for m in here}), len(here))
        self.checks.equal(what + ": the same messages", differing({m.subject: 1 for m in here}, {m.subject: 1 for m in there}), {})
        self.checks.equal(what + ": the same flags",
                          differing({m.subject: m.flags for m in here}, {m.subject: m.flags for m in there}), {})
        return {m.subject for m in there}

    def change_there(self, subjects):
        """Flags and expunges by another client; what should come of it."""
        chosen = self.random.sample(subjects, len(subjects) // 10)
        uid = {m.subject: n for n, m in self.site.messages("bovik", "INBOX").items()}
        gone, marked = chosen[::2], chosen[1::2]
        with self.site.imap("bovik") as client:
            client.select("INBOX")
            mail_site.must(client.uid("STORE", ",".join(str(uid[s]) for s in marked), "+FLAGS.SILENT", "(\\Flagged \\Seen)"))
            mail_site.must(client.uid("STORE", ",".join(str(uid[s]) for s in gone), "+FLAGS.SILENT", "(\\Deleted)"))
            mail_site.must(client.expunge())
        return gone, marked

    def change_here(self, subjects):
        mails = {m.subject: m for m in maildir.mails(self.inbox)}
        chosen = self.random.sample(subjects, len(subjects) // 10)
        gone, marked = chosen[::2], chosen[1::2]
        for subject in gone:
            os.unlink(mails[subject].path)
        for subject in marked:
            maildir.mark(mails[subject], "FRS")
        return gone, marked

    def two_ways(self, subjects):
        subjects = sorted(subjects)
        gone_there, marked_there = self.change_there(subjects[::2])
        gone_here, marked_here = self.change_here(subjects[1::2])
        self.site.append("bovik", "INBOX", [message("new there %d" % n, number=n) for n in range(20)], r"(\Answered)")
        for n in range(20):
            maildir.add(self.inbox, "1800000000.%d.home" % n, message("new here %d" % n, number=n), "F")
        self.run()
        left = self.compare("after changes on both sides")
        new = {"new %s %d" % (where, n) for where in ("here", "there") for n in range(20)}
        self.checks.equal("what is left", sorted(left ^ ((set(subjects) | new) - set(gone_here) - set(gone_there)))[:5], [])
        flags = maildir.flags(self.inbox)
        self.checks.true("flags came here", all("\\Flagged" in flags[s] for s in marked_there))
        there = {m.subject: m.flags for m in self.site.messages("bovik", "INBOX").values()}
        self.checks.true("flags went there", all({"\\Flagged", "\\Answered", "\\Seen"} <= there[s] for s in marked_here))

    def folders(self):
        self.site.append("bovik", "Work/Entw&APw-rfe", [message("in a folder there")], make=True)
        maildir.make(os.path.join(self.mail, "Home"))
        maildir.add(os.path.join(self.mail, "Home"), "1.home", message("in a folder here"))
        self.run()
        self.checks.equal("a folder went there", self.site.subjects("bovik", "Home"), ["in a folder here"])
        names = [name for name in os.listdir(os.path.join(self.mail, "Work")) if name.startswith("Entw")]
        self.checks.equal("a folder came here", [maildir.subjects(os.path.join(self.mail, "Work", n)) for n in names],
                          [["in a folder there"]])

    def body(self):
        """Nothing changes on the way but line ends and mbsync's own header."""
        here = {m.subject: m.text for m in maildir.mails(self.inbox)}
        with self.site.imap("bovik") as client:
            client.select("INBOX", readonly=True)
            got = [part[1] for part in mail_site.must(client.fetch("1:40", "(BODY.PEEK[])")) if isinstance(part, tuple)]
        differ = 0
        for text in got:
            subject = text.split(b"Subject: ")[1].split(b"\r\n")[0].decode()
            differ += unmarked(text) != unmarked(here[subject])
        self.checks.equal("texts that differ", differ, 0)


def unmarked(text):
    return [line for line in text.replace(b"\r\n", b"\n").split(b"\n") if not line.startswith(b"X-TUID:")]


def maildir_names(folder):
    return os.listdir(os.path.join(folder, "new")) + os.listdir(os.path.join(folder, "cur"))


def differing(here, there):
    return {key: (here.get(key), there.get(key)) for key in sorted({*here, *there})[:] if here.get(key) != there.get(key)}


def children(pid, name):
    """Processes of that program below a process, ours or real."""
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(line.split()[0]) for line in out.splitlines() if line.split()[1] == name]


def check(site, checks):
    count = site.options.messages
    site.expected = "signaled to death by signal 9"      # our own
    sync = Sync(site, checks, count)
    sync.fill()
    start = time.monotonic()
    for part, whom in enumerate(("mbsync", "imapd", "mbsync")):  # the Maildir grows from a half to the whole
        sync.killed(count // 2 + count * (part + 1) // 10, whom)
    sync.run()
    subjects = sync.compare("after the kills")
    checks.equal("nothing lost", len(subjects), count)
    print("%d messages both ways with three kills: %.1f s" % (count, time.monotonic() - start))
    sync.body()
    sync.config("IMAPS", "CRAM-MD5", 1)
    sync.two_ways(subjects)
    sync.config("None", "LOGIN", 100)
    sync.folders()
    sync.run()
    sync.compare("in the end")


if __name__ == "__main__":
    mail_site.run(check, programs=("mbsync",),
                  options=[("--messages", {"type": int, "default": 5000, "help": "how many (5000)"})])
