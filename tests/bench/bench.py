#!/usr/bin/env python3
"""Times our programs against the real Cyrus 3.6.1, in turn, on copies of one store in one run; scripts/bench calls it.

  bench.py --ours build/release/bin --oracle build/oracle [--mix tiny|real|one ...] [--rounds 5] [--messages N] [--mailboxes N]

tiny: 100,000 messages of 300 octets in 500 mailboxes; real: 20,000 of people's sizes in 200; one: a single mailbox of 500,000
tiny ones, and ours alone on a quarter and a half of them, to see how the time grows. Both work on a copy of their own whose message files are hard links to the same ones, so the page cache is equally warm. Each
row: one uncounted run of both, then the rounds, alternating who goes first; medians of wall-clock time and of processor time
(user and system, all threads), and their ratio ours/real: below 1 we are faster. A ratio is the median of the rounds' ratios.
MiB: the most memory that a process had. The row of sha1sum is what it takes to read and hash every message, with a process a core.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Side:
    """One set of programs with its copy of the store."""

    def __init__(self, name, prefix, store, root):
        self.name, self.prefix, self.root = name, prefix, root
        self.conf = root + "/etc/imapd.conf"
        if os.path.exists(root):
            shutil.rmtree(root)
        # message files are never changed, so links will do; the rest is copied
        subprocess.run(["cp", "-al", store, root], check=True)
        for directory, _, files in os.walk(root):
            for f in files:
                if not f.endswith("."):
                    path = os.path.join(directory, f)
                    subprocess.run(["cp", "-p", "--remove-destination", path, path + ".copy"], check=True)
                    os.rename(path + ".copy", path)
        with open(self.conf, encoding="utf-8") as f:
            text = f.read()
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(text.replace(store, root))

    def run(self, words):
        command = self.prefix(words[0]) + ["-C", self.conf] + [w.replace("ROOT", self.root) for w in words[1:]]
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit("%s: exit status %d\n%s" % (" ".join(command), process.returncode, output[-2000:].decode(errors="replace")))
        return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

    def remove(self, name):
        for directory, _, files in os.walk(self.root + "/spool"):
            if name in files:
                os.unlink(os.path.join(directory, name))

    def forget(self, *names):
        for n in names:
            path = os.path.join(self.root, "config", n)
            if os.path.exists(path):
                os.unlink(path)
        # what a repair of the round before kept would make the next one's work larger
        for top in ("config", "spool"):
            shutil.rmtree(os.path.join(self.root, top, "undo."), ignore_errors=True)


# What is run, and which files are removed before each run. Nothing is converted to flat: the real program copies the whole file
# for each record and would take hours.
CONVERSIONS = ["bench.out"]
ROWS = [
    ("reconstruct", ["reconstruct", "-q"], None),
    ("reconstruct -G", ["reconstruct", "-q", "-G"], None),
    ("reconstruct, caches lost", ["reconstruct", "-q"], "cyrus.cache"),
    ("reconstruct, indexes lost", ["reconstruct", "-q"], "cyrus.index"),
    ("quota -f", ["quota", "-f", "-q"], None),
    ("cvt_cyrusdb twoskip > skiplist", ["cvt_cyrusdb", "ROOT/config/bench.twoskip", "twoskip", "ROOT/config/bench.out", "skiplist"], None),
    ("cvt_cyrusdb flat > twoskip", ["cvt_cyrusdb", "ROOT/config/bench.flat", "flat", "ROOT/config/bench.out", "twoskip"], None),
]


def measure(row, sides, rounds):
    title, words, lost = row
    times = {side.name: [] for side in sides}
    for turn in range(rounds + 1):
        for side in sides if turn % 2 == 0 else sides[::-1]:
            side.forget(*CONVERSIONS)
            if lost:
                side.remove(lost)
            os.sync()
            figures = side.run(words)
            if turn > 0:
                times[side.name].append(figures)
    ours, real = (times[s.name] for s in sides)
    ratios = [statistics.median(o[k] / max(r[k], 1e-6) for o, r in zip(ours, real)) for k in (0, 1)]
    medians = [statistics.median(x[k] for x in side) for side in (ours, real) for k in (0, 1)]
    memory = [max(x[2] for x in side) for side in (ours, real)]
    print("%-32s %9.3f %9.3f %7.2f   %9.3f %9.3f %7.2f   %7.0f %7.0f" % (
        title, medians[0], medians[2], ratios[0], medians[1], medians[3], ratios[1], *memory), flush=True)
    return title, ratios[0]


def hash_all(side, rounds):
    """sha1sum over every message file, as many processes as cores."""
    times = []
    for _ in range(rounds + 1):
        start = time.monotonic()
        subprocess.run("find '%s/spool' -name '*.' -type f -print0 | xargs -0 -n 1000 -P %d sha1sum >/dev/null" % (
            side.root, os.cpu_count()), shell=True, check=True)
        times.append(time.monotonic() - start)
    print("%-32s %9.3f" % ("(sha1sum of every message)", statistics.median(times[1:])), flush=True)


def store_for(a, mix, messages, mailboxes):
    """A store as make_store.py makes it; kept for the next time."""
    store = "%s/%s-%d-%d-%d/cyrus" % (a.work, mix, mailboxes, messages, a.seed)
    if not os.path.exists(store + "/made"):
        os.makedirs(os.path.dirname(store), exist_ok=True)
        subprocess.run([sys.executable, HERE + "/make_store.py", "--oracle", a.oracle, "--mix", "tiny" if mix == "one" else mix,
                        "--messages", str(messages), "--mailboxes", str(mailboxes), "--seed", str(a.seed), store], check=True)
        with open(store + "/made", "w", encoding="ascii"):
            pass
    return store


def side_of(a, name, store):
    prefix = (lambda p: [os.path.join(a.ours, p)]) if name == "ours" else (lambda p: [a.oracle + "/run", p])
    side = Side(name, prefix, store, os.path.join(os.path.dirname(store), name))
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", "nobody", side.root], check=True)
    return side


def growth(a, messages, mailboxes):
    """How the time of a rebuild grows with the mailbox; ours only."""
    rows = [row for row in ROWS if row[0] in ("reconstruct -G", "reconstruct, indexes lost") and a.rows in row[0]]
    for part in (messages // 4, messages // 2, messages):
        side = side_of(a, "ours", store_for(a, "one", part, mailboxes))
        for title, words, lost in rows:
            side.forget(*CONVERSIONS)
            if lost:
                side.remove(lost)
            wall, _, memory = side.run(words)
            print("%-32s %9d messages %9.3f seconds %7.1f microseconds each %5.0f MiB" % (
                title, part, wall, wall * 1e6 / part, memory), flush=True)
        shutil.rmtree(side.root)


SIZES = {"tiny": (100000, 500), "real": (20000, 200), "one": (500000, 1)}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--ours", required=True)
    ap.add_argument("--oracle", required=True)
    ap.add_argument("--work", required=True, help="directory for the stores")
    ap.add_argument("--mix", nargs="+", default=list(SIZES), choices=list(SIZES))
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--messages", type=int, help="instead of the number that belongs to the mix")
    ap.add_argument("--mailboxes", type=int)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--rows", default="", help="only rows whose title has this in it")
    a = ap.parse_args()
    a.oracle, a.ours, a.work = (os.path.abspath(x) for x in (a.oracle, a.ours, a.work))
    slower = []
    for mix in a.mix:
        messages, mailboxes = a.messages or SIZES[mix][0], a.mailboxes or SIZES[mix][1]
        print("\n%s mix, %d messages, %d mailboxes, seed %d" % (mix, messages, mailboxes, a.seed), flush=True)
        store = store_for(a, mix, messages, mailboxes)
        sides = [side_of(a, "ours", store), side_of(a, "real", store)]
        print("%-32s %27s   %27s   %15s" % ("", "------ wall seconds ------", "---- processor seconds ----", "--- peak MiB ---"))
        print("%-32s %9s %9s %7s   %9s %9s %7s   %7s %7s" % (
            "median of %d rounds" % a.rounds, "ours", "real", "ratio", "ours", "real", "ratio", "ours", "real"))
        slower += ["%s (%s)" % (title, mix) for title, ratio in
                   (measure(row, sides, a.rounds) for row in ROWS if a.rows in row[0]) if ratio > 1]
        hash_all(sides[0], a.rounds)
        for side in sides:
            shutil.rmtree(side.root)
        if mix == "one":
            growth(a, messages, mailboxes)
    print("\nslower than Cyrus: %s" % (", ".join(slower) if slower else "nothing"))


if __name__ == "__main__":
    main()
