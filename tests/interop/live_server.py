#!/usr/bin/env python3
"""A live Cyrus 3.6.1 takes deliveries (LMTP) and changes (IMAP) while our `reconstruct -r -j 2` and `quota -f` go over the
same mailboxes in a loop. Whatever the server acknowledged must be there in the end, once, with the flags that it had last;
the server must have nothing to complain about, and our programs neither.

  live_server.py --bin DIR [--seconds N] [--store NAME]
"""
import argparse
import collections
import email.utils
import os
import random
import re
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "matrix"))
import facts  # noqa: E402
import golden  # noqa: E402
import oracle as real_cyrus  # noqa: E402
import repair  # noqa: E402

SERVICES = """START {{
  recover cmd="{programs}/ctl_cyrusdb -C {conf} -r"
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {conf}" listen="127.0.0.1:{port}" proto="tcp4" prefork=0
  lmtp cmd="{programs}/lmtpd -C {conf} -a" listen="{lmtp}" prefork=0
}}
EVENTS {{
}}
"""
PREFIX = "live%d" % os.getpid()
FLAGS = ("\\Answered", "\\Flagged", "\\Seen", "\\Draft", "$Live")
COMPLAINTS = re.compile(r"IOERROR|DBERROR|FATAL|error|corrupt|mismatch|invalid|inconsisten|assert|signaled", re.I)
# What 3.6.1 says in every run, whoever works beside it.
USUAL = re.compile(r"sql|SASL|auxprop|xapian|zoneinfo|loglevel|pid file|DBERROR: error listing log files|FATAL ERROR: could not set")


class Log:
    """Takes the place of syslog: what the real programs say, line by line. Only where there is no /dev/log."""

    def __init__(self):
        self.lines, self.socket = [], None
        if os.geteuid() == 0 and not os.path.exists("/dev/log"):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind("/dev/log")
            os.chmod("/dev/log", 0o666)
            threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                self.lines.append(self.socket.recv(8192).decode("utf-8", "replace"))
            except OSError:
                return

    def close(self):
        if self.socket:
            os.unlink("/dev/log")
            self.socket.close()

    def complaints(self):
        """Of our server, not of another one on the machine."""
        return [line for line in self.lines if PREFIX + "/" in line and COMPLAINTS.search(line) and not USUAL.search(line)]


class Server(real_cyrus.Server):
    def __init__(self, oracle, root):
        self.lmtp = os.path.join(root, "run/lmtp.sock")
        super().__init__(oracle, root, SERVICES.replace("{lmtp}", self.lmtp))


class Lmtp:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")
        self.answer()
        self.say("LHLO live.example.org")

    def answer(self):
        while True:
            line = self.file.readline()
            if not line:
                raise RuntimeError("lmtpd closed the connection")
            if line[3:4] != b"-":
                return line.decode()

    def say(self, text):
        self.socket.sendall(text.encode() + b"\r\n")
        return self.answer()

    def deliver(self, recipient, message):
        """Whether the server took it."""
        for text in ("MAIL FROM:<sender@example.org>", "RCPT TO:<%s>" % recipient, "DATA"):
            got = self.say(text)
            if got[0] not in "23":
                raise RuntimeError("%s: %s" % (text, got))
        self.socket.sendall(message.replace(b"\n.", b"\n..") + b".\r\n")
        return self.answer().startswith("250")


def message(tag, rng):
    body = "".join("%s line of %s\r\n" % (tag, rng.random()) for _ in range(rng.randrange(1, 60)))
    return ("From: sender@example.org\r\nTo: someone@example.org\r\nSubject: %s\r\nMessage-ID: <%s@live.example.org>\r\n"
            "Date: %s\r\n\r\n%s" % (tag, tag, email.utils.formatdate(1700000000), body)).encode()


