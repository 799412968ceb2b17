#!/usr/bin/env python3
"""Damaged databases of the real Cyrus: how many live records the real cyr_dbtool still shows, and how many our salvage saves.

Judged against what was put in, by code that shares nothing with ours. Exit status 1 when a target of ours is missed:
a value that was never committed for its key (checked formats only), or less than the percentages below.
"""
import argparse
import collections
import concurrent.futures
import gc
import json
import mmap
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "matrix")]
import actions    # noqa: E402
import damage     # noqa: E402
import databases  # noqa: E402
import oracle     # noqa: E402

BACKENDS = ("twoskip", "skiplist", "flat", "quotalegacy")
# Least share of live records, in percent, over all seeds.
TARGETS = {"512-byte block zeroed": 94.0, "one bit flipped": 99.0}
# Damages after which a record is whole when its bytes are there (a zeroed block may have taken the head before them).
WHOLE = {"twoskip": ("truncated", "tail zeroed"), "skiplist": ("truncated",),
         "flat": ("truncated", "tail zeroed", "512-byte block zeroed")}
QUICK_ACTIONS = ("truncated", "512-byte block zeroed", "one bit flipped")
LARGE = 20000                                             # live records
FEWEST_SEEDS = 10                                         # of fewer an average says nothing
CHECKED = ("twoskip",)                                    # formats whose checksums leave no excuse for a wrong value


INTRODUCTION = """# Salvage of damaged databases, measured

Written by `scripts/salvage-table` (tests/salvage). The databases are made by the real Cyrus 3.6.1: nine tenths of the records by
`cvt_cyrusdb`, then inserts, updates of a fifth and deletions in transactions by `cyr_dbtool batch`, so that there are stale
versions and dead records. Each seed damages a fresh copy. "real": what `cyr_dbtool show` of 3.6.1 prints of it, also when it dies;
"ours": what `cyr_dbtool salvage` writes. "live %": of the live records those with the right value, over all seeds. "wrong": records
with a value that this key never had; "older": an earlier committed value of the key; "deleted ones back": keys whose deletion was
lost (the report marks both). "of those still whole": live records whose bytes are all there behind the damage (truncated: before
the cut), and how many of them were saved. skiplist and flat have no checksums: bytes flipped inside their keys and values cannot be seen by
anybody, which is what is wrong there. A quota tree is damaged in one file or, for damages of a share of the bytes, in a tenth of
them.
"""


HEAD = ["| backend | records | damage | seeds | real: live % | real: trouble | ours: live % | ours: of those still whole "
        "| ours: wrong | ours: older | ours: deleted ones back | real: wrong |", "|---|---|---|---|---|---|---|---|---|---|---|---|"]


class Score:
    """Live records found right, and what else came out, summed over seeds."""

    def __init__(self):
        self.live = self.right = self.older = self.wrong = self.risen = self.runs = self.stopped = self.crashed = 0
        self.whole = self.whole_lost = 0                  # live records whose bytes the damaged file still holds
        self.seconds = 0.0

    def add(self, found, truth):
        self.runs += 1
        lines = truth.lines()
        self.live += len(lines)
        others = found - lines
        self.right += len(found) - len(others)
        for key, value in (line.split(b"\t", 1) for line in others):
            if key not in truth.ever or value not in truth.ever[key]:
                self.wrong += 1
            elif key in truth.now:
                self.older += 1
            else:
                self.risen += 1

    def merge(self, numbers):
        for name, number in numbers.items():
            setattr(self, name, getattr(self, name) + number)

    def percent(self):
        return 100.0 * self.right / self.live if self.live else 0.0


class Scratch:
    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="cyrkit-salvage-")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top, ignore_errors=True)


def parse_show(out):
    """The lines that show a record: a set of lines is compared ten times as fast as half a million pairs of key and value."""
    return {line for line in out.split(b"\n") if b"\t" in line}


def copy_of(path, to):
    shutil.rmtree(os.path.dirname(to), ignore_errors=True)
    os.makedirs(os.path.dirname(to))
    if os.path.isdir(path):
        shutil.copytree(path, to)
    else:
        shutil.copyfile(path, to)


def restore(path, to, struck):
    """The files of a tree that a damage struck, as they were: half a million files are copied once only."""
    for name in struck:
        shutil.copyfile(os.path.join(path, os.path.relpath(name, to)), name)


def by_real(real, path, backend, score, truth, limit):
    start = time.monotonic()
    status, out = real.run("cyr_dbtool", path, backend, "show", limit=limit)
    score.seconds += time.monotonic() - start
    score.stopped += status == -1
    score.crashed += status not in (-1, 0)
    score.add(parse_show(out), truth)


def by_ours(binary, path, backend, score, truth):
    new = os.path.join(os.path.dirname(path), "salvaged.flat")
    if os.path.exists(new):
        os.unlink(new)
    start = time.monotonic()
    got = subprocess.run([binary, path, backend, "salvage", "--out", new, "--to", "flat"], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, timeout=600, check=False)
    score.seconds += time.monotonic() - start
    found = set()
    if got.returncode in (0, 2):
        with open(new, "rb") as f:
            found = parse_show(f.read())
    else:
        score.crashed += 1
    score.add(found, truth)
    return found


