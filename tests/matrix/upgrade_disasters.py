#!/usr/bin/env python3
"""The upgrade disaster (a store of 2.1 to 3.2 opened by Cyrus 3.6.1), made by the real `ctl_cyrusdb -r` and undone by one command.

  upgrade_disasters.py --bin DIR [--store NAME ...] [--variant NAME ...] [--report FILE] [-v]

For each store and variant: mailboxes before; left after the real upgrade; in the list after `reconstruct -m --release 3.6 -V 3.6.1`
on what it left; and how many facts of the store before (upgrade_facts.py) the real imapd of 3.6.1 then serves. And the same store
upgraded by that command alone, the real server's own start-up (`ctl_cyrusdb -r`) included afterwards.
"""
import argparse
import json
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import anylist  # noqa: E402
import cyrusdb  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import list_matrix  # noqa: E402
import mailboxfile  # noqa: E402
import oracle as real_cyrus  # noqa: E402
import upgrade_facts  # noqa: E402
from list_matrix import headers, listfile, run  # noqa: E402
from storepaths import Store  # noqa: E402

STORES = tuple(s for s in list_matrix.OLD if s < "old-3.6" and not s.startswith("old-3.1"))
COMMAND = ("reconstruct", "-m", "-q", "--release", "3.6", "-V", "3.6.1")
INDEX_START_OFFSET = 12                                  # octets into cyrus.index


class Variant:
    """What is changed before the upgrade; `repaired` is done between the upgrade and our command."""

    def __init__(self, oracle, root, bindir):
        self.oracle, self.root, self.bindir = oracle, root, bindir
        self.added = []                                  # mailboxes that the variant puts into the store

    def put(self, key, value):
        path = listfile(self.root)
        kind = cyrusdb.kind_of(open(path, "rb").read())
        code, out = self.oracle.run(self.root, "cyr_dbtool", path, kind, "set", key, value)
        if code:
            raise RuntimeError("cyr_dbtool set: %r" % out)

    def value_of(self, name):
        return dict(cyrusdb.read(listfile(self.root))[1])[name.encode()].decode()

    def plain(self):
        pass

    def some_headers(self, count):
        for path in sorted(headers(self.root))[:count]:
            shutil.move(path, path + ".away")

    def V1(self):
        self.some_headers(2)

    def V2(self):
        self.some_headers(100000)

    def partitions(self):
        return [os.path.join(self.root, d) for d in sorted(os.listdir(self.root)) if re.match(r"(spool|meta)", d)]

    def V3(self):
        for path in self.partitions():
            os.rename(path, path + ".away")
            os.mkdir(path)

    def repair_V3(self):
        for path in self.partitions():
            if os.path.isdir(path + ".away"):
                shutil.rmtree(path)
                os.rename(path + ".away", path)

    def V4(self):
        indexes = sorted(os.path.join(d, "cyrus.index") for d, _, n in os.walk(self.root) if "cyrus.index" in n)
        for path in indexes[:2]:
            with open(path, "r+b") as f:
                f.seek(INDEX_START_OFFSET)
                f.write(b"\0\0\0\0")

    def copy_of(self, name, new, own_id):
        """A mailbox NEW, which is NAME's record and directory once more; OWN_ID: with a unique id of its own."""
        store, value = Store(self.root), self.value_of(name)
        before, after = (store.below(n, "", True) for n in (name, new))
        for place in self.partitions():
            source, target = os.path.join(place, before), os.path.join(place, after)
            if os.path.isdir(source):
                shutil.copytree(source, target, ignore=lambda d, names: [n for n in names if os.path.isdir(os.path.join(d, n))])
                header = os.path.join(target, "cyrus.header")
                if own_id and os.path.exists(header):
                    data = facts.octets(header)
                    old = mailboxfile.read_header(data)["uniqueid"]
                    fresh = old[:-1] + ("0" if old[-1] != "0" else "1")
                    rewrite(header, data.replace(old.encode(), fresh.encode(), 1))
                    value = value.replace(old, fresh)
        self.put(new, value)
        self.added.append(new)

    def V5(self):
        self.copy_of("info", "News", True)

    def V5b(self):
        self.copy_of("info", "Info", True)               # looks like a record by unique id, without a name: decides nothing
        self.V5()

    def V6(self):
        value = self.value_of("info")
        if value.startswith("%"):
            for name, letter in (("zz.remote", "r"), ("zz.moving", "m")):
                self.put(name, "%%(A %%(anyone lrs) P default S other.example.org T %s)" % letter)
        else:
            self.put("zz.remote", "1 other.example.org!default anyone\tlrs\t")
            self.put("zz.moving", "8 other.example.org!default anyone\tlrs\t")

    def V7(self):
        """A second entry with a copy of the directory: one unique id twice."""
        self.copy_of("archive", "restored", False)

    def V8(self):
        """Names that 3.6 reads as another one: an empty part, a domain where there are none."""
        self.put("user.ted..Work", self.value_of(self.first("user.ted.Work")))
        self.put("dom!user.ted", self.value_of(self.first("user.ted")))

    def first(self, name):
        return next(n for n in sorted(anylist.read(listfile(self.root))) if n.rpartition("!")[2] == name)

    def V8d(self):
        """A default domain that mailboxes have in their names."""
        path = os.path.join(self.root, "etc/imapd.conf")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        self.configuration = text
        text = re.sub(r"^defaultdomain:.*$", "defaultdomain: example.net", text, flags=re.M)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def repair_V8d(self):
        with open(os.path.join(self.root, "etc/imapd.conf"), "w", encoding="utf-8") as f:
            f.write(self.configuration)

    def V9(self):
        """An entry on a partition that imapd.conf does not have."""
        name = self.first("archive")
        value = self.value_of(name)
        self.put(name, re.sub(r"( P |^0 )default ", r"\1gone ", value))

    def V9b(self):
        self.put("user.bovik", "garbage") if b"user.bovik" in dict(cyrusdb.read(listfile(self.root))[1]) else None

    def V10a(self):
        """The first line of two headers is the quota root alone: no TAB, no id."""
        for path in sorted(headers(self.root))[:2]:
            list_matrix.drop_id(path)
            data = facts.octets(path)
            at = data.index(b"\n", list_matrix.MAGIC)
            rewrite(path, data[:at].rstrip(b"\t") + data[at:])

    def V10b(self):
        for path in sorted(headers(self.root))[:2]:
            list_matrix.drop_id(path)

    def V10c(self):
        for path in sorted(headers(self.root))[:2]:
            data = facts.octets(path)
            rewrite(path, data[:20] + b" " * 20 + data[40:])

    def convert(self, kind):
        path = listfile(self.root)
        code, _, err = run(self.bindir, self.root, "cvt_cyrusdb", path, "auto", path + ".other", kind)
        if code:
            raise RuntimeError("cvt_cyrusdb to %s: %r" % (kind, err))
        os.replace(path + ".other", path)

    def V11(self):
        self.convert("flat")

    def V12(self):
        self.convert("berkeley")


