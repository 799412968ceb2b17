#!/usr/bin/env python3
"""interimap: two accounts kept equal by QRESYNC (VANISHED, MODSEQ, UIDNEXT, HIGHESTMODSEQ of every mailbox are believed), killed
in the middle, changes on both sides for some rounds, watching, folders, repair, a mailbox made anew; pullimap: an account
delivered by LMTP, what is new only, by IDLE, purged."""
import os
import random
import re
import signal
import subprocess
import time

import mail_site
from mail_site import HOST, PASSWORD, message

SIDE = """[{name}]
type = {type}
STARTTLS = {starttls}
host = {host}
port = {port}
username = {user}
password = {password}
auth = {auth}
compress = {compress}
SSL_CAfile = {certificate}
"""
SIDES = (("local", "bovik"), ("remote", "wes"))
WAYS = (("imap", "NO", "PLAIN", "NO"), ("imaps", "NO", "PLAIN", "YES"), ("imap", "YES", "LOGIN", "YES"), ("imap", "NO", "LOGIN", "YES"))
PULL = """[{name}]
statefile = {state}
mailbox = {mailbox}
deliver-method = lmtp:[127.0.0.1]:{lmtp}
deliver-rcpt = fred
{purge}
"""


class Sync:
    def __init__(self, site, checks, count):
        self.site, self.checks, self.count = site, checks, count
        self.random = random.Random(count)
        self.serial = 0
        self.configure(WAYS[0], WAYS[1])

    def side(self, name, user, way):
        kind, starttls, auth, compress = way
        return SIDE.format(name=name, type=kind, starttls=starttls, auth=auth, compress=compress, user=user, password=PASSWORD,
                           host="localhost" if kind == "imaps" or starttls == "YES" else HOST,
                           port=self.site.ports["imaps" if kind == "imaps" else "imap"], certificate=self.site.certificate)

    def configure(self, *ways):
        text = "database = %s/sync.db\nlist-mailbox = *\n" % self.site.home
        text += "".join(self.side(name, user, way) for (name, user), way in zip(SIDES, ways))
        self.config = self.site.file("interimap.conf", text)

    def words(self, *more):
        return ["interimap", "--config=" + self.config, "--debug", *more]

    def run(self, what, *more, environment=None):
        status, said = self.site.run(self.words(*more), timeout=600, environment=environment)
        self.checks.true("interimap, " + what, status == 0, "exit %d: %s" % (status, said[-1500:]))
        self.checks.equal("interimap, %s: warnings" % what, warnings(said), [])
        return said

    def settle(self, what):
        """Synchronized; the flags of what it has just appended come as changes once; and then there is nothing to do: no
        mailbox is even selected."""
        self.run(what)
        said = self.run(what + ", again")
        self.checks.equal(what + ": no message twice", re.findall(r".* C: .*(?:APPEND|EXPUNGE) .*", said), [])
        said = self.run(what + ", a third time")
        self.checks.equal(what + ": nothing left to do", re.findall(r".* C: .*(?:SELECT|APPEND|STORE|EXPUNGE) .*", said), [])
        self.equal(what)

    def equal(self, what):
        """Both accounts hold the same; all messages of the local one by mailbox."""
        folders = [self.site.folders(user) for _, user in SIDES]
        self.checks.equal(what + ": the same mailboxes", folders[0], folders[1])
        out = {}
        for folder in folders[0]:
            here, there = (by_subject(self.site.messages(user, folder)) for _, user in SIDES)
            self.checks.equal("%s: %s" % (what, folder), differing(here, there), {})
            out[folder] = here
        return out

    def killed(self, at, whom):
        """Killed (-9) when the other account has that many messages."""
        process = subprocess.Popen(self.words(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "HOME": self.site.home})
        end = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < end and count(self.site, "wes", "INBOX") < at:
            time.sleep(0.02)
        hit = process.poll() is None
        if whom == "interimap":
            process.kill()
        else:
            for pid in children(self.site.process.pid, "imapd"):
                os.kill(pid, signal.SIGKILL)
        process.wait(120)
        self.checks.true("%s was killed in the middle" % whom, hit)

    def doubled(self):
        """What interimap had appended and not yet noted when it was killed came twice: what one APPEND took along.
        Taken away on one side."""
        seen, twice = set(), []
        for uid, mail in self.site.messages("wes", "INBOX").items():
            if mail.subject in seen:
                twice.append("%d" % uid)
            seen.add(mail.subject)
        self.checks.true("doubled by kills", len(twice) <= self.count, "%d" % len(twice))
        with self.site.imap("wes") as client:
            client.select("INBOX")
            if twice:
                mail_site.must(client.uid("STORE", ",".join(twice), "+FLAGS.SILENT", r"(\Deleted)"))
                mail_site.must(client.expunge())
        print("doubled by kills: %d" % len(twice))

    def fill(self):
        for n in range(2):
            self.site.append(SIDES[n][1], "INBOX", (message("%s %d" % (SIDES[n][0], k), k % 20, number=k) for k in range(self.count)))
        self.site.append("bovik", "Work", [message("work %d" % n, number=n) for n in range(7)], r"(\Seen \Flagged $Label1)", True)
        self.site.append("wes", "Work/Entw&APw-rfe", [message("draft %d" % n, number=n) for n in range(5)], r"(\Draft)", True)
        self.site.append("wes", "With a space", [message("space")], make=True)

    def change(self, user, folder, part):
        """Flags, expunges, copies, moves and new messages, in one session; PART: which messages, so that none has two changes."""
        with self.site.imap(user) as client:
            mail_site.must(client.select(mail_site.quoted(folder)))
            subjects = sorted(by_subject(self.site.messages(user, folder)))
            uid = {m.subject: n for n, m in self.site.messages(user, folder).items()}
            chosen = [uid[s] for s in subjects if int(re.search(r"\d+$", s).group()) % 4 == part and self.random.random() < 0.6]
            for n, number in enumerate(chosen):
                what = n % 6
                if what == 0:
                    mail_site.must(client.uid("STORE", "%d" % number, "+FLAGS.SILENT", r"(\Deleted)"))
                elif what == 1:
                    mail_site.must(client.uid("STORE", "%d" % number, "FLAGS", r"(\Answered keyword%d)" % (n % 3)))
                elif what == 2:
                    mail_site.must(client.uid("STORE", "%d" % number, "+FLAGS", r"(\Flagged)"))
                elif what == 3:
                    mail_site.must(client.uid("STORE", "%d" % number, "FLAGS.SILENT", "()"))
                elif what == 4:
                    mail_site.must(client.uid("MOVE", "%d" % number, "Moved"))
                else:
                    mail_site.must(client.uid("FETCH", "%d" % number, "(BODY[TEXT])"))
            mail_site.must(client.expunge())
        for _ in range(self.random.randrange(9)):
            self.serial += 1
            self.site.append(user, folder, [message("new %s %d" % (user, self.serial), number=self.serial)], r"(\Seen $Junk)")

    def rounds(self):
        for _, user in SIDES:
            with self.site.imap(user) as client:
                client.create("Moved")
        self.settle("empty mailboxes")
        for n in range(5):
            self.configure(WAYS[n % 4], WAYS[(n // 2 + 1) % 4])
            for part, (_, user) in enumerate(SIDES):
                self.change(user, "INBOX", (part + n) % 4)
                self.change(user, "Work", (part + n) % 4)
            self.settle("round %d" % n)

    def conflict(self):
        """The same message changed on both sides: the union, as interimap says."""
        subject = sorted(by_subject(self.site.messages("bovik", "INBOX")))[0]
        for (_, user), flag in zip(SIDES, (r"\Flagged", r"\Answered")):
            uid = [n for n, m in self.site.messages(user, "INBOX").items() if m.subject == subject]
            with self.site.imap(user) as client:
                client.select("INBOX")
                mail_site.must(client.uid("STORE", "%d" % uid[0], "FLAGS", "(%s)" % flag))
        status, said = self.site.run(self.words())
        self.checks.equal("a conflict", status, 0)
        self.checks.has("a conflict is said", said, "Conflicting flag update")
        self.checks.equal("a conflict becomes the union", by_subject(self.site.messages("wes", "INBOX"))[subject].flags,
                          {r"\Flagged", r"\Answered"})

    def watch(self):
        """One process that looks every second while both sides change."""
        with open(os.path.join(self.site.scratch, "watch.log"), "w+b") as log:
            process = subprocess.Popen(self.words("--watch=1"), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**os.environ, "HOME": self.site.home})
            try:
                for n in range(4):
                    self.change(SIDES[n % 2][1], "INBOX", n)
                    self.site.append(SIDES[n % 2][1], "Watched", [message("watched %d" % n)], make=True)
                end = time.monotonic() + 60
                while time.monotonic() < end and process.poll() is None and not self.done():
                    time.sleep(0.5)
                self.checks.true("it still watches", process.poll() is None)
            finally:
                process.terminate()
                process.wait(30)
            log.seek(0)
            said = warnings(log.read().decode("utf-8", "replace"))
        self.checks.equal("while watching: warnings", [line for line in said if "Conflicting flag update" not in line], [])
        self.equal("after watching")

    def done(self):
        return all(self.same(folder) for folder in ("INBOX", "Watched", "Moved"))

    def same(self, folder):
        sides = [by_subject(self.site.messages(user, folder)) for _, user in SIDES]
        return bool(sides[0]) and differing(*sides) == {}

    def folders(self):
        self.run("--rename", "--rename", "Work", "Work 2")
        self.checks.equal("renamed on both sides", [[f for f in self.site.folders(user) if f.startswith("Work")]
                                                    for _, user in SIDES], [["Work 2", "Work 2/Entw&APw-rfe"]] * 2)
        self.settle("renamed")
        self.run("--delete", "--delete", "Watched")
        self.checks.equal("deleted on both sides", [f for _, user in SIDES for f in self.site.folders(user) if f == "Watched"], [])
        self.settle("deleted")
        with self.site.imap("wes") as client:
            mail_site.must(client.subscribe("Moved"))
        self.site.append("bovik", "By itself", [message("alone 1")], make=True)
        self.settle("a new mailbox")

    def repair(self):
        self.change("bovik", "INBOX", 2)
        said = self.run("--repair", "--repair")
        self.checks.true("--repair fetches all", "FETCH" in said)
        self.settle("after the repair")

    def made_anew(self):
        """Another UIDVALIDITY: interimap refuses the mailbox and harms none."""
        with self.site.imap("wes") as client:
            mail_site.must(client.delete("Moved"))
            mail_site.must(client.create("Moved"))
        before = self.site.subjects("bovik", "Moved")
        status, said = self.site.run(self.words())
        self.checks.true("made anew: interimap stops", status != 0, said[-500:])
        self.checks.has("made anew: UIDVALIDITY", said, "UIDVALIDITY changed")
        self.checks.equal("made anew: nothing lost", self.site.subjects("bovik", "Moved"), before)
        self.run("the mailbox is given up", "--target=database", "--delete", "Moved")
        self.settle("the mailbox made anew")
        self.checks.equal("made anew: filled", self.site.subjects("wes", "Moved"), before)


def warnings(said):
    return [line for line in said.splitlines() if re.search(r"\b(WARNING|ERROR|BUG|BYE|BAD|Couldn't|Can't|line \d+\.)", line, re.I)
            and not re.search(r"\[BADCHARSET|\[TRYCREATE|BYE .*LOGOUT|LOGOUT| C: |S: 221 |CAPABILITY|ALREADYEXISTS|Creating mailbox", line)]


def by_subject(messages):
    return {m.subject: m for m in messages.values()}


def differing(here, there):
    """The messages that are not on both sides with the same text, flags and date."""
    return {key: (here.get(key), there.get(key)) for key in sorted({*here, *there}) if here.get(key) != there.get(key)}


def count(site, user, folder):
    with site.imap(user) as client:
        return int(re.search(rb"MESSAGES (\d+)", mail_site.must(client.status(folder, "(MESSAGES)"))[0]).group(1))


def children(pid, name):
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(line.split()[0]) for line in out.splitlines() if line.split()[1] == name]


class Pull:
    def __init__(self, site, checks, sync):
        self.site, self.checks, self.sync = site, checks, sync

    def configure(self, way, mailbox, purge=""):
        text = PULL.format(name="pull", state=os.path.join(self.site.home, "state." + re.sub(r"\W", "", mailbox)),
                           mailbox=mailbox, lmtp=self.site.ports["lmtp"], purge=purge)
        return self.site.file("pullimap.conf", text + self.sync.side("pull", "wes", way).split("\n", 1)[1])

    def words(self, config, *more):
        return ["pullimap", "--config=" + config, "--debug", *more, "pull"]

    def run(self, what, config, *more):
        status, said = self.site.run(self.words(config, *more))
        if self.site.kind == "cyrus" and "Pending FLAG updates" in said:
            return                                       # the real one answers STORE FLAGS.SILENT, which pullimap does not bear
        self.checks.true("pullimap, " + what, status == 0, "exit %d: %s" % (status, said[-1500:]))
        self.checks.equal("pullimap, %s: warnings" % what, warnings(said), [])

    def mails(self):
        return self.site.subjects("fred", "INBOX")

    def all(self):
        names = ["pull %d" % n for n in range(30)]
        for n, way in enumerate(WAYS):
            self.site.append("wes", "Pull/%d" % n, [message("%s %d" % (s, n), k, number=k) for k, s in enumerate(names)], make=True)
            config = self.configure(way, "Pull/%d" % n)
            for turn in ("first", "again"):
                self.run("%s %s" % (" ".join(way), turn), config)
                want = sorted("%s %d" % (s, k) for s in names for k in range(n + 1))
                self.checks.equal("%s: delivered once" % turn, self.mails(), want)
        flags = {m.flags for m in self.site.messages("wes", "Pull/0").values()}
        self.checks.equal("delivered ones are \\Seen", flags, {frozenset({"\\Seen"})})
        if self.site.kind == "cyrus":
            return
        self.idle(config)
        self.site.append("wes", "Pull/0", [message("purged at once")])
        self.run("purge at once", self.configure(WAYS[1], "Pull/0", "purge-after = 0"))
        self.checks.equal("purged at once", [self.site.subjects("wes", "Pull/0"), self.mails().count("purged at once")], [[], 1])
        self.run("purge the old", self.configure(WAYS[1], "Pull/1", "purge-after = 1"))
        self.checks.equal("nothing old to purge", len(self.site.subjects("wes", "Pull/1")), 30)

    def idle(self, config):
        with open(os.path.join(self.site.scratch, "idle.log"), "w+b") as log:
            process = subprocess.Popen(self.words(config, "--idle=5"), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**os.environ, "HOME": self.site.home})
            try:
                time.sleep(2)
                self.site.append("wes", "Pull/3", [message("while idle")])
                end = time.monotonic() + 60
                while time.monotonic() < end and process.poll() is None and "while idle" not in self.mails():
                    time.sleep(0.2)
                self.checks.equal("IDLE: delivered", self.mails().count("while idle"), 1)
                self.checks.true("IDLE: it goes on", process.poll() is None)
            finally:
                process.terminate()
                process.wait(30)


def check(site, checks):
    site.expected = "signaled to death by signal 9"      # our own
    sync = Sync(site, checks, site.options.messages)
    sync.fill()
    start = time.monotonic()
    for part, whom in enumerate(("interimap", "imapd", "interimap")):
        sync.killed(sync.count * (part * 3 + 12) // 10, whom)
    sync.run("after the kills")
    sync.doubled()
    sync.settle("after the kills")
    checks.equal("nothing lost", len(by_subject(site.messages("wes", "INBOX"))), 2 * sync.count)
    for part in (sync.rounds, sync.conflict, sync.watch, sync.folders, sync.repair, sync.made_anew, Pull(site, checks, sync).all):
        part()
    print("2 times %d messages and three kills: %.1f s" % (sync.count, time.monotonic() - start))


if __name__ == "__main__":
    mail_site.run(check, users=("bovik", "wes", "fred"), programs=("interimap", "pullimap"),
                  options=[("--messages", {"type": int, "default": 300, "help": "how many on each side (300)"})])
