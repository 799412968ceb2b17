#!/usr/bin/env python3
"""cvt_cyrusdb --all on whole stores: every database to one backend, and back to what imapd.conf asks for, a quota tree (with
those of its domains) included.

  convert_all.py --bin DIR [--store NAME ...]

What is in the files is read by the independent reader.  Between the two runs a quota root is deleted, which must not come back
from a tree that was left lying about.
"""
import argparse
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cyrusdb  # noqa: E402
import golden  # noqa: E402
import round_trips  # noqa: E402


class Store:
    def __init__(self, name, bindir, top):
        self.bindir, self.root = bindir, os.path.join(top, name)
        golden.Scratch.unpack(None, name + ".tar.zst", self.root)
        self.conf = [os.path.join(d, "imapd.conf") for d, _, names in os.walk(self.root) if "imapd.conf" in names][0]
        golden.rewrite_from(os.path.dirname(os.path.dirname(self.conf)), golden.HOME)
        self.config = os.path.join(os.path.dirname(os.path.dirname(self.conf)), "config")

    def run(self, program, *words):
        got = subprocess.run([os.path.join(self.bindir, program), "-C", self.conf, *words], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if got.returncode:
            raise RuntimeError("%s %s: exit %d: %s" % (program, " ".join(words), got.returncode,
                                                       got.stdout.decode("utf-8", "replace")))
        return got.stdout

    def convert_all(self, *words):
        lines = [json.loads(line) for line in self.run("cvt_cyrusdb", "--json", "--all", *words).splitlines()]
        return {line["path"]: line for line in lines}

    def contents(self):
        """{path below the store: records} of all databases but the quotas."""
        out = {}
        for path, kind in round_trips.databases(self.root):
            name = os.path.relpath(path, self.root)
            if "/quota" not in name and not re.search(r"\.old(\.[0-9]+)?$", name):    # those that were put aside, and what is in them
                out[name] = round_trips.contents(path, kind)
        return out

    def tree(self):
        return {root: value for root, (_, value) in cyrusdb.read_quotalegacy(self.config).items()}

    def quota_directories(self):
        return [folder for folder, _, _ in os.walk(self.config) if os.path.basename(folder) == "quota"]


def check(name, bindir, top):
    """(databases, quota roots); RuntimeError when something is not as it was."""
    store = Store(name, bindir, top)
    before, roots = store.contents(), store.tree()
    file = os.path.join(store.config, "quotas.db")
    there = store.convert_all("--to", "skiplist")
    if store.quota_directories():
        raise RuntimeError("left behind: %s" % store.quota_directories())
    if dict(cyrusdb.read(file)[1]) != {os.fsencode(root): value for root, value in roots.items()}:
        raise RuntimeError("quotas.db has other roots than the tree had")
    wrong = [path for path, line in there.items() if line["result"] not in ("converted", "empty", "as wanted")]
    victim = sorted(roots)[-1]                            # of a domain, where there is one: '!' is in no other name
    victim = next((root for root in roots if "!" in root), victim)
    store.run("cyr_dbtool", file, "skiplist", "delete", victim)
    back = store.convert_all()
    wrong += [path for path, line in back.items() if line["result"] not in ("converted", "empty", "as wanted")]
    if wrong:
        raise RuntimeError("not converted: %s" % wrong)
    del roots[victim]
    if store.tree() != roots:
        raise RuntimeError("the quota tree is another one than before: %s"
                           % sorted(set(store.tree().items()) ^ set(roots.items()))[:3])
    if os.path.exists(file) or not os.path.exists(file + ".old"):
        raise RuntimeError("quotas.db was not put aside")
    if store.contents() != before:
        raise RuntimeError("databases changed: %s" % [p for p in before if before[p] != store.contents().get(p)])
    again = store.convert_all()
    if any(line["result"] == "converted" for line in again.values()):
        raise RuntimeError("converted again")
    return len(there), len(roots) + 1


def main():
    parser = argparse.ArgumentParser(description="cvt_cyrusdb --all there and back")
    parser.add_argument("--bin", required=True, help="our programs")
    parser.add_argument("--store", action="append", default=[])
    args = parser.parse_args()
    bad = 0
    with golden.Scratch() as scratch:
        os.chmod(scratch.top, 0o711)
        for name in args.store or ["classic", "virt"]:
            try:
                print("%-22s %5d databases %5d quota roots, there and back" % (name, *check(name, args.bin, scratch.top)))
            except RuntimeError as why:
                bad += 1
                print("%-22s %s" % (name, why))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
