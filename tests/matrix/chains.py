#!/usr/bin/env python3
"""Conversion chains: every mailbox of a store goes to other index versions and back, step by step, by our reconstruct -V.

  chains.py --bin DIR [--store NAME ...] [--chain V,V,... ...] [--no-oracle]

After each step an independent reader must find every fact that the version has room for unchanged, the losses must be
exactly those that were announced before, and a plain reconstruct must find nothing.  The real 3.6.1 must find nothing in
versions 6 to 17 and show the same records.  Last, the steps are undone one by one: every file is again what it was, byte for
byte.  A chain runs over the whole store; without --chain each store gets all of CHAINS.
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import any_index  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import mailboxfile  # noqa: E402
import oracle as real_cyrus  # noqa: E402
import repair  # noqa: E402

OLD = ("old-2.1.12-classic", "old-2.2.13-classic", "old-2.3.20-classic", "old-2.4.22-default", "old-2.5.17-skiplist",
       "old-3.0.18-default", "old-3.2.12-virt", "old-3.8.6-modern", "old-3.10.3-classic", "old-3.12.3-default")
CHAINS = ("12,17", "10,17", "6,17", "16,15,14,13,12,10,9,8,7,6,12,13,17", "19,20,18,17", "2,3,4,5,6,20", "2.3.16,2.4,3.0,3.12")
REAL = range(6, 18)                                      # versions that 3.6.1 reads, less 11
JUDGED = golden.STORES + ("old-3.8.6-modern",)           # 3.6.1 reads their mailboxes.db
PREFIX = "/vendor/cmu/cyrus-imapd/"
CARRIED = {"thrid": ("cid", 16, 13), "savedate": ("savedate", 10, 15), "createdmodseq": ("createdmodseq", 10, 16),
           "internaldate.nsec": ("nsec", 10, 20), "basethrid": ("basecid", 16, 20)}
ARCHIVED_LOSS = "that they lie on the archive partition,"
EXPUNGED_LOSS = "that they are expunged, but for cyrus.expunge of 2.3,"
SEEN_LOSS = "\\Seen, which belongs to no user,"
# Sums that a version before 13 or 12 has no room for: 3.6.1 finds them wrong in every mailbox of such a version.
UNSTORED = re.compile(r"updating (sync_crc|sync_crc_annot|quota_annot_used:) 0 => ")
# A cyrus.expunge that is shorter than its own index header it does not look at: one message expunged, in version 6 or 7.
REAL_HEADER_SIZE = 160
EXISTS = re.compile(r"updating exists (\d+) => (\d+)")
REDISCOVERED = re.compile(r"uid (\d+) rediscovered - appending|removing stale annotations for (\d+)")
RUNTIME = 1 << 29 | 1 << 30 | 1 << 31 | 2                # option bits that are states, and CONDSTORE


class Wrong(Exception):
    pass


def octets(path):
    with open(path, "rb") as f:
        return f.read()


class Store:
    """What lies in the directories of a store of any release; one mailbox is known by its unique id."""

    def __init__(self, root):
        self.root = root
        self.annotations, self.boxes, self.in_short_expunge = {}, {}, set()
        self.counted = set()                             # (records, of these not expunged) of indexes before version 12
        places = collections.defaultdict(dict)
        for folder, names, files in os.walk(root):
            if os.path.relpath(folder, root).split("/")[0] in ("run", "etc"):
                names[:] = []
            names[:] = [n for n in names if n != repair.SAVED]
            for name in files:
                if name in ("cyrus.header", "cyrus.index", "cyrus.expunge", "cyrus.annotations"):
                    places[self.mailbox_of(folder)][name] = os.path.join(folder, name)
        self.seen = self.seen_states()
        for key, files in places.items():
            if "cyrus.index" in files and "cyrus.header" in files:
                self.boxes[key] = self.read(files)

    def mailbox_of(self, folder):
        """Metadata may lie on a partition of its own: the path below it tells."""
        below = os.path.relpath(folder, self.root).split("/")
        return "/".join(["spool" + below[0].lstrip("abcdefghijklmnopqrstuvwxyz"), *below[1:]])

    def seen_states(self):
        """{(user file's name, unique id): record}"""
        out = {}
        for folder, names, files in os.walk(os.path.join(self.root, "config")):
            names[:] = [n for n in names if n != repair.SAVED]
            for name in files:
                if name.endswith(".seen") or name == "seen.db":
                    user = name[:-5] if name.endswith(".seen") else os.path.basename(folder)
                    for key, record in facts.read_seen(os.path.join(folder, name)).items():
                        out[(user, key)] = record
        return out

    def read(self, files):
        header = mailboxfile.read_header(octets(files["cyrus.header"]))
        index, records = any_index.read(octets(files["cyrus.index"]))
        box = {"index": index, "flags": header["flags"], "uniqueid": header["uniqueid"], "uids": {}}
        annotations = collections.defaultdict(dict)
        if "cyrus.annotations" in files:
            for (uid, entry, user), value in facts.read_annotations(files["cyrus.annotations"]).items():
                annotations[int(uid)][(entry, user)] = value
        for record in records:
            box["uids"][record["uid"]] = self.message(record, header["flags"], annotations[record["uid"]], index)
        if index["minor_version"] < 12:
            self.counted.add((len(records), sum(not m["expunged"] for m in box["uids"].values())))
        if index["minor_version"] < 12 and "cyrus.expunge" in files:
            short = os.path.getsize(files["cyrus.expunge"]) < REAL_HEADER_SIZE
            for record in any_index.read(octets(files["cyrus.expunge"]), in_order=False)[1]:
                if short:
                    self.in_short_expunge.add(record["uid"])
                if record["uid"] not in box["uids"]:
                    got = self.message(record, header["flags"], annotations[record["uid"]], index)
                    box["uids"][record["uid"]] = {**got, "expunged": True}
        return box

    @staticmethod
    def message(record, names, annotations, index):
        bits = record["system_flags"]
        out = {"flags": frozenset(f for f in mailboxfile.flag_names(record, names) if f != "\\Seen"),
               "internaldate": record["internaldate"], "size": record["size"], "last_updated": record["last_updated"],
               "expunged": bool(bits & mailboxfile.EXPUNGED), "unlinked": bool(bits & mailboxfile.UNLINKED),
               "archived": bool(bits & mailboxfile.ARCHIVED), "seen": bool(bits & 16),
               "guid": record.get("guid"), "modseq": record.get("modseq", 0),
               "annotations": {k: v for k, v in annotations.items() if k[0][len(PREFIX):] not in CARRIED or k[1]}}
        for entry, (field, base, since) in CARRIED.items():
            if index["minor_version"] >= since:
                out[field] = record.get(field, 0)
            else:
                out[field] = int(annotations.get((PREFIX + entry, ""), "0"), base)
        return out


class Chain:
    def __init__(self, scratch, store, steps, bindir, oracle):
        self.scratch, self.store, self.steps, self.bindir, self.oracle = scratch, store, steps, bindir, oracle
        self.root = scratch.copy(store, "%s.%s" % (store, "-".join(steps)))
        self.counts = collections.Counter()

    def call(self, *words, ok=(0,)):
        code, output = repair.call(self.root, self.bindir, list(words))
        if code not in ok:
            raise Wrong("%s: exit %d: %s" % (" ".join(words), code, output[-400:]))
        return output

    def reconstruct(self, *words):
        return self.call("reconstruct", *words)

    def run(self):
        self.call("reconstruct", "-q", ok=(0, 2))        # the old stores have something to mend
        states, trees = [Store(self.root)], [repair.state(self.root)]
        for step in self.steps:
            lost = self.announced(step)
            output = self.reconstruct("--json", "-V", step, "--accept-loss")
            done = losses_of(output)
            if done != lost:
                raise Wrong("-V %s: announced %s, did %s" % (step, lost, done))
            states.append(Store(self.root))
            trees.append(repair.state(self.root))
            self.compare(step, states[-2], states[-1], lost)
            again = self.reconstruct("-n", "-q")
            if again:
                raise Wrong("after -V %s a plain reconstruct says: %s" % (step, again[:300]))
            if trees[-1] != repair.state(self.root):
                raise Wrong("-n changed something")
            self.ask_real(step)
        self.undo(trees)
        return self.counts

    def announced(self, step):
        """What -n and a run without --accept-loss name; neither may convert a mailbox that would lose something."""
        before = repair.state(self.root)
        dry = losses_of(self.call("reconstruct", "--json", "-n", "-V", step))
        if before != repair.state(self.root):
            raise Wrong("-n -V %s changed something" % step)
        return dry

    def compare(self, step, before, after, lost):
        if before.boxes.keys() != after.boxes.keys():
            raise Wrong("-V %s: mailboxes %s" % (step, before.boxes.keys() ^ after.boxes.keys()))
        total = collections.Counter()
        for key, box in before.boxes.items():
            new = after.boxes[key]
            self.counts["mailboxes"] += 1
            expected, losses = expect(box, new["index"]["minor_version"])
            total.update(losses)
            diff = difference(expected, new, before, after)
            if diff:
                raise Wrong("-V %s: %s (version %d to %d): %s" % (step, key, box["index"]["minor_version"],
                                                                   new["index"]["minor_version"], diff))
            self.counts["messages"] += len(new["uids"])
        told = collections.Counter()
        for what, count in lost.items():
            told[what[1]] += count
        for what in (ARCHIVED_LOSS, SEEN_LOSS, "the mailbox type"):       # not told from the index alone
            told.pop(what, None)
        if told != total:
            raise Wrong("-V %s: announced losses %s, independent count %s" % (step, dict(told), dict(total)))
        self.counts["losses"] += sum(total.values())

    def ask_real(self, step):
        """On a copy, since 3.6.1 removes expunged messages of versions before 12 when it opens a mailbox."""
        if self.oracle is None or self.store not in JUDGED or not all(b["index"]["minor_version"] in REAL for b in Store(self.root).boxes.values()):
            return
        copy = self.root + ".real"
        subprocess.run(["rm", "-rf", copy], check=True)
        subprocess.run(["cp", "-a", self.root, copy], check=True)
        golden.rewrite_from(copy, self.root)
        self.oracle.hand_over(copy)
        code, output = self.oracle.run(copy, "mbexamine")
        if code or b"Minor Version: " not in output:
            raise Wrong("the real mbexamine: exit %d: %r" % (code, output[-300:]))
        code, output = self.oracle.run(copy, "reconstruct", "-n", "-q")
        said = [x for x in output.decode("utf-8", "replace").splitlines() if x and not self.excused(x)]
        if code or said:
            raise Wrong("after -V %s the real reconstruct says (%d): %s" % (step, code, " / ".join(said)[:400]))
        self.counts["stores seen by the real Cyrus"] += 1
        subprocess.run(["rm", "-rf", copy], check=True)

    def excused(self, line):
        """What 3.6.1 says of every mailbox of an old version, or of a message that only a short cyrus.expunge knows; or of
        expunged records that its own conversion left in an index before version 12, which has no count of them."""
        found, count = REDISCOVERED.search(line), EXISTS.search(line)
        if found:
            return int(found[1] or found[2]) in Store(self.root).in_short_expunge
        if count:
            return (int(count[1]), int(count[2])) in Store(self.root).counted
        return UNSTORED.search(line)

    def undo(self, trees):
        runs = [json.loads(line)["id"] for line in self.reconstruct("--list-undo", "--json").splitlines()]
        ids = sorted(set(runs))[-len([a for a, b in zip(trees, trees[1:]) if a != b]):] if len(trees) > 1 else []
        states = [trees[0]] + [b for a, b in zip(trees, trees[1:]) if a != b]
        for ident, want in zip(reversed(ids), reversed(states[:-1])):
            self.reconstruct("-q", "--undo", ident)
            got = repair.state(self.root)
            wrong = sorted(k for k in {**want, **got} if want.get(k) != got.get(k))
            if wrong:
                raise Wrong("--undo %s: %s differ" % (ident, ", ".join(wrong[:5])))
            self.counts["undone"] += 1


def losses_of(output):
    out = collections.Counter()
    for line in output.splitlines():
        got = json.loads(line) if line.startswith("{") else {}
        if got.get("problem") == "conversion_loss":
            many = re.search(r" of (\d+) messages", got.get("found", ""))
            out[(got["mailbox"], got["detail"])] += int(many.group(1)) if many else 1
    return out


def expect(box, to):
    """(what must be there afterwards, losses): the rules of mailbox.md 11, for one mailbox."""
    version, losses = box["index"]["minor_version"], collections.Counter()
    index = dict(box["index"])
    fields = {"highestmodseq": (8, 20), "createdmodseq": (16, 20), "pop3_show_after": (13, 20)}
    for name, (first, last) in fields.items():
        if version >= first > to and index.get(name, 0) > 1:
            losses[name] += 1
    uids = {}
    for uid, message in box["uids"].items():
        message = dict(message)
        if version >= 8 > to:
            if message["modseq"] > 1:
                losses["modseq"] += 1
            message["modseq"] = None
        if version < 8 <= to:
            message["modseq"] = None
        if message["unlinked"] and to < 12:
            continue
        if version >= 7 > to and message["expunged"]:
            losses[EXPUNGED_LOSS] += 1
        uids[uid] = message
    if version != to:
        if version >= 17 > to and index.get("changes_epoch", 0) > 1:
            losses["changes_epoch"] += 1
        if version >= 12 > to and index.get("deletedmodseq", 0) > 1:
            losses["deletedmodseq"] += 1
        if index.get("options", 0) & ~RUNTIME & ~(0 if to < 4 else 1 if to < 8 else ~0):
            losses["mailbox options"] += 1
    return {**box, "uids": uids, "options": index.get("options", 0) & ~RUNTIME & (1 if to < 8 else ~0)}, losses


def difference(box, new, before, after):
    """The first fact that is not as it should be, or None."""
    old_index, index = box["index"], new["index"]
    for name in ("uidvalidity", "last_uid", "pop3_last_login"):
        if old_index.get(name) != index.get(name):
            return "%s was %s, is %s" % (name, old_index.get(name), index.get(name))
    if index["minor_version"] >= 4 and "options" in old_index and box["options"] != index["options"] & ~RUNTIME:
        return "options were %x, are %x" % (old_index["options"], index["options"])
    if box["flags"] != new["flags"]:
        return "flag names"
    if box["uids"].keys() != new["uids"].keys():
        return "UIDs %s" % sorted(box["uids"].keys() ^ new["uids"].keys())[:5]
    for uid, message in box["uids"].items():
        got = new["uids"][uid]
        for field, value in message.items():
            if field in ("seen", "unlinked") or (field == "modseq" and (value is None or index["minor_version"] < 8)):
                continue
            if field == "guid" and (value is None or not any(value) or got["guid"] is None):
                continue
            if got[field] != value:
                return "uid %d %s was %r, is %r" % (uid, field, value, got[field])
    return seen_difference(box, new, before, after)


def seen_set(box, store):
    """UIDs that the index's user has seen: in the records from 12 on, in one of the seen databases before."""
    uids = set(box["uids"])
    if box["index"]["minor_version"] >= 12:
        return {uid for uid in uids if box["uids"][uid]["seen"]}
    return [set(facts.expand(r["uids"])) & uids for (_, key), r in store.seen.items() if key == box["uniqueid"]]


def seen_difference(box, new, before, after):
    """Every user's rows stay, but for that of the owner; and what the owner had seen is somewhere."""
    was, now = seen_set(box, before), seen_set(new, after)
    if isinstance(was, set) and isinstance(now, set):
        return None if was == now else "\\Seen of %s" % sorted(was ^ now)[:5]
    if isinstance(was, set):
        keep = was & set(new["uids"])
        return None if not keep or keep in now else "\\Seen of %s is in no seen database" % sorted(keep)[:5]
    if isinstance(now, set):
        return None if not now or now in was else "\\Seen of %s was in no seen database" % sorted(now)[:5]
    return None if sorted(map(sorted, was)) == sorted(map(sorted, now)) else "seen databases differ"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--store", action="append")
    parser.add_argument("--chain", action="append", help="versions or releases, separated by commas")
    parser.add_argument("--no-oracle", action="store_true")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    with golden.Scratch(args.keep) as scratch:
        oracle = None if args.no_oracle or real_cyrus.why_not() else real_cyrus.Oracle(scratch)
        total, bad = collections.Counter(), 0
        for store in args.store or golden.STORES + OLD:
            for chain in args.chain or CHAINS:
                start = time.time()
                try:
                    counts = Chain(scratch, store, chain.split(","), os.path.abspath(args.bin), oracle).run()
                    total.update(counts)
                    said = ", ".join("%d %s" % (n, what) for what, n in counts.items())
                except (Wrong, *facts.TROUBLE) as wrong:
                    bad += 1
                    said = "WRONG: %s" % wrong
                print("%-22s %-40s %5.1f s  %s" % (store, chain, time.time() - start, said), flush=True)
        print("total: %s; %d chains wrong" % (", ".join("%d %s" % (n, what) for what, n in total.items()), bad))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
