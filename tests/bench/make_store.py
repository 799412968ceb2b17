#!/usr/bin/env python3
"""Makes a large mail store for scripts/bench: message files from a seed, everything else by the real Cyrus 3.6.1.

  make_store.py --oracle build/oracle --mix tiny|real [--mailboxes 200] [--messages 20000] [--seed 1] DIRECTORY

The server creates the mailboxes and sets the quotas, the message files are put into their directories, and the real
`reconstruct` and `quota -f` make indexes, caches and usage. The same arguments give the same messages, octet for octet.
Mixes: tiny, every message 300 octets; real, sizes spread as in people's mailboxes (median 12 KB, mean about 40 KB): plain
text, text with an HTML version, and attachments in base64.
"""
import argparse
import imaplib
import math
import os
import pwd
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

FOLDERS = ["", "Sent", "Drafts", "Trash", "Junk", "Work", "Work/2003", "Work/2004", "Lists", "Travel"]
WORDS = ("river letter garden market silver window candle bridge harbor meadow anchor basket circle engine feather hammer "
         "island ladder orange pencil thunder velvet winter button copper stone paper north quiet lake wheel apple").split()
EPOCH = 1600000000
DATABASE_RECORDS = 100000


class Messages:
    """Messages by number; each depends on seed, mix and number only."""

    def __init__(self, seed, mix):
        self.seed, self.mix = seed, mix
        pool = random.Random("pool %d" % seed)
        self.text = "".join(self.line(pool) for _ in range(20000))
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        self.base64 = "".join("".join(pool.choices(alphabet, k=76)) + "\r\n" for _ in range(14000))

    @staticmethod
    def line(r):
        return " ".join(r.choices(WORDS, k=r.randint(6, 11))) + "\r\n"

    def piece(self, pool, r, size):
        """`size` octets or a little less, whole lines of a pool."""
        out = []
        while size > 0:
            start = pool.index("\n", r.randrange(len(pool) - 200)) + 1
            part = pool[start:start + size]
            part = part[:part.rfind("\n") + 1]
            if not part:
                break
            out.append(part)
            size -= len(part)
        return "".join(out)

    def headers(self, r, number, hops):
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(EPOCH + number * 60))
        out = []
        for hop in range(hops):
            out.append("Received: from relay%d.example.net (relay%d.example.net [192.0.2.%d])\r\n\tby mx%d.example.org with ESMTP id "
                       "%08x\r\n\tfor <%s@example.org>; %s\r\n" % (hop, hop, r.randrange(256), hop, r.getrandbits(32), r.choice(WORDS), date))
        out.append("From: %s <%s@example.net>\r\nTo: %s <%s@example.org>\r\n" % tuple(r.choices(WORDS, k=4)))
        out.append("Subject: %s\r\nDate: %s\r\nMessage-ID: <%d.%08x@example.net>\r\nMIME-Version: 1.0\r\n"
                   % (" ".join(r.choices(WORDS, k=5)), date, number, r.getrandbits(32)))
        return "".join(out)

    def tiny(self, r, number):
        head = ("From: %s@example.net\r\nTo: %s@example.org\r\nSubject: %s\r\nDate: Sun, 13 Sep 2020 12:26:40 +0000\r\n"
                "Message-ID: <%d@example.net>\r\n\r\n" % (r.choice(WORDS), r.choice(WORDS), r.choice(WORDS), number))
        room = 300 - len(head) - 2
        return head + " ".join(r.choices(WORDS, k=40))[:room] + "\r\n"

    def real(self, r, number):
        size = int(min(r.lognormvariate(math.log(12288), math.sqrt(2 * math.log(40 / 12))), 8 << 20))
        head = self.headers(r, number, r.randint(1, 5))
        size = max(size - len(head), 100)
        boundary = "=_%08x" % r.getrandbits(32)
        plain = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
        if size < 4000:
            return head + plain + self.piece(self.text, r, size)
        if size < 16000:
            return (head + "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n--%s\r\n" % (boundary, boundary)
                    + plain + self.piece(self.text, r, size // 3) + "\r\n--%s\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>" % boundary
                    + self.piece(self.text, r, size * 2 // 3) + "</p></body></html>\r\n--%s--\r\n" % boundary)
        return (head + "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n" % (boundary, boundary)
                + plain + self.piece(self.text, r, 2000)
                + "\r\n--%s\r\nContent-Type: application/pdf; name=\"%s.pdf\"\r\nContent-Transfer-Encoding: base64\r\n"
                  "Content-Disposition: attachment; filename=\"%s.pdf\"\r\n\r\n" % (boundary, r.choice(WORDS), r.choice(WORDS))
                + self.piece(self.base64, r, size - 2000) + "--%s--\r\n" % boundary)

    def make(self, number):
        r = random.Random("%d %s %d" % (self.seed, self.mix, number))
        return (self.tiny if self.mix == "tiny" else self.real)(r, number).encode("ascii")


class Builder:
    def __init__(self, a):
        self.a = a
        self.root = os.path.abspath(a.directory)
        self.conf = self.root + "/etc/imapd.conf"
        self.run_program = [os.path.abspath(a.oracle) + "/run"]

    def cyrus(self, *words):
        return subprocess.run(self.run_program + [words[0], "-C", self.conf, *words[1:]], check=True, stdout=subprocess.PIPE).stdout

    def own(self):
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody", self.root], check=True)

    def configure(self):
        if os.path.exists(self.root):
            shutil.rmtree(self.root)
        for name in ("etc", "spool", "run/lock", "run/proc", "config/socket", "config/proc", "config/db"):
            os.makedirs(os.path.join(self.root, name))
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write("configdirectory: {0}/config\ndefaultpartition: default\npartition-default: {0}/spool\nsievedir: {0}/sieve\n"
                    "proc_path: {0}/run/proc\nmboxname_lockpath: {0}/run/lock\nservername: mail.example.org\nadmins: cyrus\n"
                    "allowplaintext: yes\nsasl_pwcheck_method: alwaystrue\nsasl_mech_list: PLAIN\nunixhierarchysep: yes\n"
                    "quota_db: quotalegacy\n".format(self.root))

    def users(self):
        return ["user%03d" % n for n in range((self.a.mailboxes + len(FOLDERS) - 1) // len(FOLDERS))]

    def names(self):
        all_names = ["user/%s%s" % (u, "/" + f if f else "") for u in self.users() for f in FOLDERS]
        return all_names[:self.a.mailboxes]

    def create(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        programs = os.path.abspath(self.a.oracle) + "/root/usr/lib/cyrus/bin"
        services = self.root + "/etc/cyrus.conf"
        with open(services, "w", encoding="utf-8") as f:
            f.write('START {\n recover cmd="%s/ctl_cyrusdb -C %s -r"\n}\nSERVICES {\n imap cmd="%s/imapd -C %s" listen="127.0.0.1:%d" '
                    'proto="tcp4"\n}\nEVENTS {\n}\n' % (programs, self.conf, programs, self.conf, port))
        self.own()
        master = subprocess.Popen(self.run_program + ["master", "-C", self.conf, "-M", services, "-p", self.root + "/run/pid"])
        try:
            imap = self.connect(port)
            for name in self.names():
                imap.create('"%s"' % name)
                if name.count("/") == 1:
                    imap.setquota('"%s"' % name, "(STORAGE 99999999 MESSAGE 9999999)")
            imap.logout()
        finally:
            master.send_signal(signal.SIGTERM)
            master.wait()

    @staticmethod
    def connect(port):
        for _ in range(100):
            try:
                imap = imaplib.IMAP4("127.0.0.1", port)
                imap.login("cyrus", "any")
                return imap
            except OSError:
                time.sleep(0.1)
        sys.exit("the server did not come up")

    def fill(self):
        names = self.names()
        directories = self.cyrus("mbpath", *names).decode().split("\n")
        messages = Messages(self.a.seed, self.a.mix)
        sizes = []
        for number in range(self.a.messages):
            box = number % len(names)
            content = messages.make(number)
            sizes.append(len(content))
            path = "%s/%d." % (directories[box], number // len(names) + 1)
            with open(path, "wb") as f:
                f.write(content)
            os.chmod(path, 0o600)
            os.utime(path, (EPOCH + number, EPOCH + number))
        print("%d messages in %d mailboxes, median %d octets, mean %d octets"
              % (len(sizes), len(names), statistics.median(sizes), statistics.mean(sizes)))

    def database(self):
        """A database as large as a busy server's deliver.db, for cvt_cyrusdb."""
        r = random.Random("database %d" % self.a.seed)
        rows = sorted({"<%d.%08x@example.net>.user.%s" % (n, r.getrandbits(32), r.choice(WORDS)) for n in range(DATABASE_RECORDS)})
        with open(self.root + "/config/bench.flat", "w", encoding="ascii") as f:
            f.writelines("%s\t%d\n" % (key, EPOCH + n) for n, key in enumerate(rows))
        self.own()
        self.cyrus("cvt_cyrusdb", self.root + "/config/bench.flat", "flat", self.root + "/config/bench.twoskip", "twoskip")

    def build(self):
        self.configure()
        self.create()
        self.fill()
        self.database()
        self.cyrus("reconstruct", "-q")
        self.cyrus("quota", "-f", "-q")
        self.cyrus("reconstruct", "-q")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("directory")
    ap.add_argument("--oracle", required=True)
    ap.add_argument("--mix", choices=["tiny", "real"], default="tiny")
    ap.add_argument("--mailboxes", type=int, default=200)
    ap.add_argument("--messages", type=int, default=20000)
    ap.add_argument("--seed", type=int, default=1)
    Builder(ap.parse_args()).build()


if __name__ == "__main__":
    main()
