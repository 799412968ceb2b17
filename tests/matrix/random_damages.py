#!/usr/bin/env python3
"""Damages at random places: each kind of damage x every store of Cyrus 3.6.1 x seeds. Which facts were there, which are
still on disk, which ours keeps.

  random_damages.py --bin DIR [--seeds N] [--first N] [--store NAME] [--damage NAME ...] [--jobs N] [--pairs N] [--real]
                    [--markdown] [-v]

--real: the real reconstruct and quota -f repair a copy of each damaged store, too, for the table's column.

A fact of an index record is on disk when the octets of its record are whole in an index of the mailbox or of the one that
changed files with it; see Left. Fails when a fact on disk is lost, a fact is wrong, a second run finds
something, or undoing the repair leaves any file otherwise than it was.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import time
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cyrusdb  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import mailboxfile  # noqa: E402
import matrix  # noqa: E402
import model  # noqa: E402
import oracle as real_cyrus  # noqa: E402
import repair  # noqa: E402

DAMAGES = {}


def damage(function):
    DAMAGES[function.__name__.replace("_", "-")] = function
    return function


class Box:
    """A mailbox of a scratch store that is to be damaged, and another one to change files with."""

    def __init__(self, root, reader, name, other, rng):
        self.root, self.reader, self.name, self.other, self.rng = root, reader, name, other, rng
        self.box = reader.mailbox(name)
        self.places = reader.places(name, self.box["list"])
        self.other_places = reader.places(other, reader.list[other])
        for places in (self.places, self.other_places):  # all messages may lie in the archive
            if not os.path.exists(places["cache"]):
                places["cache"] = os.path.join(places["archive"], "cyrus.cache")
        self.changed = set()                             # kinds of files that are not what they were
        self.exchanged = set()                           # kinds of files that changed places with those of OTHER

    def file(self, kind):
        return self.places[kind]

    def messages(self):
        folder = self.places["spool"]
        names = [n for n in os.listdir(folder) if n[:-1].isdigit() and n.endswith(".")]
        return sorted((int(n[:-1]), os.path.join(folder, n)) for n in names)

    def some_messages(self, count):
        have = self.messages()
        return self.rng.sample(have, min(count, len(have)))

    def write(self, path, data):
        """A new inode: other mailboxes may have links to the old one."""
        st = os.stat(path) if os.path.exists(path) else os.stat(os.path.dirname(path))
        with open(path + ".tmp", "wb") as f:
            f.write(data)
        os.chmod(path + ".tmp", 0o600)
        os.chown(path + ".tmp", st.st_uid, st.st_gid)
        os.rename(path + ".tmp", path)


def exchange(one, other):
    os.rename(one, one + ".tmp")
    os.rename(other, one)
    os.rename(one + ".tmp", other)


def if_there(kind, function):
    """Of two damages the first may have left nothing for the second."""
    def damage_it(x):
        if os.path.exists(x.file(kind)) and os.path.getsize(x.file(kind)):
            function(x)
    return damage_it


def of_each_file(kind):
    """The damages that any file can have."""
    def path(x):
        x.changed.add(kind)
        return x.file(kind)

    def lost(x):
        os.unlink(path(x))

    def empty(x):
        x.write(path(x), b"")

    def cut(x):
        data = facts.octets(path(x))
        x.write(x.file(kind), data[:x.rng.randrange(len(data))])

    def zeroed(x):
        data = bytearray(facts.octets(path(x)))
        at = x.rng.randrange((len(data) + 511) // 512) * 512
        end = min(len(data), at + 512)
        data[at:end] = bytes(end - at)
        x.write(x.file(kind), bytes(data))

    def flipped(x):
        data = bytearray(facts.octets(path(x)))
        for _ in range(3):
            data[x.rng.randrange(len(data))] ^= 1 << x.rng.randrange(8)
        x.write(x.file(kind), bytes(data))

    def swapped(x):
        x.exchanged.add(kind)
        exchange(path(x), x.other_places[kind])

    for function in (lost, empty, cut, zeroed, flipped, swapped):
        DAMAGES["%s-%s" % (kind, function.__name__)] = if_there(kind, function)


for each in ("index", "header", "cache"):
    of_each_file(each)


@damage
def messages_missing(x):
    for _, path in x.some_messages(2):
        os.unlink(path)


@damage
def messages_foreign(x):
    for uid in (1 + x.box["index"]["last_uid"], 1):
        path = os.path.join(x.places["spool"], "%d." % uid)
        if not os.path.exists(path):
            x.write(path, b"Subject: foreign %d\r\n\r\n%s\r\n" % (uid, b"x" * x.rng.randrange(1, 500)))


@damage
def messages_renamed(x):
    for number, (_, path) in enumerate(x.some_messages(2)):
        os.rename(path, os.path.join(os.path.dirname(path), "%d." % (9000 + number)))


@damage
def messages_swapped(x):
    some = x.some_messages(2)
    if len(some) == 2:
        exchange(some[0][1], some[1][1])


@damage
def messages_rotated(x):
    some = x.some_messages(4)
    for (_, one), (_, other) in zip(some, some[1:]):
        exchange(one, other)


@damage
def messages_empty(x):
    for _, path in x.some_messages(2):
        x.write(path, b"")


@damage
def messages_torn(x):
    for _, path in x.some_messages(2):
        data = facts.octets(path)
        x.write(path, data[:x.rng.randrange(1, len(data))])


@damage
def messages_odd_names(x):
    for (_, path), name in zip(x.some_messages(3), ("%d", "%d.bak", "0%d.")):
        uid = os.path.basename(path)[:-1]
        shutil.copyfile(path, os.path.join(os.path.dirname(path), name % int(uid)))


# They write the whole index with right checksums. Of two damages they come first: no disk gives wrong bytes right ones.
WRITERS = ("records-swapped", "record-twice", "record-removed", "record-zeroed", "uidvalidity-zero", "counters-wrong",
           "last-uid-low", "modseq-high")


class Index:
    """An index whose records and header fields are changed with right checksums."""

    def __init__(self, x):
        self.x = x
        x.changed.add("index")
        self.data = facts.octets(x.file("index"))
        self.version = struct.unpack_from(">I", self.data, 8)[0]
        self.size, self.record_size = mailboxfile.SIZES[self.version]
        count = struct.unpack_from(">I", self.data, 20)[0]
        at = [self.size + n * self.record_size for n in range(count)]
        self.head = bytearray(self.data[:self.size])
        self.records = [bytearray(self.data[a:a + self.record_size]) for a in at]

    def field(self, fields, name):
        return next(f for f in fields if f[0] == name and f[3] <= self.version <= f[4])

    def set(self, fields, data, name, value):
        _, offset, form, _, _ = self.field(fields, name)
        struct.pack_into(">" + form, data, offset, value)

    def store(self):
        if self.version >= 12:
            for data in [self.head] + self.records:
                struct.pack_into(">I", data, len(data) - 4, zlib.crc32(data[:-4]))
        self.x.write(self.x.file("index"), bytes(self.head) + b"".join(bytes(r) for r in self.records))


@damage
def records_swapped(x):
    index = Index(x)
    if len(index.records) > 1:
        i = x.rng.randrange(len(index.records) - 1)
        index.records[i], index.records[i + 1] = index.records[i + 1], index.records[i]
    index.store()


@damage
def record_twice(x):
    index = Index(x)
    i = x.rng.randrange(len(index.records))
    index.records.insert(x.rng.randrange(len(index.records)), bytearray(index.records[i]))
    index.set(mailboxfile.HEADER_FIELDS, index.head, "num_records", len(index.records))
    index.store()


@damage
def record_removed(x):
    """An older state of the index: the last messages have not come yet."""
    index = Index(x)
    del index.records[-2:]
    flags = mailboxfile.decode(mailboxfile.RECORD_FIELDS, index.records[-1], 0, index.version)
    index.set(mailboxfile.HEADER_FIELDS, index.head, "num_records", len(index.records))
    index.set(mailboxfile.HEADER_FIELDS, index.head, "last_uid", flags["uid"])
    if index.version >= 12:
        live = [r for r in index.records if not r[32] & 0x80]
        index.set(mailboxfile.HEADER_FIELDS, index.head, "exists", len(live))
    index.store()


@damage
def record_zeroed(x):
    index = Index(x)
    i = x.rng.randrange(len(index.records))
    index.records[i][:] = bytes(index.record_size)
    if index.version >= 12:
        index.store()


@damage
def uidvalidity_zero(x):
    index = Index(x)
    index.set(mailboxfile.HEADER_FIELDS, index.head, "uidvalidity", 0)
    index.store()


@damage
def counters_wrong(x):
    index = Index(x)
    for name in ("deleted", "answered", "flagged"):
        index.set(mailboxfile.HEADER_FIELDS, index.head, name, x.rng.randrange(1000))
    if index.version >= 12:
        index.set(mailboxfile.HEADER_FIELDS, index.head, "exists", x.rng.randrange(1000))
        index.set(mailboxfile.HEADER_FIELDS, index.head, "sync_crc_basic", x.rng.randrange(1 << 32))
    index.store()


@damage
def last_uid_low(x):
    index = Index(x)
    index.set(mailboxfile.HEADER_FIELDS, index.head, "last_uid", 0)
    index.store()


@damage
def modseq_high(x):
    index = Index(x)
    if index.version >= 8:
        record = x.rng.choice(index.records)
        index.set(mailboxfile.RECORD_FIELDS, record, "modseq", 1 << 40)
    index.store()


@damage
def archive_twins(x):
    archive = x.places["archive"]
    if archive and archive != x.places["spool"]:
        os.makedirs(archive, exist_ok=True)
        for _, path in x.some_messages(2):
            shutil.copyfile(path, os.path.join(archive, os.path.basename(path)))


class Left:
    """The facts that the damage leaves on disk."""

    def __init__(self, x, before, intact):
        self.x = x
        self.reader = facts.Reader(x.root)
        old = facts.octets(intact.places(x.name, x.box["list"])["index"])
        self.old_index = old
        self.old_header = facts.octets(intact.places(x.name, x.box["list"])["header"])
        minor = struct.unpack_from(">I", old, 8)[0]
        self.size, self.record_size = mailboxfile.SIZES[minor]
        self.guids = minor >= 10
        self.indexes = self.contents("index")
        self.headers = self.contents("header")
        self.records = {r["uid"]: old[self.size + n * self.record_size:self.size + (n + 1) * self.record_size]
                        for n, r in enumerate(mailboxfile.read_index(old)[1])}
        self.files = facts.message_files(x.places["spool"], x.places["archive"])
        self.shas = {f["sha1"] for f in self.files.values()}
        self.elsewhere = model.Left("index-deleted", x.name, before, x.box, self.reader)
        self.facts = {k: v for k, v in before.items() if self.stays(k, v)}

    def contents(self, kind):
        out = []
        for path in [self.x.places[kind]] + ([self.x.other_places[kind]] if kind in self.x.exchanged else []):
            if os.path.exists(path):
                out.append(facts.octets(path))
        return out

    def record(self, uid):
        return any(self.records[uid] in data for data in self.indexes)

    def stays(self, key, value):
        kind = key[0]
        if kind == "message":
            return self.files.get(key[2], {}).get("sha1") == value or (
                self.guids and value in self.shas and self.record(key[2]))
        if kind in model.RECORD_KINDS:
            return self.record(key[2]) or self.elsewhere.no_index(key, value)
        if kind in model.INDEX_KINDS:
            return any(self.old_index[:self.size] in data for data in self.indexes)
        if kind == "keyword":
            return any(self.numbered(key[2].encode(), data) for data in self.headers)
        return True

    def numbered(self, name, data):
        """The name is there, and before it so much of the list that its number is known."""
        if name not in data[:-1] or data.endswith(name):
            return False
        old = self.old_header
        first, at = old.find(b"U ("), old.find(name)
        if "header" in self.x.exchanged or len(data) != len(old):
            return True
        return sum(a != b for a, b in zip(data[first:at], old[first:at])) <= 3


class Case:
    """What repair.py wants to know of a case."""

    def __init__(self, scratch, store, name, words, x):
        self.scratch, self.store, self.damage = scratch, store, words
        relative = [os.path.relpath(os.path.dirname(x.places[k]), x.root) for k in ("header", "index", "cache", "annotations")]
        self.target = {"mailbox": x.reader.store.external(name), "dir": os.path.relpath(x.places["spool"], x.root), "meta": relative[1]}
        self.dirs = sorted(set(relative) | {self.target["dir"]})


SIZES = {}                                               # per store, of the intact one: {mailbox: records in its index}


def sizes_of(store, reader, names):
    if store not in SIZES:
        SIZES[store] = {n: len(reader.index(reader.places(n, reader.list[n]), {})["records"]) for n in names}
    return SIZES[store]


def copied(root, suffix):
    copy = root + suffix
    subprocess.run(["cp", "-a", root, copy], check=True)
    golden.rewrite_from(copy, root)
    return copy


def records(path):
    """Of a database that mailboxes share the records count; but for the modseq of a quota root, which never goes back."""
    got = facts.try_read(cyrusdb.read, path)
    return None if "error" in got else [(k, re.sub(rb"MODSEQ \d+", b"MODSEQ", v)) for k, v in got[1]]


def not_undone(root, bindir, targets, words):
    """What is not as it was, after a repair of a copy was undone."""
    copy = copied(root, ".undo")
    try:
        before = repair.state(copy)
        shared = {k: records(os.path.join(copy, k)) for k in before if k.endswith(".db")}
        _, said = repair.call(copy, bindir, ["reconstruct", "-q"] + (["-G"] if "messages" in words else []) + targets)
        _, runs = repair.call(copy, bindir, ["reconstruct", "--list-undo", "--json"])
        for ident in sorted({json.loads(line)["id"] for line in runs.splitlines()}, reverse=True):
            code, said = repair.call(copy, bindir, ["reconstruct", "-q", "--undo", ident])
            if code:
                return ["undo: exit %d: %s" % (code, said.strip()[-200:])]
        after = repair.state(copy)
        return ["undo: %s differs" % k for k in sorted({**before, **after}) if before.get(k) != after.get(k) and
                not (k in shared and shared[k] is not None and shared[k] == records(os.path.join(copy, k)))]
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def kept_by_real(scratch, root, name, targets, words, before, by_bit):
    """How many facts are there after the real programs repaired a copy. They may die at it: then what is there counts."""
    oracle = real_cyrus.Oracle(scratch)
    copy = copied(root, ".real")
    try:
        oracle.hand_over(copy)
        for program in (["reconstruct"] + (["-G"] if "messages" in words else []) + targets, ["quota", "-f"]):
            try:
                oracle.run(copy, *program)
            except subprocess.TimeoutExpired:
                pass
        reader = facts.Reader(copy)
        after = {**model.mailbox_facts(reader, name, reader.mailbox(name), by_bit), **model.limit_facts(reader.quota())}
        return len(model.compare(before, after)[0])
    except Exception:                                    # what it left is no store that can be read
        return 0
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def run_case(scratch, case, bindir, with_real=False):
    store, words, seed = case
    rng = random.Random("%s %s %d" % case)
    root = scratch.copy(store, "%s.%s.%d" % case)
    row = {"store": store, "damage": words, "seed": seed, "problems": [], "target": ""}
    try:
        reader = facts.Reader(root)
        names = [n for n, e in sorted(reader.list.items()) if e["partition"] and "d" not in e["type"][1:]]
        sizes = sizes_of(store, reader, names)
        name = rng.choice([n for n in names if sizes[n] >= 4])
        other = rng.choice([n for n in names if n != name and sizes[n] > 0])
        row["target"] = name
        x = Box(root, reader, name, other, rng)
        intact = facts.Reader(scratch.pristine(store))
        for word in words.split("+"):
            DAMAGES[word](x)
        if with_real:
            by_bit = "header" in x.changed
            before = {**model.mailbox_facts(intact, name, intact.mailbox(name), by_bit), **model.limit_facts(intact.quota())}
            targets = [reader.store.external(n) for n in ([name, other] if x.exchanged else [name])]
            row["real"] = kept_by_real(scratch, root, name, targets, words, before, by_bit)
        judge(row, scratch, store, name, words, x, intact, bindir)
    except Exception as trouble:                         # the judge's own: a case that says nothing is no pass
        row["problems"].append("judge: %s: %s" % (type(trouble).__name__, trouble))
        if os.environ.get("TRACE"):
            raise
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return row


def judge(row, scratch, store, name, words, x, intact, bindir):
    by_bit = "header" in x.changed
    before = {**model.mailbox_facts(intact, name, intact.mailbox(name), by_bit), **model.limit_facts(intact.quota())}
    left = Left(x, before, intact).facts
    others = {n: model.mailbox_facts(intact, n, intact.mailbox(n), by_bit) for n in (x.other,)} if x.exchanged else {}
    case = Case(scratch, store, name, words, x)
    output = ""
    targets = [x.reader.store.external(n) for n in ([name, x.other] if x.exchanged else [name])]
    row["problems"] += not_undone(x.root, bindir, targets, words)
    for turn in (1, 2):
        start = repair.stamps(x.root) if turn == 2 else None
        code, said = repair.call(x.root, bindir, ["reconstruct", "-q"] + (["-G"] if "messages" in words else []) + targets)
        output += said
        if turn == 1:
            quota_code, _ = repair.call(x.root, bindir, ["quota", "-f", "-q"])
        if code not in (0, repair.DAMAGE_REMAINS) or quota_code:
            row["problems"].append("exit %d: %s" % (code, said.strip().split("\n")[-1][:200]))
    standing = ("guid mismatch", "odd file", "run reconstruct with", "may be back among")
    lines = [line for line in said.split("\n") if line and not any(word in line for word in standing)]
    if lines:
        row["problems"].append("second run says: " + " / ".join(lines)[:300])
    end = repair.stamps(x.root)
    if start != end:
        changed = sorted(k for k in {**start, **end} if start.get(k) != end.get(k))
        row["problems"].append("second run changed: " + ", ".join(changed)[:300])
    reader = facts.Reader(x.root)
    ours = {**model.mailbox_facts(reader, name, reader.mailbox(name), by_bit), **model.limit_facts(reader.quota())}
    saved = repair.saved_facts(reader, left, ours)
    _, lost, wrong = model.compare(left, {**saved, **ours})
    row.update(before=len(before), left=len(left), ours=len(model.compare(before, {**saved, **ours})[0]), lost=len(lost))
    row["problems"] += ["lost: %s" % " ".join(map(str, k)) for k in lost]
    row["problems"] += ["wrong: %s was %r, is %r" % (" ".join(map(str, k)), a, b) for k, a, b in wrong]
    for key in sorted(set(ours) - set(before), key=str):
        if key[0] in ("flag", "annotation", "acl", "limit") and not (
                key[0] == "flag" and ("message", key[1], key[2]) not in before):
            row["problems"].append("invented: %s = %r" % (" ".join(map(str, key)), ours[key]))
    for n, facts_before in others.items():
        after = model.mailbox_facts(reader, n, reader.mailbox(n), by_bit)
        _, lost, wrong = model.compare(facts_before, after)
        row["problems"] += ["other mailbox lost: %s" % " ".join(map(str, k)) for k in lost]
        row["lost"] += len(lost)
    row["output"] = output


def cases(args):
    names = args.damage or sorted(DAMAGES)
    if args.pairs:
        rng = random.Random(1)
        singles = sorted(DAMAGES)
        pairs = [rng.sample(singles, 2) for _ in range(args.pairs)]
        names = ["+".join(sorted(pair, key=lambda word: word not in WRITERS)) for pair in pairs]
    stores = args.store or golden.STORES
    return [(s, n, seed) for n in names for s in stores for seed in range(args.first, args.first + args.seeds)]


def main():
    parser = argparse.ArgumentParser(description="Damages at random places")
    parser.add_argument("--bin", required=True, help="directory of our programs")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--store", action="append")
    parser.add_argument("--damage", nargs="+", help="only these; with + between them several at once")
    parser.add_argument("--pairs", type=int, default=0, help="so many pairs of damages instead of each alone")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--real", action="store_true", help="repair a copy of each with the real programs, too")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    if args.real:
        real_cyrus.gate()
    start, rows = time.monotonic(), []
    with golden.Scratch() as scratch:
        todo = cases(args)
        for store in {c[0] for c in todo}:
            scratch.pristine(store)
        with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
            for row in pool.map(run_case, [scratch] * len(todo), todo, [args.bin] * len(todo), [args.real] * len(todo)):
                rows.append(row)
                if args.verbose or row["problems"]:
                    print("%-9s %-24s seed %d %s" % (row["store"], row["damage"], row["seed"], row["target"]), flush=True)
                    for line in row["problems"][:None if args.verbose else 4]:
                        print("    " + line)
    table(rows, args.markdown)
    failed = sum(bool(r["problems"]) for r in rows)
    print("%d cases, %d with a problem, %.0f s" % (len(rows), failed, time.monotonic() - start))
    sys.exit(1 if failed else 0)


def table(rows, markdown):
    lines = collections.OrderedDict()
    for row in rows:
        line = lines.setdefault(row["damage"], collections.Counter())
        line.update(cases=1, failed=bool(row["problems"]), **{k: row.get(k, 0) for k in ("before", "left", "real", "ours", "lost")})
    total = collections.Counter()
    for line in lines.values():
        total.update(line)
    columns = ["cases", "before", "left"] + ["real"] * any("real" in row for row in rows) + ["ours", "lost", "failed"]
    titles = {"before": "facts before", "left": "left on disk", "real": "after real", "ours": "after ours", "lost": "left but lost"}
    body = [[name] + [str(line[k]) for k in columns]
            for name, line in list(lines.items()) + [("total", total)]]
    matrix.show(["damage"] + [titles.get(k, k) for k in columns], body, markdown)


if __name__ == "__main__":
    main()