def rewrite(path, data):
    os.unlink(path)                                      # others may have links to it
    with open(path, "wb") as f:
        f.write(data)


VARIANTS = ("plain", "V1", "V2", "V3", "V4", "V5", "V5b", "V6", "V7", "V8", "V8d", "V9", "V9b", "V10a", "V10b", "V10c", "V11", "V12")
ONLY_VIRTUAL = ("V8d",)
ADDS = ("V5", "V5b", "V7")
# What nothing left on the disk tells, by the beginning of the line that says that it is missing: after the list is lost, access
# lists of mailboxes without a header; without headers, the names of keywords; in stores of 2.1 to 2.3 the header of the renamed
# mailbox has another access list than the lost list (store.md 3.9, 6).
ACCESS, KEYWORDS = "access lists: ", "flags: "
KNOWN = {"V1": ((ACCESS, KEYWORDS), (KEYWORDS,)), "V2": ((ACCESS, KEYWORDS, "seen: "), (KEYWORDS,))}  # no rights, no seen state
RENAMED = ("access lists: user.ted.New Name:",)
# Up to 2.4 a unique id is made of the name at creation: without headers that of a renamed mailbox cannot be calculated.
RENAMED_SEEN = re.compile("seen: user.*New Name")


class Case:
    def __init__(self, scratch, oracle, bindir, store, variant, verbose):
        self.scratch, self.oracle, self.bindir, self.store, self.variant = scratch, oracle, bindir, store, variant
        self.problems, self.most = [], 1000 if verbose else 6
        root = scratch.copy(store, "%s.%s.before" % (store, variant))
        oracle.hand_over(root)
        change = Variant(oracle, root, bindir)
        if variant in ADDS:                              # what it adds is to be served too
            getattr(change, variant)()
        self.before = upgrade_facts.Before(root)
        shutil.rmtree(root)

    def fresh(self, how):
        root = self.scratch.copy(self.store, "%s.%s.%s" % (self.store, self.variant, how))
        self.oracle.hand_over(root)
        change = Variant(self.oracle, root, self.bindir)
        getattr(change, self.variant)()
        self.oracle.hand_over(root)
        return root, change

    def ours(self, root, how):
        code, _, err = run(self.bindir, root, *COMMAND)
        if code not in (0, 2):
            self.problems.append("%s: exit %d: %s" % (how, code, err.decode("utf-8", "replace")[-300:]))
        self.oracle.hand_over(root)
        return len(anylist.active(anylist.read(listfile(root))))

    def served(self, root, how):
        """"served/of" of each fact, the store before being the measure."""
        asked = upgrade_facts.Served(self.oracle, root, self.before).ask()
        after = how == "after the real upgrade"
        known = KNOWN.get(self.variant, ((), ()))[0 if after else 1]
        if after and re.match(r"old-2\.[1-3]", self.store):
            known += RENAMED
        self.problems += ["%s: %s" % (how, line) for line in asked.missing
                          if not line.startswith(known) and not (self.variant == "V2" and RENAMED_SEEN.match(line))][:self.most]
        return ["%d/%d" % tuple(asked.count[fact]) if asked.count[fact][1] else "" for fact in upgrade_facts.FACTS]

    def rows(self):
        of = len(self.before.entries)
        root, change = self.fresh("stock")
        code, _ = self.oracle.run(root, "ctl_cyrusdb", "-r")
        left = self.listed(root)
        getattr(change, "repair_" + self.variant, lambda: None)()
        back = self.ours(root, "after the real upgrade")
        out = [[self.store, self.variant, "3.6.1, then ours", "%d of %d, exit %d" % (left, of, code), back,
                *self.served(root, "after the real upgrade")]]
        shutil.rmtree(root)
        root, change = self.fresh("ours")
        if self.variant == "V3":
            self.away(root)
        getattr(change, "repair_" + self.variant, lambda: None)()
        mine = self.ours(root, "instead")
        out.append([self.store, self.variant, "ours", "", mine, *self.served(root, "instead")])
        shutil.rmtree(root)
        if back < of or mine < of:
            self.problems.append("%d mailboxes before, %d back, %d by our own upgrade" % (of, back, mine))
        return ["| " + " | ".join(str(c) for c in cells) + " |" for cells in out]

    def listed(self, root):
        """Mailboxes that the real 3.6.1 sees."""
        code, out = self.oracle.run(root, "ctl_mboxlist", "-d")
        try:
            return len([e for e in json.loads(out).values() if not set("dimrz") & set(e.get("mbtype", "e")[1:])]) if not code else 0
        except ValueError:
            return 0

    def away(self, root):
        """With the spool away the list keeps everything."""
        before = anylist.read(listfile(root))
        run(self.bindir, root, *COMMAND)
        after = anylist.read(listfile(root))
        if not set(before) <= set(after):
            self.problems.append("with the spool away %d entries are gone" % len(set(before) - set(after)))
        self.oracle.hand_over(root)