# One record as it lies in a file: the key, what stands between (padding and length in skiplist), the value.
VALUE = rb"(%\(A %\(bovik lrswipkxtecdan\) P default V [0-9]+ M [0-9]+\) [a-z]+(?: [a-z]+)*)"
RECORD = {backend: re.compile(rb"(user\.[a-z]+[0-9]+\.box)" + between + VALUE, re.DOTALL)
          for backend, between in (("twoskip", b""), ("skiplist", rb"\0{0,3}.{4}"), ("flat", rb"\t"))}


class Places:
    """Where the live records lie in the undamaged file, so that damaged ones tell which of them are still whole."""

    def __init__(self, path, backend, truth):
        self.backend = backend
        with open(path, "rb") as f:
            data = f.read()
        lines = truth.lines()
        self.records = []                                 # first byte, byte behind the last, the bytes, the line of a show
        for found in RECORD[backend].finditer(data):
            line = found[1] + b"\t" + found[2]
            if line in lines:
                end = found.end() + (backend == "flat")   # the line end belongs to it
                self.records.append((found.start(), end, data[found.start():end], line))
        missing = lines - {record[3] for record in self.records}
        if missing:
            raise RuntimeError("%s: %d records not found where they were put, such as %r" % (path, len(missing), min(missing)))

    def whole(self, path):
        if os.path.getsize(path) == 0:
            return set()
        with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as data:
            last = len(data)
            if self.backend == "skiplist":
                # pointers and terminator stand behind the value, and the last transaction of a log counts with its COMMIT
                last = data.rfind(b"\xff\xff\xff\xff\0\0\0\xff")
                last = data.rfind(b"\xff\xff\xff\xff\0\0\0\1") if last < 0 else last
            return {line for start, end, record, line in self.records if end <= last and data[start:end] == record}


