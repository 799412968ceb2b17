"""Databases for the salvage tests: made by the real programs, so that nobody can say that we salvage our own files best.

A Truth knows, for every key, the values that were ever committed and the present one. Base records come by the real
cvt_cyrusdb (so that there is a sorted part), then transactions of updates, inserts and deletes by `cyr_dbtool batch`, so
that there are stale versions, dead records, DELETEs and several COMMITs.
"""
import functools
import os
import random
import subprocess

WORDS = b"alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima".split()


class Truth:
    def __init__(self):
        self.now = {}                                    # key -> value
        self.ever = {}                                   # key -> set of values that were committed once

    def put(self, key, value):
        self.now[key] = value
        self.ever.setdefault(key, set()).add(value)

    def delete(self, key):
        del self.now[key]

    @functools.cache
    def lines(self):
        """What a right `show` prints, as a set; once nothing is changed any more."""
        return frozenset(k + b"\t" + v for k, v in self.now.items())

    @functools.cache
    def keys(self):
        return sorted(self.now)


def value_of(rng, backend):
    if backend == "quotalegacy":
        return b"%%(S (%d %d) M (%d) AS (0) NF (%d) MODSEQ %d)" % (
            rng.randrange(10 ** 9), rng.randrange(10 ** 6), rng.randrange(10 ** 5), rng.randrange(99), rng.randrange(10 ** 6))
    words = b" ".join(rng.choice(WORDS) for _ in range(rng.randrange(4, 30)))
    return b"%%(A %%(bovik lrswipkxtecdan) P default V %d M %d) %s" % (rng.randrange(2 ** 31), rng.randrange(2 ** 31), words)


def key_of(number):
    return b"user.%s%d.box" % (WORDS[number * 7919 % len(WORDS)], number)


def astring(data):
    return b"{%d+}\r\n%s" % (len(data), data)


class Maker:
    """Makes one database of `count` live records; `oracle` runs the real programs below `folder`."""

    def __init__(self, oracle, folder, backend, count, seed):
        self.oracle, self.folder, self.backend = oracle, folder, backend
        self.rng = random.Random("%s %d %d" % (backend, count, seed))
        self.count, self.truth = count, Truth()
        # quotalegacy drops the last component of the path that it is given
        self.path = os.path.join(folder, "conf/quota" if backend == "quotalegacy" else "%s.db" % backend)

    def make(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        numbers = list(range(self.count + self.count // 20))
        self.rng.shuffle(numbers)
        base = numbers[:self.count - self.count // 10]
        self.fresh = numbers[len(base):]
        for number in base:
            self.truth.put(key_of(number), value_of(self.rng, self.backend))
        if self.backend == "flat" and self.count > 100000:
            self.change(lambda *_: None)                  # the real one writes all of it anew for every record: that takes hours
            self.write_flat(self.path)
            return self.path
        if self.count > 100 and self.backend != "quotalegacy":
            self.convert()
        else:
            self.batch([b"SET %s %s" % (astring(k), astring(v)) for k, v in sorted(self.truth.now.items())], 8)
        self.change(self.batch)
        return self.path

    def convert(self):
        flat = os.path.join(self.folder, "base.flat")
        self.write_flat(flat)
        self.oracle.give(self.folder)
        self.oracle.check("cvt_cyrusdb", flat, "flat", self.path, self.backend)
        os.unlink(flat)

    def write_flat(self, path):
        with open(path, "wb") as f:                      # keys and values need no escapes, and '.' sorts low only within names
            for key, value in sorted(self.truth.now.items(), key=lambda kv: (kv[0] + b"\t").translate(MBOX)):
                f.write(key + b"\t" + value + b"\n")

    def change(self, batch):
        """A tenth inserted, a fifth updated, a twentieth deleted, in transactions of different sizes."""
        steps = [("put", key_of(n)) for n in self.fresh]
        live = sorted(self.truth.now)
        steps += [("put", k) for k in self.rng.sample(live, len(live) // 5)]
        self.rng.shuffle(steps)
        doomed = self.rng.sample(live, len(self.truth.now) + len(self.fresh) - self.count)
        for key in doomed:
            steps.insert(self.rng.randrange(len(steps) + 1), ("delete", key))
        commands = []
        for what, key in steps:
            if what == "put":
                value = value_of(self.rng, self.backend)
                self.truth.put(key, value)
                commands.append(b"SET %s %s" % (astring(key), astring(value)))
            elif key in self.truth.now:
                self.truth.delete(key)
                commands.append(b"DELETE %s" % astring(key))
        batch(commands, 5 if self.count < 1000 else 50 if self.count < 100000 else 2000)

    def batch(self, commands, most):
        lines, at = [], 0
        while at < len(commands):
            size = self.rng.randrange(1, most + 1)
            lines += [b"BEGIN", *commands[at:at + size], b"COMMIT"]
            at += size
        self.oracle.give(self.folder)
        self.oracle.check("cyr_dbtool", "-n", self.path, self.backend, "batch", feed=b"\n".join(lines) + b"\n")


MBOX = bytes(1 if b in (9, 10) else 2 if b == 0x2E else b + 2 if 1 <= b <= 8 else b for b in range(256))


class Real:
    """The real programs without a store: a configuration of its own, as the user that owns the files."""

    def __init__(self, oracle, folder):
        self.oracle, self.folder = oracle, folder
        for name in ("conf/db", "etc"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, "etc/imapd.conf"), "w", encoding="ascii") as f:
            f.write("configdirectory: %s/conf\nimproved_mboxlist_sort: no\nskiplist_always_checkpoint: no\n" % folder)
        with open(os.path.join(folder, "conf/db/skipstamp"), "wb") as f:
            f.write(b"\0\0\0\1")                         # long ago: no recovery of every file at every open

    def give(self, path):
        self.oracle.hand_over(self.folder)
        if os.path.isdir(path) and not path.startswith(self.folder):
            self.oracle.hand_over(path)

    def run(self, program, *words, feed=b"", limit=60):
        """(exit status, standard output); status -1: it had to be stopped after `limit` seconds."""
        command = self.oracle.command(program, self.folder, *words)
        environment = {**os.environ, "CYRUS_USER": "nobody"} if self.oracle.root else dict(os.environ)
        try:
            got = subprocess.run(command, input=feed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=limit,
                                 env=environment, check=False)
            return got.returncode, got.stdout
        except subprocess.TimeoutExpired as late:
            return -1, late.stdout or b""

    def check(self, program, *words, feed=b""):
        status, out = self.run(program, *words, feed=feed, limit=1800)
        if status != 0 or b"Conversion failed" in out:
            raise RuntimeError("%s %s: status %d, %r" % (program, words, status, out[-300:]))
        return out
