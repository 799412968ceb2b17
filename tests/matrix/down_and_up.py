#!/usr/bin/env python3
"""A store of 3.6.1 taken down to an earlier release by `reconstruct --to-release R` and up again: the list in the form of R,
directories and users' files by name, every fact there by readers of our own; after the way back the real imapd of 3.6.1 serves it all.

  down_and_up.py --bin DIR [--store NAME ...] [--release R ...]
"""
import argparse
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cyrusdb  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import oracle as real_cyrus  # noqa: E402
import upgrade_facts  # noqa: E402
from list_matrix import listfile, run  # noqa: E402

RELEASES = ("2.4", "3.0", "3.2")


def mail(reader):
    """{mailbox: {uid: (sha1, flags, date)}} of a store of 3.6."""
    out = {}
    for name, entry in reader.list.items():
        if entry["type"][0] == "e" and not set("di") & set(entry["type"][1:]):
            box = reader.mailbox(name)
            out[name] = {u: (box["files"].get(u, {}).get("sha1"), set(r["flags"]) - {"\\Seen"}, r["internaldate"])
                         for u, r in box["index"]["records"].items() if not r["expunged"]}
    return out


def leftovers(root):
    return sorted(os.path.relpath(d, root) for d, _, n in os.walk(root) if "/uuid/" in d and n and not ("undo." in d or "/sieve/" in d))


def tree(root):
    """{path: what it holds}, without what programs keep for themselves."""
    out = {}
    for folder, _, names in os.walk(root):
        if not any(x in folder for x in ("undo.", "/lock", "/run")):
            out.update({os.path.relpath(os.path.join(folder, n), root): facts.octets(os.path.join(folder, n)) for n in names})
    return out


class Case:
    def __init__(self, scratch, oracle, bindir, store, release):
        self.scratch, self.oracle, self.bindir, self.store, self.release = scratch, oracle, bindir, store, release
        self.bad = []

    def check(self, good, text):
        if not good:
            self.bad.append(text)

    def step(self, root, *words):
        code, out, err = run(self.bindir, root, "reconstruct", "-q", *words)
        self.check(code in (0, 2), "%s: exit %d: %s" % (" ".join(words), code, (out + err)[-400:]))

    def undone(self, root, before):
        """--undo of the way down: every file is what it was, but for caches that programs may drop."""
        ids = {w for w in run(self.bindir, root, "reconstruct", "--list-undo")[1].decode().split() if re.fullmatch(r"\d{8}T\d{6}Z-\d+", w)}
        code, out, err = run(self.bindir, root, "reconstruct", "--undo", max(ids))
        after = tree(root)
        changed = sorted(p for p in set(before) | set(after) if before.get(p) != after.get(p) and not p.endswith("statuscache.db"))
        self.check(code == 0 and not changed, "undo: exit %d, %d files differ: %s %s" % (code, len(changed), changed[:4], (out + err)[-200:] if code else ""))

    def rows(self):
        root = self.scratch.copy(self.store, "down.%s.%s" % (self.store, self.release))
        reader = facts.Reader(root)
        before, subs = mail(reader), {u: set(reader.subscriptions(p)) for u, p in reader.user_files("sub").items()}
        seen = {u: facts.read_seen(p) for u, p in reader.user_files("seen").items()}
        quota = {r: v for r, v in reader.quota().items()}
        annotations = len(upgrade_facts.annotations(os.path.join(root, "config/annotations.db"), {e["uniqueid"]: n for n, e in reader.list.items()}))
        files = tree(root)
        self.step(root, "--to-release", self.release, "--accept-loss")
        self.undone(root, files)
        self.step(root, "--to-release", self.release, "--accept-loss")
        self.check(not leftovers(root), "still by unique id: %s" % leftovers(root)[:4])
        down = upgrade_facts.Before(root)
        kept = sum(down.boxes.get(n, {"messages": {}})["messages"].get(u, ())[:3] == m for n, box in before.items() for u, m in box.items())
        total = sum(len(box) for box in before.values())
        self.check(kept == total, "%d of %d messages in the old form" % (kept, total))
        count = sum(len(keys - {"\x1fVER\x1f"}) for keys in subs.values())
        there = sum(len(keys) for keys in down.subscribed.values())
        self.check(there == count, "%d of %d subscriptions" % (there, count))
        states = sum(len(s) for s in seen.values())
        self.check(sum(len(s) for s in down.seen_files.values()) == states, "%d of %d seen states" % (sum(len(s) for s in down.seen_files.values()), states))
        resources = ("S", "M", "AS", "NF") if self.release >= "2.5" else ("S",)
        limits, wanted = ({r: [v.get(x, (0, None))[1] for x in resources] for r, v in q.items()} for q in (down.quota, quota))
        self.check(limits == wanted, "quota limits: %s, not %s" % (limits, wanted))
        self.check(len(down.annotations) == annotations, "%d of %d annotations" % (len(down.annotations), annotations))
        form = cyrusdb.read(listfile(root))[1][-1][1][:2]
        self.check(form[:1] == (b"%" if self.release >= "2.5" else b"0"), "the list has records %r" % form)
        self.oracle.hand_over(root)
        self.step(root, "--to-release", "3.6.1")
        self.oracle.hand_over(root)
        asked = upgrade_facts.Served(self.oracle, root, down).ask()
        self.bad += asked.missing[:6]
        shutil.rmtree(root)
        cells = ["%d/%d" % tuple(asked.count[fact]) if asked.count[fact][1] else "" for fact in upgrade_facts.FACTS]
        return "| %s | %s | %d/%d | %s |" % (self.store, self.release, kept, total, " | ".join(cells))


def main():
    parser = argparse.ArgumentParser(description="down and up again")
    parser.add_argument("--bin", required=True)
    parser.add_argument("--store", action="append", choices=golden.STORES)
    parser.add_argument("--release", action="append", choices=RELEASES)
    args = parser.parse_args()
    real_cyrus.gate()
    bad = 0
    print("| store | down to | messages there | %s |" % " | ".join(upgrade_facts.FACTS))
    with golden.Scratch() as scratch:
        oracle = real_cyrus.Oracle(scratch)
        for store in args.store or ("default", "classic", "virt", "modern"):
            for release in args.release or RELEASES:
                if store == "modern" and release < "3.0":
                    continue                             # has an archive partition, which 2.x does not know
                case = Case(scratch, oracle, args.bin, store, release)
                print(case.rows(), flush=True)
                for line in case.bad:
                    print("    " + line)
                bad += bool(case.bad)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