class Table:
    def __init__(self, options, real, scratch):
        self.options, self.real, self.scratch = options, real, scratch
        self.rows = collections.OrderedDict()
        self.failures = []
        self.places = None
        self.struck = None                                # files of the tree that the last damage hit
        self.known = {}
        if options.state and os.path.exists(options.state):
            with open(options.state, encoding="utf-8") as f:
                self.known = {tuple(row[:4]): row[4:] for row in map(json.loads, f)}

    def database(self, backend, count):
        seeds = self.options.large_seeds if count > LARGE else self.options.seeds
        home = os.path.join(self.scratch.top, "%s-%d" % (backend, count))
        maker = databases.Maker(databases.Real(self.real.oracle, os.path.join(home, "made")), os.path.join(home, "made"),
                                backend, count, 1)
        path = maker.make()
        self.places = Places(path, backend, maker.truth) if backend in WHOLE else None
        gc.collect()
        gc.freeze()                                       # what was put in stays: looking through it takes longer than judging
        for name in damage.DAMAGES:
            if name == "header lost" and backend in ("flat", "quotalegacy"):
                continue                                  # they have none
            if self.options.damage and name not in self.options.damage:
                continue
            theirs, ours = Score(), Score()
            for seed in range(seeds):
                of_theirs, of_ours = self.known.get((backend, count, name, seed)) or self.one(maker, path, name, seed)
                theirs.merge(of_theirs)
                ours.merge(of_ours)
            self.rows[backend, count, name] = theirs, ours
            if ours.runs:
                self.judge(backend, count, name, ours)
            print(self.line(backend, count, name), flush=True)
        shutil.rmtree(home, ignore_errors=True)

    def one(self, maker, path, name, seed):
        """The numbers of one damaged file, of the real program and of ours; written down at once when there is a --state."""
        theirs, ours = Score(), Score()
        backend = maker.backend
        tree = backend == "quotalegacy"
        hurt = os.path.join(self.scratch.top, "hurt/conf/quota" if tree else "hurt/x/x.db")
        if tree and self.struck is not None:
            restore(path, hurt, self.struck)
        else:
            copy_of(path, hurt)
            self.real.give(os.path.dirname(hurt))
        self.struck = damage.strike(hurt, name, seed)
        if self.options.only != "real":
            self.ours(maker, hurt, name, seed, ours)
        if self.options.actions and (not self.options.quick or (seed == 0 and name in QUICK_ACTIONS)):
            self.failures += actions.try_all(self.options.binary, hurt, backend, "%s %s %d" % (backend, name, seed))
        if seed < self.options.real_seeds:
            by_real(self.real, hurt, backend, theirs, maker.truth, self.options.limit)
        if self.options.state:
            with open(self.options.state, "a", encoding="utf-8") as f:
                f.write(json.dumps([backend, maker.count, name, seed, vars(theirs), vars(ours)]) + "\n")
        return vars(theirs), vars(ours)

    def ours(self, maker, hurt, name, seed, score):
        backend = maker.backend
        found = by_ours(self.options.binary, hurt, backend, score, maker.truth)
        if name not in WHOLE.get(backend, ()):
            return
        whole = self.places.whole(hurt)
        lost = whole - found
        score.whole, score.whole_lost = len(whole), len(lost)
        if lost:
            print("%s, %d records, %s, seed %d: %d whole live records not saved, such as %r" % (
                backend, maker.count, name, seed, len(lost), min(lost)))

    def judge(self, backend, count, name, ours):
        # One flipped bit hits one record: of 50 that is more than a percent. Of a flat file no byte is redundant: what a
        # block takes is gone, and only the rest is to be saved.
        excused = ours.live - ours.right <= ours.runs or (backend == "flat" and ours.whole and
                                                         100.0 * (1 - ours.whole_lost / ours.whole) >= TARGETS.get(name, 0))
        measured = name in TARGETS and ours.runs >= FEWEST_SEEDS
        if measured and ours.percent() < TARGETS[name] and not excused:
            self.failures.append("%s, %d records, %s: %.2f %%, not %.0f" % (backend, count, name, ours.percent(), TARGETS[name]))
        if ours.whole_lost and name != "512-byte block zeroed":
            self.failures.append("%s, %d records, %s: %d whole live records not saved" % (backend, count, name, ours.whole_lost))
        if ours.crashed or ours.stopped:
            self.failures.append("%s, %d records, %s: %d runs failed" % (backend, count, name, ours.crashed + ours.stopped))
        if backend in CHECKED and ours.wrong:
            self.failures.append("%s, %d records, %s: %d wrong values" % (backend, count, name, ours.wrong))

    def line(self, backend, count, name):
        theirs, ours = self.rows[backend, count, name]
        real, saved = ["%.*f" % (digits, score.percent()) if score.runs else "-" for digits, score in ((1, theirs), (2, ours))]
        trouble = []
        if theirs.crashed:
            trouble.append("%d of %d died" % (theirs.crashed, theirs.runs))
        if theirs.stopped:
            trouble.append("%d of %d stopped after %d s" % (theirs.stopped, theirs.runs, self.options.limit))
        whole = "%d of %d" % (ours.whole - ours.whole_lost, ours.whole) if ours.whole else "-"
        return "| %s | %d | %s | %d | %s | %s | %s | %s | %d | %d | %d | %d |" % (
            backend, count, name, max(ours.runs, theirs.runs), real, ", ".join(trouble), saved, whole, ours.wrong, ours.older,
            ours.risen, theirs.wrong)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="directory of our programs")
    parser.add_argument("--records", type=int, action="append", help="size of the databases (50, 5000, 500000)")
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--damage", action="append", choices=list(damage.DAMAGES))
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--large-seeds", type=int, help="seeds for databases above %d records" % LARGE)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="databases at a time")
    parser.add_argument("--real-seeds", type=int, help="seeds for the real program, when they are to be fewer")
    parser.add_argument("--only", choices=("ours", "real"), help="one side: the other one's columns show nothing")
    parser.add_argument("--limit", type=int, default=20, help="seconds for one run of the real program")
    parser.add_argument("--actions", action="store_true", help="also open every damaged file with every action of ours")
    parser.add_argument("--quick", action="store_true", help="the selection of the normal tests")
    parser.add_argument("--state", help="file that keeps what was measured: the next run with it goes on, after hours")
    parser.add_argument("--write", help="file that gets the table")
    options = parser.parse_args()
    if options.quick:
        options.records, options.seeds = options.records or [50], min(options.seeds, 2)
    options.records = options.records or [50, 5000, 500000]
    options.backend = options.backend or list(BACKENDS)
    options.large_seeds = options.seeds if options.large_seeds is None else options.large_seeds
    options.real_seeds = options.seeds if options.real_seeds is None else options.real_seeds
    if options.only == "ours":
        options.real_seeds = 0
    options.binary = os.path.join(options.bin, "cyr_dbtool")
    return options


def one_database(options, backend, count):
    """The lines and the failures of one database; a process of its own, with its own folder."""
    with Scratch() as scratch:
        real = databases.Real(oracle.Oracle(scratch), os.path.join(scratch.top, "real"))
        table = Table(options, real, scratch)
        table.database(backend, count)
        return [table.line(*key) for key in table.rows], table.failures


def main():
    oracle.gate()
    options = arguments()
    databases_to_hurt = [(backend, count) for count in options.records for backend in options.backend]
    lines, failures = [], []
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        runs = [pool.submit(one_database, options, backend, count) for backend, count in databases_to_hurt]
        for run in runs:
            got = run.result()
            lines += got[0]
            failures += got[1]
    if options.write:
        with open(options.write, "w", encoding="utf-8") as f:
            f.write("\n".join([INTRODUCTION] + HEAD + lines) + "\n")
    for failure in failures:
        print("FAILED: " + failure)
    print("%d rows, %d failures" % (len(lines), len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
