#!/usr/bin/env python3
"""The mailbox list lost in every way, on the store of every release, and rebuilt by `reconstruct -m`: what is in it again.

  list_matrix.py --bin DIR [--store NAME ...] [--damage NAME ...] [--quick] [--report FILE] [--oracle] [-v]

Compared with the list before the damage, by readers that share no code with ours: names, access lists, partitions, kinds,
unique ids, UIDVALIDITY of the mailboxes; tombstones, names in the history and names that only have children are counted apart.
Without damage, `ctl_mboxlist -d` prints what the release's own printed, and what it dumps can be loaded again.
--oracle: the real Cyrus 3.6.1 lists the rebuilt list (stores of 3.6 and 3.8), and its imapd opens every mailbox.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import anylist  # noqa: E402
import golden  # noqa: E402
import oracle as real_cyrus  # noqa: E402

OLD = ("old-2.1.12-classic", "old-2.2.13-classic", "old-2.3.20-classic", "old-2.4.22-default", "old-2.5.17-skiplist",
       "old-3.0.18-default", "old-3.2.12-virt", "old-3.8.6-modern", "old-3.10.3-classic", "old-3.12.3-default")
STORES = golden.STORES + OLD
QUICK = ("default", "virt", "old-2.3.20-classic", "old-3.2.12-virt")
FACTS = ("name", "acl", "partition", "kind", "uniqueid", "uidvalidity")
# Headers and indexes hold no tombstones, intermediates and histories, and no kind before 3.6 but mail.
DAMAGES = ("deleted", "no-backup", "zeroed", "half", "other", "no-ids")
MAGIC = 115                                              # octets of cyrus.header before its lines


def listfile(root):
    return os.path.join(root, "config/mailboxes.db")


def drop_backups(root):
    for name in ("db.backup1", "db.backup2"):
        shutil.rmtree(os.path.join(root, "config", name), ignore_errors=True)


def drop_id(path):
    with open(path, "rb") as f:
        data = f.read()
    magic, body = data[:MAGIC], data[MAGIC:]
    if body.startswith(b"%("):
        body = re.sub(rb" I [^ )]+", b"", body, count=1)
    else:
        line, _, rest = body.partition(b"\n")
        body = line.split(b"\t")[0] + b"\t\n" + rest
    os.unlink(path)                                      # others may have links to it
    with open(path, "wb") as f:
        f.write(magic + body)


def headers(root):
    for folder, _, names in os.walk(root):
        if "cyrus.header" in names and "undo." not in folder:
            yield os.path.join(folder, "cyrus.header")


def damage(scratch, store, root, what):
    path = listfile(root)
    if what == "deleted":
        os.unlink(path)
    elif what == "no-backup":
        os.unlink(path)
        drop_backups(root)
    elif what == "zeroed":
        size = os.path.getsize(path)
        with open(path, "wb") as f:
            f.write(b"\0" * size)
    elif what == "half":
        os.truncate(path, os.path.getsize(path) // 2)
    elif what == "other":
        shutil.copyfile(listfile(scratch.pristine("default" if store.startswith("old-2") else "old-2.4.22-default")), path)
        drop_backups(root)
    else:
        os.unlink(path)
        drop_backups(root)
        for header in headers(root):
            drop_id(header)


def run(bindir, root, program, *words, stdin=None):
    got = subprocess.run([os.path.join(bindir, program), "-C", os.path.join(root, "etc/imapd.conf"), *words], stdin=stdin,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600, env={**os.environ, "TZ": "UTC"})
    return got.returncode, got.stdout, got.stderr


def rights(acl):
    """By set: releases spell one set differently."""
    return {who: frozenset(what) for who, what in acl.items() if what}


def compare(before, after):
    """{fact: (kept, of)} of the mailboxes, and of what only a list knows."""
    wanted, got = anylist.active(before), anylist.active(after)
    out = {fact: [0, 0] for fact in FACTS}

    def count(fact, good):
        out[fact][0] += bool(good)
        out[fact][1] += 1
    for name, entry in wanted.items():
        other = got.get(name)
        count("name", other)
        count("acl", other and rights(other["acl"]) == rights(entry["acl"]))
        count("partition", other and other["partition"] == entry["partition"])
        count("kind", other and other["flags"] == entry["flags"])
        if entry["uniqueid"]:
            count("uniqueid", other and other["uniqueid"] == entry["uniqueid"])
        if entry["uidvalidity"]:
            count("uidvalidity", other and other["uidvalidity"] == entry["uidvalidity"])
    for fact, letter in (("tombstone", "d"), ("intermediate", "i")):
        names = [n for n, e in before.items() if letter in e["flags"]]
        if names:
            out[fact] = [sum(n in after and letter in after[n]["flags"] for n in names), len(names)]
    out["history"] = [sum(after.get(n, {"history": ()})["history"] == e["history"] for n, e in wanted.items() if e["history"]),
                      sum(bool(e["history"]) for e in wanted.values())]
    return out, sorted(got.keys() - wanted.keys())


class Case:
    def __init__(self, scratch, store, bindir, args):
        self.scratch, self.store, self.bindir, self.args = scratch, store, bindir, args
        self.before = anylist.read(listfile(scratch.pristine(store)))
        self.problems = []

    def say(self, text):
        self.problems.append("%s: %s" % (self.store, text))

    def dump(self):
        """ctl_mboxlist -d as the release's own, and there and back."""
        root = self.scratch.copy(self.store, "dump." + self.store)
        release = re.match(r"old-(2\.[0-4])", self.store)
        with open(os.path.join(self.scratch.golden(self.store), "intact/ctl_mboxlist-d.txt"), "rb") as f:
            want = f.read()
        code, got, err = run(self.bindir, root, "ctl_mboxlist", "-d", *(["--release", release.group(1)] if release else []))
        if code or got != want or err:
            self.say("ctl_mboxlist -d (exit %d) differs: %s" % (code, err[:200]))
        code, _, err = run(self.bindir, root, "ctl_mboxlist", "-v")
        if code:
            self.say("ctl_mboxlist -v finds something in an intact store")
        full = os.path.join(root, "full.dump")
        with open(full, "wb") as f:
            f.write(run(self.bindir, root, "ctl_mboxlist", "-d", "-y", "--history")[1])
        os.unlink(listfile(root))
        version = re.match(r"old-([0-9.]+)", self.store)
        with open(full, "rb") as f:
            code, _, err = run(self.bindir, root, "ctl_mboxlist", "-u", *(["--release", version.group(1)] if version else []), stdin=f)
        with open(full, "rb") as f:
            text = f.read()
        if code or err or run(self.bindir, root, "ctl_mboxlist", "-d", "-y", "--history")[1] != text:
            self.say("what ctl_mboxlist dumps is not what it loads (exit %d): %s" % (code, err[:200]))
        shutil.rmtree(root)

    def rebuild(self, what):
        root = self.scratch.copy(self.store, "%s.%s" % (self.store, what))
        damage(self.scratch, self.store, root, what)
        code, out, err = run(self.bindir, root, "reconstruct", "-m", "-q")
        if code not in (0, 2):
            self.say("%s: reconstruct -m: exit %d: %s" % (what, code, err.decode("utf-8", "replace")[-300:]))
            return None, root
        facts, extra = compare(self.before, anylist.read(listfile(root)))
        if extra and not (what == "half" and re.match(r"old-2\.[0-4]", self.store)):    # those lists have no ids to tell old names by
            self.say("%s: %d mailboxes that were not there: %s" % (what, len(extra), extra[:3]))
        self.again(what, root)
        return facts, root

    def again(self, what, root):
        """The same once more finds nothing to do."""
        with open(listfile(root), "rb") as f:
            data = f.read()
        run(self.bindir, root, "reconstruct", "-m", "-q")
        with open(listfile(root), "rb") as f:
            if f.read() != data:
                self.say("%s: a second reconstruct -m changes the list again" % what)

    def served(self, what, root, oracle):
        """The real 3.6.1 lists the same names and opens every mailbox."""
        import accept  # noqa: E402: only with the real Cyrus
        oracle.hand_over(root)
        code, out = oracle.run(root, "ctl_mboxlist", "-d")
        names = set(json.loads(out)) if not code else set()
        wanted = set(anylist.read(listfile(root)))
        if not wanted <= names | {n for n, e in anylist.read(listfile(root)).items() if "i" in e["flags"]}:
            self.say("%s: the real ctl_mboxlist -d lacks %s" % (what, sorted(wanted - names)[:3]))
        judge = accept.Judge(oracle, root, self.scratch.pristine(self.store), {})
        judge.serve()
        for line in judge.problems[:3]:
            self.say("%s: imapd: %s" % (what, line))
        return judge.mailboxes, judge.messages


