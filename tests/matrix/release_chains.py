#!/usr/bin/env python3
"""A whole store through a chain of releases and back to its own: 2.x -> 3.6 -> 3.12 -> 3.6 -> 2.x for stores of earlier releases,
3.x -> 3.12 -> 3.6 -> 2.4 -> 3.6 for those of 3.6 and later.  At the end every fact is what it was, but for the losses that
were announced; on the way the real imapd of 3.6.1 serves it.

  release_chains.py --bin DIR [--store NAME ...]

Mailboxes, access lists, UIDVALIDITY, messages (content, flags, date, \\Seen), seen state of users, quota limits, subscriptions and
annotations are read from the files, by readers that share no code with ours.
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
import down_and_up  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import oracle as real_cyrus  # noqa: E402
import upgrade_facts  # noqa: E402
from list_matrix import STORES  # noqa: E402

SERVER_DATABASES = {"annotations.db": "annotation_db", "deliver.db": "duplicate_db", "statuscache.db": "statuscache_db"}
BERKELEY_MAGICS = (b"\x62\x31\x05\x00", b"\x61\x15\x06\x00")  # B-tree and hash, little-endian
SAME = ("mailboxes", "access lists", "messages", "seen", "quota", "subscriptions", "annotations")


def own_release(store):
    found = re.match(r"old-([\d.]+)-", store)
    return found.group(1) if found else "3.6.1"


class Chain(down_and_up.Case):
    """A store of before 3.6."""

    def __init__(self, scratch, oracle, bindir, store):
        super().__init__(scratch, oracle, bindir, store, own_release(store))
        self.losses = set()
        self.deliveries = None

    def step(self, root, *words):
        code, out, err = down_and_up.run(self.bindir, root, "reconstruct", "-q", *words)
        self.check(code in (0, 2), "%s: exit %d: %s" % (" ".join(words), code, (out + err)[-400:]))
        for line in (out + err).decode("utf-8", "replace").split("\n"):
            found = re.search(r": version \d+ cannot hold (.*?)(?: \d+)?$|: (the limits of .* have no place)", line)
            if found:
                self.losses.add((found.group(1) or "quota limits").strip())

    def facts(self, root):
        here = upgrade_facts.Before(root)
        full = self.release >= "2.5"
        return {"mailboxes": {n: (b["uidvalidity"], b["uniqueid"]) for n, b in here.boxes.items()},
                "access lists": {n: upgrade_facts.acl_set(e["acl"]) for n, e in here.entries.items()},
                "messages": {(n, u): (m[0], frozenset(m[1]), *m[2:]) for n, b in here.boxes.items() for u, m in b["messages"].items()},
                "seen": {(n, u): frozenset(s) & set(b["messages"]) for n, b in here.boxes.items() for u, s in b["seen"].items()
                         if set(s) & set(b["messages"])},       # of messages that are gone nothing is to be kept
                "quota": {r: {k: v[1] for k, v in q.items() if full or k == "S"} for r, q in here.quota.items()},
                "subscriptions": {(u, k) for u, s in here.subscribed.items() for k in s},
                "annotations": here.annotations}, here

    def form(self, root, release):
        """The list is of the form of RELEASE, and no subscriptions are of a later one's."""
        records = cyrusdb.read(os.path.join(root, "config/mailboxes.db"))[1]
        self.check(all(k[:1] in (b"N", b"I", b"A", b"U") for k, _ in records), "%s: the list is not keyed" % release)
        quoted = any(re.search(rb'^%\(N "user\x1f[a-z]+"|[( ]N "user\x1f[a-z]+"', v) for k, v in records if k[:1] == b"I")
        self.check(quoted == (release == "3.12.3"), "%s: names in the list are written as by another release" % release)
        for folder, _, names in os.walk(os.path.join(root, "config/user")):
            for path in [os.path.join(folder, n) for n in names if n == "sub.db" or n.endswith(".sub")]:
                version = dict(cyrusdb.read(path)[1]).get(b"\x1fVER\x1f", b"0") if "undo." not in path else b"0"
                self.check(version <= (b"3" if release == "3.12.3" else b"2"), "%s: %s has version %r" % (release, path, version))

    def backends(self, root, release):
        """The databases of the server are of a backend that the release has; those of one backend keep their records."""
        with open(os.path.join(root, "etc/imapd.conf"), encoding="utf-8") as f:
            asked = dict(re.findall(r"^(\w+_db):\s*(\S+)", f.read(), re.M))
        for name, option in SERVER_DATABASES.items():
            path = os.path.join(root, "config", name)
            if not os.path.exists(path) or not os.path.getsize(path):
                continue
            with open(path, "rb") as f:
                data = f.read()
            kind = "berkeley" if data[12:16] in BERKELEY_MAGICS else cyrusdb.kind_of(data)
            allowed = ("skiplist", "flat", "berkeley") if release < "2.5" else (asked.get(option, "twoskip"), )
            self.check(kind in allowed, "%s: %s is %s" % (release, name, kind))
            if kind != "berkeley":
                records = cyrusdb.read(path)[1]
                if name == "deliver.db":
                    self.check(self.deliveries in (None, records), "%s: %s has %d other records" % (release, name, len(records)))
                    self.deliveries = records

    def served(self, root, before):
        """The real 3.6.1 serves a copy of it."""
        copy = root + ".served"
        subprocess.run(["cp", "-a", root, copy], check=True)
        golden.rewrite_from(copy, root)
        self.oracle.hand_over(copy)
        asked = upgrade_facts.Served(self.oracle, copy, before).ask()
        self.bad += asked.missing[:6]
        shutil.rmtree(copy)
        return "%d/%d" % tuple(map(sum, zip(*asked.count.values())))

    def row(self):
        root = self.scratch.copy(self.store, "chain." + self.store)
        wanted, before = self.facts(root)
        for release in ("3.6.1", "3.12.3", "3.6.1"):
            self.step(root, "--to-release", release, "--accept-loss")
            self.form(root, release)
            self.backends(root, release)
        served = self.served(root, before)
        self.losses = set()
        self.step(root, "--to-release", self.release, "--accept-loss")
        self.backends(root, self.release)
        got = self.facts(root)[0]
        cells = []
        for fact in SAME:
            if isinstance(wanted[fact], set):
                same, extra = len(wanted[fact] & got[fact]), got[fact] - wanted[fact]
            else:
                same = sum(got[fact].get(k) == v for k, v in wanted[fact].items())
                extra = set(got[fact]) - set(wanted[fact])
            self.check(same == len(wanted[fact]) and not extra, "%s: %d of %d, %d more: %s" % (fact, same, len(wanted[fact]), len(extra), [
                (k, v, got[fact].get(k)) for k, v in (wanted[fact].items() if isinstance(wanted[fact], dict) else []) if got[fact].get(k) != v][:2] or sorted(extra)[:2]))
            cells.append("%d/%d" % (same, len(wanted[fact])))
        shutil.rmtree(root)
        return "| %s | 3.6.1, 3.12.3, 3.6.1, %s | %s | %s | %s |" % (self.store, self.release, served, " | ".join(cells), ", ".join(sorted(self.losses)))