class Load:
    """What the clients did, and what they were told about it."""

    def __init__(self, server, users, until):
        self.server, self.users, self.until = server, users, until
        self.expected = collections.defaultdict(dict)    # mailbox -> tag -> flags
        self.failures, self.counts = [], collections.Counter()
        self.threads = [threading.Thread(target=self.guarded, args=(what, user, n))
                        for n, user in enumerate(users) for what in (self.imap, self.lmtp)]

    def guarded(self, what, user, number):
        try:
            what(user, random.Random(number))
        except Exception as trouble:                     # a client that dies is a finding
            self.failures.append("%s of %s: %s: %s" % (what.__name__, user, type(trouble).__name__, trouble))

    def lmtp(self, user, rng):
        client, number = Lmtp(self.server.lmtp), 0
        while time.monotonic() < self.until:
            tag = "lmtp-%s-%d" % (user, number)
            number += 1
            if not client.deliver(user, message(tag, rng)):
                self.failures.append("LMTP refused " + tag)
            self.expected["INBOX", user][tag] = None     # the IMAP client may flag it, so that is not known here
            self.counts["delivered"] += 1
            time.sleep(rng.random() * 0.05)

    def imap(self, user, rng):
        """Works in a folder of its own, so that it knows every flag."""
        client = real_cyrus.Client(self.server.port, user)
        folder = "INBOX/Live" if self.slash(client) else "INBOX.Live"
        client.command("CREATE " + real_cyrus.quoted(folder))
        client.ok("SELECT " + real_cyrus.quoted(folder))
        mine, number = self.expected[folder, user], 0
        uids = {}
        while time.monotonic() < self.until:
            step = rng.randrange(8) if uids else 0
            if step < 4:
                tag = "imap-%s-%d" % (user, number)
                number += 1
                flags = frozenset(rng.sample(FLAGS, rng.randrange(3)))
                uids[tag] = self.append(client, folder, message(tag, rng), flags)
                mine[tag] = flags
            elif step < 7:
                tag = rng.choice(sorted(uids))
                flags = frozenset(rng.sample(FLAGS, rng.randrange(4)))
                client.ok("UID STORE %d FLAGS.SILENT (%s)" % (uids[tag], " ".join(sorted(flags))))
                mine[tag] = flags
                self.counts["flagged"] += 1
            else:
                tag = rng.choice(sorted(uids))
                client.ok("UID STORE %d +FLAGS.SILENT (\\Deleted)" % uids[tag])
                client.ok("UID EXPUNGE %d" % uids.pop(tag))
                del mine[tag]
                self.counts["expunged"] += 1
        client.close()

    def append(self, client, folder, data, flags):
        client.number += 1
        tag = b"t%d " % client.number
        client.socket.sendall(tag + ("APPEND %s (%s) {%d+}\r\n" % (real_cyrus.quoted(folder), " ".join(sorted(flags)), len(data))).encode()
                              + data + b"\r\n")
        while True:
            line = client.response()
            if line.startswith(tag):
                found = re.search(rb"APPENDUID \d+ (\d+)", line)
                if not found:
                    raise RuntimeError("APPEND: " + line.decode("utf-8", "replace"))
                self.counts["appended"] += 1
                return int(found.group(1))

    @staticmethod
    def slash(client):
        return any(b'"/"' in line for line in client.ok('LIST "" ""'))


def judge(load, server):
    """Every acknowledged message is there once, with its flags, and nothing else of ours."""
    problems = []
    for (folder, user), expected in sorted(load.expected.items()):
        client = real_cyrus.Client(server.port, user)
        client.ok("SELECT " + real_cyrus.quoted(folder))
        found = collections.defaultdict(list)
        for got in client.messages("FLAGS RFC822.HEADER").values():
            subject = re.search(rb"\r\nSubject: ((?:imap|lmtp)-\S+)", got["RFC822.HEADER"])
            if subject:
                flags = frozenset(got["FLAGS"].decode()[1:-1].split()) - {"\\Recent"}
                found[subject.group(1).decode()].append(flags)
        client.close()
        for tag in sorted({*expected, *found}):
            there, wanted = found.get(tag, []), expected.get(tag)
            if tag not in expected:
                problems.append("%s of %s: %s is back" % (folder, user, tag))
            elif len(there) != 1:
                problems.append("%s of %s: %s is there %d times" % (folder, user, tag, len(there)))
            elif wanted is not None and there[0] != wanted:
                problems.append("%s of %s: %s has %s, not %s" % (folder, user, tag, sorted(there[0]), sorted(wanted)))
    return problems


def our_loop(root, bindir, people, until, problems):
    """How often both programs ran over the store."""
    turns = 0
    while time.monotonic() < until:
        for words in (["reconstruct", "-r", "-j", "2", *people], ["quota", "-f", "-q"]):
            code, said = repair.call(root, bindir, words)
            if code not in (0, repair.DAMAGE_REMAINS):
                problems.append("%s: exit %d: %s" % (words[0], code, said.strip()[-300:]))
        turns += 1
    return turns


def mailboxes(root, users):
    """The INBOXes, as administrators name them."""
    store = facts.Store(root)
    return [store.external("user." + user) for user in users]


def silent(oracle, root, users):
    """The real reconstruct finds nothing: it prints names of mailboxes only."""
    said = oracle.run(root, "reconstruct", "-n", "-r", *mailboxes(root, users))[1].decode("utf-8", "replace")
    return ["the real reconstruct -n: " + line for line in said.split("\n")
            if line and not line.startswith(("user/", "user.", "discovered"))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--store", default="classic")
    parser.add_argument("--users", nargs="+", default=["ted", "fred", "wes"])
    args = parser.parse_args()
    real_cyrus.gate()
    problems, log = [], Log()
    try:
        with golden.Scratch() as scratch:
            oracle = real_cyrus.Oracle(scratch)
            root = scratch.copy(args.store, args.store + ".live")
            with open(os.path.join(root, "etc/imapd.conf"), "a", encoding="utf-8") as conf:
                conf.write("syslog_prefix: %s\n" % PREFIX)
            oracle.hand_over(root)
            with Server(oracle, root) as server:
                load = Load(server, args.users, time.monotonic() + args.seconds)
                for thread in load.threads:
                    thread.start()
                turns = our_loop(root, args.bin, mailboxes(root, args.users), load.until, problems)
                for thread in load.threads:
                    thread.join()
                problems += load.failures + judge(load, server)
            problems += silent(oracle, root, args.users)
    finally:
        log.close()
    problems += ["log: " + line for line in log.complaints()]
    print("%d turns of reconstruct and quota -f; %s; %d log lines" % (
        turns, ", ".join("%d %s" % (n, what) for what, n in sorted(load.counts.items())),
        sum(PREFIX + "/" in line for line in log.lines)))
    for problem in problems[:40]:
        print("FAILED: " + problem)
    print("%d problems" % len(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
