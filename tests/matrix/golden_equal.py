#!/usr/bin/env python3
"""Our programs on the intact stores of Cyrus 3.6.1, compared with what the real ones said and wrote.

  golden_equal.py --bin DIR [--store NAME] [same|quiet|cache|vectors ...]

  same     mbexamine, quota, cyr_dbtool show, mbpath print what the real ones printed, octet by octet
  quiet    reconstruct -r on everything, and -n, say nothing but the names and change not one octet or time
  cache    every cyrus.cache deleted, reconstruct -G: every cache record has the octets of the real one
  vectors  the same for the 99 odd messages of cache-vectors, delivered into a mailbox

Where tools.md marks a deviation it is in DEVIATIONS, is counted, and nothing else may differ.
"""
import argparse
import difflib
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import facts  # noqa: E402
import golden  # noqa: E402
import mailboxfile  # noqa: E402
import repair  # noqa: E402

# Program, what is different on purpose, and the pattern that is replaced before comparing (on both sides).
DEVIATIONS = [("mbexamine", "the record's number instead of 000001 for every one", re.compile(rb"^\d{6}(?=> UID:)", re.M))]
VECTOR_FIELDS = ("size", "header_size", "internaldate", "sentdate", "gmtime")
VECTOR_DATE = 1600000000                                 # mtime of the vectors' files when the real program saw them


class Run:
    def __init__(self, scratch, store, bindir):
        self.scratch, self.store, self.bindir = scratch, store, bindir
        self.root = scratch.copy(store, "equal." + store)
        self.said = os.path.join(scratch.golden(store), "intact")
        self.reader = facts.Reader(scratch.pristine(store))
        self.problems, self.lines = [], []

    def call(self, *words):
        conf = os.path.join(self.root, "etc/imapd.conf")
        got = subprocess.run([os.path.join(self.bindir, words[0]), "-C", conf, *words[1:]], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, env={**os.environ, "TZ": "UTC"})
        return got.returncode, got.stdout

    def say(self, text):
        self.problems.append(text)

    def equal(self, what, program, got, want):
        """True when GOT is WANT, deviations aside; paths are those of the archive."""
        got = got.replace(self.root.encode(), golden.HOME.encode())
        for name, _, pattern in DEVIATIONS:
            if name == program:
                got, want = pattern.sub(b"N", got), pattern.sub(b"N", want)
        if got == want:
            return True
        pair = [x.decode("utf-8", "backslashreplace").split("\n") for x in (want, got)]
        diff = list(difflib.unified_diff(*pair, "real", "ours", n=0, lineterm=""))
        self.say("%s: %d lines of difference: %s" % (what, len(diff), " | ".join(diff[2:8])[:600]))
        return False

    # the four checks

    def same(self):
        counts = {}
        for file in ("mbexamine.txt", "quota.txt", "mbpath.txt"):
            for command, want, code in golden.transcript(os.path.join(self.said, file)):
                words = [w.strip("'") for w in re.findall(r"'[^']*'|\S+", command)]
                got_code, got = self.call(*words)
                good = self.equal(command, words[0], got, want) and str(got_code) == code
                if str(got_code) != code:
                    self.say("%s: exit %d, the real one %s" % (command, got_code, code))
                counts.setdefault(words[0], [0, 0])[0 if good else 1] += 1
        for name in sorted(os.listdir(os.path.join(self.said, "db"))):
            path, kind = name[:-len(".txt")].replace("%", "/").rsplit(".", 1)
            if path.endswith(("counters", "counters.db")):  # no database: the real tool prints nonsense for it
                continue
            _, got = self.call("cyr_dbtool", os.path.join(self.root, path), kind, "show")
            good = self.equal("cyr_dbtool show " + path, "cyr_dbtool", got, facts.octets(os.path.join(self.said, "db", name)))
            counts.setdefault("cyr_dbtool", [0, 0])[0 if good else 1] += 1
        self.lines.append("same:    " + ", ".join("%s %d of %d equal" % (p, c[0], sum(c)) for p, c in counts.items()))

    def quiet(self):
        tops = sorted({self.top(n) for n, e in self.reader.list.items() if "d" not in e["type"][1:]})
        count = sum("d" not in e["type"][1:] for e in self.reader.list.values())
        for words in (["reconstruct", "-r", *tops], ["reconstruct"], ["reconstruct", "-n"], ["quota"], ["quota", "-f", "-n", "-q"]):
            before = repair.tree(self.root)
            code, out = self.call(*words)
            if code:
                self.say("%s: exit %d" % (words[0:2], code))
            names = {self.reader.store.external(n) for n in self.reader.list}
            if words[0] == "reconstruct":
                got = [x for x in out.decode("utf-8", "surrogateescape").split("\n") if x]
                extra = [x for x in got if x not in names]
                if extra:
                    self.say("%s says: %s" % (" ".join(words), " / ".join(extra[:5])[:500]))
                if len(set(got) & names) != count:
                    self.say("%s visited %d mailboxes of %d" % (" ".join(words), len(set(got) & names), count))
            after = repair.tree(self.root)
            changed = sorted(k for k in {**before, **after} if before.get(k) != after.get(k))
            if changed:
                self.say("%s changed %d files: %s" % (" ".join(words), len(changed), ", ".join(changed[:5])))
        self.lines.append("quiet:   %d mailboxes, %d files: nothing reported, not one octet or time changed"
                          % (count, len(before)) if not self.problems else "quiet:   see below")

    def top(self, name):
        """The mailbox to start -r from: the user's INBOX, the top shared mailbox, or all of DELETED one by one."""
        domain, mark, local = name.rpartition("!")
        parts = local.split(".")
        keep = {"user": 2, "DELETED": len(parts)}.get(parts[0], 1)
        return self.reader.store.external(domain + mark + ".".join(parts[:keep]))

    def cache(self):
        removed = 0
        for folder, _, names in os.walk(self.root):
            if "cyrus.cache" in names:
                os.unlink(os.path.join(folder, "cyrus.cache"))
                removed += 1
        code, out = self.call("reconstruct", "-G", "-q")
        if code:
            self.say("reconstruct -G: exit %d: %s" % (code, out[-200:].decode("utf-8", "replace")))
        after, same, differ = facts.Reader(self.root), 0, []
        for name, entry in self.reader.list.items():
            if "d" not in entry["type"][1:]:
                want, got = cache_records(self.reader, name, entry), cache_records(after, name, after.list[name])
                for uid, record in want.items():
                    same += got.get(uid) == record
                    if got.get(uid) != record:
                        differ.append("%s uid %d" % (name, uid))
        if differ:
            self.say("cache records that differ: %d: %s" % (len(differ), ", ".join(differ[:8])))
        self.lines.append("cache:   %d files deleted, %d of %d records rebuilt with the octets of the real ones"
                          % (removed, same, same + len(differ)))

    def vectors(self):
        folder = os.path.join(self.scratch.top, "cache-vectors")
        if not os.path.isdir(folder):
            self.scratch.unpack("../cache-vectors.tar.zst", folder)
        folder = os.path.join(folder, "cache-vectors")
        name = next(n for n in self.reader.list if n.endswith("Empty Folder") and n.startswith("user."))
        entry = self.reader.list[name]
        where = facts.Reader(self.root).places(name, entry)
        names = sorted(n[:-4] for n in os.listdir(folder) if n.endswith(".eml"))
        for uid, vector in enumerate(names, 1):
            to = os.path.join(where["spool"], "%d." % uid)
            shutil.copyfile(os.path.join(folder, vector + ".eml"), to)
            os.utime(to, (VECTOR_DATE, VECTOR_DATE))
        code, out = self.call("reconstruct", self.reader.store.external(name))
        if code:
            self.say("reconstruct on the vectors: exit %d: %s" % (code, out[-200:].decode("utf-8", "replace")))
        reader, differ = facts.Reader(self.root), []
        got = cache_records(reader, name, reader.list[name])
        _, records = mailboxfile.read_index(facts.octets(where["index"]))
        by_uid = {r["uid"]: r for r in records}
        for uid, vector in enumerate(names, 1):
            with open(os.path.join(folder, vector + ".json"), encoding="utf-8") as f:
                said = json.load(f)
            fields = [k for k in VECTOR_FIELDS if by_uid.get(uid, {}).get(k) != said[k]]
            if got.get(uid) != facts.octets(os.path.join(folder, vector + ".cache")) or fields:
                differ.append("%s %s %s" % (vector, said["name"], fields))
        if differ:
            self.say("vectors that differ: %d: %s" % (len(differ), ", ".join(differ[:8])))
        self.lines.append("vectors: %d of %d cache records and their index fields are the real ones"
                          % (len(names) - len(differ), len(names)))


