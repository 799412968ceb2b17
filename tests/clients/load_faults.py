#!/usr/bin/env python3
"""Load with faults: many IMAP sessions and LMTP deliveries at once while services are killed, one partition is full, and one
mailbox is damaged. No message that was acknowledged may be lost, none may be there twice, other users must not notice, the log
must say what happened, and in the end the store is sound. Ours only.

As root a small file system is mounted for the full partition; otherwise that part is left out, and said so."""
import collections
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import mail_site
from mail_site import ADMIN, HOST, message
from hostile_clients import processes
from overview import Imap

CONFIGURATION = """partition-second: {top}/second
defaultpartition: default
"""
USERS = ["u%02d" % n for n in range(20)]
SMALL = "24m"                                            # the full partition


class Ledger:
    """What was sent, and what was acknowledged."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = collections.defaultdict(set)  # mailbox: subjects
        self.sent = collections.defaultdict(set)
        self.counts = collections.Counter()
        self.number = 0

    def new(self, mailbox):
        with self.lock:
            self.number += 1
            subject = "load %06d" % self.number
            self.sent[mailbox].add(subject)
            return subject

    def done(self, mailbox, subject):
        with self.lock:
            self.acknowledged[mailbox].add(subject)
            self.counts["acknowledged"] += 1

    def count(self, what):
        with self.lock:
            self.counts[what] += 1


class Load:
    def __init__(self, site, seconds, sessions, deliverers):
        self.site, self.ledger = site, Ledger()
        self.end = time.monotonic() + seconds
        self.threads = [threading.Thread(target=self.session, args=(n,)) for n in range(sessions)]
        self.threads += [threading.Thread(target=self.deliverer, args=(n,)) for n in range(deliverers)]
        self.threads.append(threading.Thread(target=self.killer))

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()

    def going(self):
        return time.monotonic() < self.end

    def session(self, number):
        """One client after the other: append, look, flag, expunge what it appended itself and marked."""
        rng = random.Random(number)
        user = USERS[number % len(USERS)]
        while self.going():
            try:
                with Imap(self.site, user) as client:
                    client.must("SELECT App")
                    for _ in range(rng.randrange(2, 12)):
                        self.append(client, user)
                        client.do("FETCH 1:* (UID FLAGS)")
                        client.do("STORE %d +FLAGS (\\Flagged $k%d)" % (rng.randrange(1, 20), number % 7))
                        client.do("SEARCH SUBJECT load")
                        self.ledger.count("IMAP commands")
                        time.sleep(rng.random())
                        if not self.going():
                            break
                    client.do("LOGOUT")
            except (OSError, RuntimeError):
                self.ledger.count("IMAP sessions cut off")
                time.sleep(rng.random())

    def append(self, client, user):
        subject = self.ledger.new(user + "/App")
        status = client.append("App", message(subject, lines=5))
        if status.startswith("OK"):
            self.ledger.done(user + "/App", subject)

    def deliverer(self, number):
        """As a mail transport agent: what was not answered is sent again, and what was refused for now later, too."""
        rng = random.Random(-number - 1)
        waiting = []
        while self.going() or waiting:
            late = time.monotonic() > self.end + 30
            if late:
                break
            if self.going() and len(waiting) < 3:
                users = rng.sample([*USERS, "broken", *(["full"] if self.site.full else [])], rng.randrange(1, 4))
                subject = self.ledger.new(users[0] + "/INBOX")
                with self.ledger.lock:
                    for user in users[1:]:
                        self.ledger.sent[user + "/INBOX"].add(subject)
                waiting.append((subject, users))
            subject, users = waiting.pop(0)
            left = self.deliver(subject, users)
            if left and not (set(left) <= {"broken", "full"}):
                waiting.append((subject, left))
                time.sleep(0.2)

    def deliver(self, subject, users):
        """The users for whom it was not acknowledged."""
        size = 200000 if "full" in users else 0
        data = message(subject, lines=8) + (b"x" * 75 + b"\r\n") * (size // 77)
        done = []
        try:
            with socket.create_connection((HOST, self.site.ports["lmtp"]), timeout=60) as peer, peer.makefile("rb") as file:
                def say(text):
                    peer.sendall(text.encode() + b"\r\n")
                    return answer()

                def answer():
                    line = file.readline()
                    while line[3:4] == b"-":
                        line = file.readline()
                    if not line:
                        raise OSError("hung up")
                    return int(line[:3])

                answer()
                say("LHLO load.test")
                say("MAIL FROM:<ann@example.org>")
                taken = [user for user in users if say("RCPT TO:<%s>" % user) == 250]
                if taken and say("DATA") == 354:
                    peer.sendall(re.sub(rb"(?m)^\.", b"..", data) + b".\r\n")
                    for user in taken:
                        code = answer()
                        if code == 250:
                            self.ledger.done(user + "/INBOX", subject)
                            done.append(user)
                        else:
                            self.ledger.count("deliveries answered %d" % code)
        except (OSError, ValueError):
            self.ledger.count("LMTP sessions cut off")
        return [user for user in users if user not in done]

    def killer(self):
        rng = random.Random(99)
        while self.going():
            time.sleep(0.3 + rng.random())
            victims = processes(self.site)
            if victims:
                try:
                    os.kill(rng.choice(victims), signal.SIGKILL)
                    self.ledger.count("processes killed")
                except ProcessLookupError:
                    pass


def damage(site):
    """The middle of an index in use, as a failing disk leaves it."""
    for folder, _, names in os.walk(os.path.join(site.root, "spool")):
        if "cyrus.header" in names:
            with open(os.path.join(folder, "cyrus.header"), "rb") as file:
                if b"broken" not in file.read():
                    continue
            with open(os.path.join(folder, "cyrus.index"), "r+b") as file:
                file.seek(20)
                file.write(os.urandom(60))
            return True
    return False


def judge(site, checks, ledger):
    """Everything acknowledged is there once."""
    users = [*USERS, *(["full"] if site.full else [])]
    for user in users:
        for folder in ("INBOX", "App"):
            key = "%s/%s" % (user, folder)
            if key not in ledger.sent:
                continue
            found = collections.Counter(site.subjects(user, folder))
            lost = sorted(subject for subject in ledger.acknowledged[key] if not found[subject])
            checks.equal("%s: acknowledged and not there" % key, lost, [])
            checks.equal("%s: there more than once" % key, sorted(s for s, n in found.items() if n > 1), [])
            checks.equal("%s: there and never sent" % key, sorted(s for s in found if s.startswith("load ") and s not in ledger.sent[key]), [])


def program(site, name, *words):
    command = [os.path.join(site.bindir, name), "-C", os.path.join(site.root, "imapd.conf"), *words]
    got = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False)
    return got.returncode, got.stdout.decode("utf-8", "replace")


def check(site, checks):
    with Imap(site, ADMIN) as admin:
        if site.full:
            admin.must("RENAME user/full user/full second")
    for user in USERS:
        with Imap(site, user) as client:
            client.must("CREATE App")
    checks.true("a mailbox is damaged", damage(site))
    options = site.options
    load = Load(site, options.seconds, options.sessions, options.deliverers)
    load.run()
    counts = load.ledger.counts
    print(", ".join("%s %d" % pair for pair in sorted(counts.items())))
    checks.true("services were killed", counts["processes killed"] > options.seconds / 4, counts)
    checks.true("much was acknowledged all the same", counts["acknowledged"] > options.seconds * 5, counts)
    judge(site, checks, load.ledger)
    said = site.said()
    checks.has("the log names the killed", said, "signaled to death by signal 9|killed by signal 9|signal 9")
    checks.has("the log names the damaged mailbox and what is wrong", said, r"broken.*(header|index|crc|checksum)|(header|index|crc|checksum).*broken")
    if site.full:
        checks.has("the log names the full disk", said, "No space left on device")
    site.expected = r"signal 9|broken|No space left|second"
    site.stop()
    after(site, checks)


def after(site, checks):
    """The damaged mailbox is repaired; then nothing in the store is wrong."""
    if os.geteuid() == 0:
        os.environ["CYRUS_USER"] = "nobody"
    status, said = program(site, "reconstruct", "user/broken")
    checks.true("the damaged mailbox is repaired", status in (0, 2) and "broken" in said, said)
    status, said = program(site, "chk_cyrus")
    checks.true("chk_cyrus finds nothing", status == 0, said)
    status, said = program(site, "reconstruct", "--store", "-n")
    checks.true("reconstruct --store finds nothing", status == 0 and not re.search(r"would|found|missing|wrong", said), said)
    site.start()


def mount(site):
    """The second partition as a small file system of its own; false where that is not allowed."""
    path = os.path.join(site.root, "second")
    os.makedirs(path, exist_ok=True)
    return subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + SMALL, "full", path], stderr=subprocess.DEVNULL, check=False).returncode == 0


class LoadSite(mail_site.Site):
    full = False

    def make(self):
        super().make()
        self.full = os.geteuid() == 0 and mount(self)
        if not self.full:
            print("no full partition: mounting one needs root")

    def __exit__(self, *rest):
        self.stop()
        if self.full:
            subprocess.run(["umount", os.path.join(self.root, "second")], check=False)
        super().__exit__(*rest)


if __name__ == "__main__":
    mail_site.Site = LoadSite
    sys.exit(mail_site.run(check, users=[*USERS, "broken", "full"], configuration=CONFIGURATION, options=(
        ("--seconds", {"type": float, "default": 300.0}), ("--sessions", {"type": int, "default": 200}),
        ("--deliverers", {"type": int, "default": 20}))))