def check_facts(case, what, facts):
    """What the store still holds must be there; histories and tombstones are in lists only."""
    for fact in FACTS:
        kept, of = facts[fact]
        if fact == "uniqueid" and what == "no-ids" or fact == "acl" and re.match(r"old-2\.[1-3]", case.store):
            continue                                     # random ids; up to 2.3 a rename leaves another ACL in the header
        if kept != of:
            case.say("%s: %s of %d mailboxes of %d only" % (what, fact, kept, of))


COLUMNS = FACTS + ("tombstone", "intermediate", "history")


def row(store, what, facts, served):
    cells = ["%d/%d" % tuple(facts[c]) if facts.get(c, [0, 0])[1] else "" for c in COLUMNS]
    return "| %s | %s | %s | %s |" % (store, what, " | ".join(cells), served)


def main():
    parser = argparse.ArgumentParser(description="Lost mailbox lists, rebuilt")
    parser.add_argument("--bin", required=True)
    parser.add_argument("--store", action="append", choices=STORES)
    parser.add_argument("--damage", action="append", choices=DAMAGES)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--report")
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    stores = args.store or (QUICK if args.quick else STORES)
    damages = args.damage or (("no-backup", "half") if args.quick else DAMAGES)
    lines, problems = [], []
    with golden.Scratch() as scratch:
        oracle = real_cyrus.Oracle(scratch) if args.oracle and not real_cyrus.why_not() else None
        for store in stores:
            case = Case(scratch, store, args.bin, args)
            case.dump()
            for what in damages:
                facts, root = case.rebuild(what)
                if facts:
                    check_facts(case, what, facts)
                    served = ""
                    if oracle and not re.match(r"old-(2|3\.0|3\.2|3\.1)", store):
                        served = "%d mailboxes, %d messages" % case.served(what, root, oracle)
                    lines.append(row(store, what, facts, served))
                    print(lines[-1], flush=True)
                shutil.rmtree(root)
            problems += case.problems
            for line in case.problems:
                print("    " + line, flush=True)
    if args.report:
        with open(args.report, "w", encoding="utf-8") as f:
            f.write("| store | damage | %s | served by 3.6.1 |\n|%s\n" % (" | ".join(COLUMNS), "---|" * (len(COLUMNS) + 3)))
            f.write("\n".join(lines) + "\n")
    print("%d rebuilt lists, %d problems" % (len(lines), len(problems)))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