HEAD = ("store", "variant", "upgraded by", "left by 3.6.1", "then in the list", *upgrade_facts.FACTS)


def main():
    parser = argparse.ArgumentParser(description="The upgrade disaster, undone")
    parser.add_argument("--bin", required=True)
    parser.add_argument("--store", action="append", choices=STORES)
    parser.add_argument("--variant", action="append", choices=VARIANTS)
    parser.add_argument("--report")
    parser.add_argument("-v", "--verbose", action="store_true", help="everything that is missing, not the first few")
    args = parser.parse_args()
    real_cyrus.gate()
    lines, cases, bad = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)], 0, 0
    print("\n".join(lines))
    with golden.Scratch() as scratch:
        oracle = real_cyrus.Oracle(scratch)
        for store in args.store or STORES:
            for variant in args.variant or VARIANTS:
                if variant in ONLY_VIRTUAL and "virt" not in store:
                    continue
                case = Case(scratch, oracle, args.bin, store, variant, args.verbose)
                rows = case.rows()
                lines += rows
                print("\n".join(rows), flush=True)
                for line in case.problems:
                    print("    " + line, flush=True)
                cases, bad = cases + 1, bad + bool(case.problems)
    if args.report:
        with open(args.report, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
    print("%d cases, %d with problems" % (cases, bad))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
