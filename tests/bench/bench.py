#!/usr/bin/env python3
"""Times our programs against the real Cyrus 3.6.1, in turn, on copies of one store in one run; scripts/bench calls it.

  bench.py --ours build/release/bin --oracle build/oracle [--mix tiny|real ...] [--rounds 5] [--messages N] [--mailboxes N]

Both work on a copy of their own whose message files are hard links to the same ones, so the page cache is equally warm. Each
row: one uncounted run of both, then the rounds, alternating who goes first; medians of wall-clock time and of processor time
(user and system, all threads), and their ratio ours/real: below 1 we are faster. A ratio is the median of the rounds' ratios.
"""
import argparse
import os
import resource
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
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wall = time.monotonic() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            sys.exit("%s: exit status %d\n%s" % (" ".join(command), done.returncode, done.stdout[-2000:].decode(errors="replace")))
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

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
    print("%-32s %9.3f %9.3f %7.2f   %9.3f %9.3f %7.2f" % (title, medians[0], medians[2], ratios[0], medians[1], medians[3], ratios[1]), flush=True)
    return title, ratios[0]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--ours", required=True)
    ap.add_argument("--oracle", required=True)
    ap.add_argument("--work", required=True, help="directory for the stores")
    ap.add_argument("--mix", nargs="+", default=["tiny", "real"], choices=["tiny", "real"])
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--messages", type=int, default=20000)
    ap.add_argument("--mailboxes", type=int, default=200)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--rows", default="", help="only rows whose title has this in it")
    a = ap.parse_args()
    oracle, ours, work = (os.path.abspath(x) for x in (a.oracle, a.ours, a.work))
    slower = []
    for mix in a.mix:
        store = "%s/%s-%d-%d-%d/cyrus" % (work, mix, a.mailboxes, a.messages, a.seed)
        print("\n%s mix, %d messages, %d mailboxes, seed %d" % (mix, a.messages, a.mailboxes, a.seed), flush=True)
        if not os.path.exists(store + "/made"):
            os.makedirs(os.path.dirname(store), exist_ok=True)
            subprocess.run([sys.executable, HERE + "/make_store.py", "--oracle", oracle, "--mix", mix, "--messages", str(a.messages),
                            "--mailboxes", str(a.mailboxes), "--seed", str(a.seed), store], check=True)
            with open(store + "/made", "w", encoding="ascii"):
                pass
        sides = [Side("ours", lambda p: [os.path.join(ours, p)], store, os.path.dirname(store) + "/ours"),
                 Side("real", lambda p: [oracle + "/run", p], store, os.path.dirname(store) + "/real")]
        if os.getuid() == 0:
            for side in sides:
                subprocess.run(["chown", "-R", "nobody", side.root], check=True)
        print("%-32s %29s   %29s" % ("", "------ wall seconds ------", "---- processor seconds ----"))
        print("%-32s %9s %9s %7s   %9s %9s %7s" % ("median of %d rounds" % a.rounds, "ours", "real", "ratio", "ours", "real", "ratio"))
        slower += ["%s (%s)" % (title, mix) for title, ratio in
                   (measure(row, sides, a.rounds) for row in ROWS if a.rows in row[0]) if ratio > 1]
        for side in sides:
            shutil.rmtree(side.root)
    print("\nslower than Cyrus: %s" % (", ".join(slower) if slower else "nothing"))


if __name__ == "__main__":
    main()
