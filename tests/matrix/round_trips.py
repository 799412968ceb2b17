#!/usr/bin/env python3
"""Every database of every store through all four backends and back with our cvt_cyrusdb: no key and no value may change.

  round_trips.py --bin DIR [--store NAME ...] [-v]

What is in a file before and after each step is read by the independent reader.  A quota tree goes through the backends as
every other database does; of these only quota roots can become a quota tree, whose keys are names of files.
"""
import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cyrusdb  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402

# By name, where the content does not tell: text files that are databases.
FLAT = re.compile(r"(\.sub|\.seen|/sub\.db|/mailboxes\.db|/user_deny\.db)$")
WAY = ("flat", "skiplist", "twoskip", "flat", "twoskip", "skiplist")


def stores():
    names = os.listdir(os.path.join(golden.DATA, "stores"))
    return sorted(n[:-8] for n in names if n.endswith(".tar.zst") and not n.endswith(".golden.tar.zst"))


def databases(root):
    """[(path, kind)] of the files below ROOT; a quota tree is (configdirectory/quota, quotalegacy)."""
    out = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path) or "/quota/" in path[len(root):]:
                continue                                 # a quota root may be called shared.sub
            with open(path, "rb") as f:
                head = f.read(20)
            kind = cyrusdb.kind_of(head)
            if kind != "flat" or head and FLAT.search(path):
                out.append((path, kind))
        if os.path.basename(folder) == "config" and os.path.isdir(os.path.join(folder, "quota")):
            out.append((os.path.join(folder, "quota"), "quotalegacy"))
    return sorted(out)


def contents(path, kind):
    if kind == "quotalegacy":
        roots = cyrusdb.read_quotalegacy(os.path.dirname(path))
        return sorted((root.encode("utf-8", "surrogateescape"), value) for root, (_, value) in roots.items())
    return sorted(cyrusdb.read(path)[1])


class Trip:
    def __init__(self, bindir, conf):
        self.bindir, self.conf, self.steps = bindir, conf, 0

    def convert(self, source, kind, target, to):
        command = [os.path.join(self.bindir, "cvt_cyrusdb"), "-C", self.conf, source, kind, target, to]
        got = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.steps += 1
        if got.returncode:
            raise RuntimeError("%s -> %s: exit %d: %s" % (kind, to, got.returncode, got.stdout.decode("utf-8", "replace")))

    def through_all(self, path, kind, scratch):
        """The number of records; RuntimeError when a step changes one."""
        before = contents(path, kind)
        way = WAY + ((kind,) if kind in ("flat", "twoskip") else ())
        if kind == "quotalegacy" or os.path.basename(path) == "quotas.db":
            way += ("quotalegacy", "twoskip")
        source, source_kind = path, kind
        for number, to in enumerate(way):
            target = os.path.join(scratch, str(number), "quota" if to == "quotalegacy" else "database")
            os.makedirs(os.path.dirname(target))
            self.convert(source, source_kind, target, to)
            if contents(target, to) != before:
                raise RuntimeError("%s -> %s changed the records" % (source_kind, to))
            source, source_kind = target, to
        return len(before)


def run(store, bindir, top):
    """(store, databases, records, conversions, problems)"""
    root = os.path.join(top, store)
    golden.Scratch.unpack(None, store + ".tar.zst", root)
    conf = [os.path.join(folder, "imapd.conf") for folder, _, names in os.walk(root) if "imapd.conf" in names][0]
    golden.rewrite_from(os.path.dirname(os.path.dirname(conf)), golden.HOME)
    trip, records, problems, count = Trip(bindir, conf), 0, [], 0
    for path, kind in databases(root):
        scratch = tempfile.mkdtemp(dir=top)
        os.chmod(scratch, 0o777)
        try:
            records += trip.through_all(path, kind, scratch)
        except (RuntimeError, *facts.TROUBLE) as why:
            problems.append("%s (%s): %s" % (os.path.relpath(path, root), kind, why))
        count += 1
        shutil.rmtree(scratch)
    shutil.rmtree(root)
    return store, count, records, trip.steps, problems


def main():
    parser = argparse.ArgumentParser(description="Databases through all backends")
    parser.add_argument("--bin", required=True, help="our programs")
    parser.add_argument("--store", action="append")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    start, totals, bad = time.monotonic(), [0, 0, 0], 0
    with golden.Scratch() as scratch, concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        os.chmod(scratch.top, 0o711)
        todo = args.store or stores()
        for store, *numbers, problems in pool.map(run, todo, [args.bin] * len(todo), [scratch.top] * len(todo)):
            print("%-22s %5d databases %7d records %6d conversions" % (store, *numbers), flush=True)
            for line in problems:
                print("    " + line)
            totals, bad = [a + b for a, b in zip(totals, numbers)], bad + len(problems)
    print("%d databases, %d records, %d conversions, %d problems, %.0f s" % (*totals, bad, time.monotonic() - start))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