class NewChain(Chain):
    """A store of 3.6 or later, which readers of earlier forms see when it is one of 2.4."""

    def row(self):
        root = self.scratch.copy(self.store, "chain." + self.store)
        self.release = "2.4"
        self.note_facts(root)
        self.acls = {n: e["acl"] for n, e in facts.Reader(root).list.items()}
        for release in ("3.12.3", "3.6.1"):
            self.step(root, "--to-release", release, "--accept-loss")
            self.form(root, release)
            self.backends(root, release)
        self.losses = set()
        self.step(root, "--to-release", "2.4", "--accept-loss")
        self.backends(root, "2.4")
        down, kept, total = self.judge(root)
        self.step(root, "--to-release", "3.6.1")
        served = self.served(root, down)
        shutil.rmtree(root)
        subscribed = sum(len(v) for v in down.subscribed.values())
        boxes = [n for n in down.boxes if n in self.mail]
        acls = sum(upgrade_facts.acl_set(down.entries[n]["acl"]) == upgrade_facts.acl_set(self.acls[n]) for n in boxes)
        self.check(acls == len(self.mail), "%d of %d access lists" % (acls, len(self.mail)))
        cells = ["%d/%d" % (len(boxes), len(self.mail)), "%d/%d" % (acls, len(self.mail)), "%d/%d" % (kept, total),
                 "%d/%d" % (sum(map(len, down.seen_files.values())), self.states), "%d/%d" % (len(down.quota), len(self.quota)),
                 "%d/%d" % (subscribed, self.subscriptions), "%d/%d" % (len(down.annotations), self.annotations)]
        return "| %s | 3.12.3, 3.6.1, 2.4, 3.6.1 | %s | %s | %s |" % (self.store, served, " | ".join(cells), ", ".join(sorted(self.losses)))


def main():
    parser = argparse.ArgumentParser(description="through a chain of releases and back")
    parser.add_argument("--bin", required=True)
    parser.add_argument("--store", action="append", choices=STORES)
    args = parser.parse_args()
    real_cyrus.gate()
    bad = 0
    print("| store | releases | served by 3.6.1 | %s | announced |" % " | ".join(SAME))
    with golden.Scratch() as scratch:
        oracle = real_cyrus.Oracle(scratch)
        for store in args.store or STORES:
            kind = NewChain if own_release(store) >= "3.6" or own_release(store).startswith("3.1") else Chain
            case = kind(scratch, oracle, args.bin, store)
            print(case.row(), flush=True)
            for line in case.bad:
                print("    " + line)
            bad += bool(case.bad)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