def cache_records(reader, name, entry):
    """{uid: octets of its cache record}"""
    places, caches, out = reader.places(name, entry), {}, {}
    _, records = mailboxfile.read_index(facts.octets(places["index"]))
    for record in records:
        if record["system_flags"] & mailboxfile.UNLINKED or not record["cache_offset"]:
            continue
        archived = record["system_flags"] & mailboxfile.ARCHIVED
        path = os.path.join(places["archive"], "cyrus.cache") if archived else places["cache"]
        if path not in caches:
            caches[path] = facts.octets(path) if os.path.exists(path) else b""
        try:
            out[record["uid"]] = mailboxfile.cache_record(caches[path], record["cache_offset"])
        except mailboxfile.Broken:
            pass
    return out


def main():
    parser = argparse.ArgumentParser(description="Our programs against the golden files of the real ones")
    parser.add_argument("--bin", required=True)
    parser.add_argument("--store", action="append")
    parser.add_argument("check", nargs="*", default=[])
    args = parser.parse_args()
    checks, bad = args.check or ["same", "quiet", "cache", "vectors"], 0
    with golden.Scratch() as scratch:
        for store in args.store or golden.STORES:
            run = Run(scratch, store, args.bin)
            for check in checks:
                if check != "vectors" or store == "default":  # one store is enough: they are the same messages
                    getattr(run, check)()
            for line in run.lines:
                print("%-9s %s" % (store, line))
            for line in run.problems:
                print("    " + line)
            bad += len(run.problems)
            shutil.rmtree(run.root)
    if "same" in checks:
        print("deviations that tools.md asks for: " + "; ".join("%s: %s" % d[:2] for d in DEVIATIONS))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
