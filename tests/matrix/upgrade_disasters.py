#!/usr/bin/env python3
"""The upgrade disaster (a store of 2.1 to 3.2 opened by Cyrus 3.6.1), made by the real `ctl_cyrusdb -r` and undone by one command.

  upgrade_disasters.py --bin DIR [--store NAME ...] [--variant NAME ...] [--report FILE] [-v]

For each store and variant: mailboxes before; left after the real upgrade; in the list after `reconstruct -m --release 3.6 -V 3.6.1`
on what it left; then what the real imapd of 3.6.1 serves of that: mailboxes, messages, subscriptions. And the same store upgraded
by that command alone, the real server's own start-up (`ctl_cyrusdb -r`) included afterwards.
"""
import argparse
import json
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import accept  # noqa: E402
import anylist  # noqa: E402
import cyrusdb  # noqa: E402
import golden  # noqa: E402
import list_matrix  # noqa: E402
import oracle as real_cyrus  # noqa: E402
from list_matrix import headers, listfile, run  # noqa: E402

STORES = tuple(s for s in list_matrix.OLD if s < "old-3.6" and not s.startswith("old-3.1"))
COMMAND = ("reconstruct", "-m", "-q", "--release", "3.6", "-V", "3.6.1")
INDEX_START_OFFSET = 12                                  # octets into cyrus.index


class Variant:
    """What is changed before the upgrade; `repaired` is done between the upgrade and our command."""

    def __init__(self, oracle, root, store):
        self.oracle, self.root, self.store = oracle, root, store
        self.extra = 0                                   # mailboxes that the variant adds to the list
        self.lost = 0                                    # and those that cannot be served, as it damages them for good

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

    def V5(self):
        self.put("News", self.value_of("info"))
        source = next(os.path.dirname(p) for p in headers(self.root) if re.search(r"/info$", os.path.dirname(p)))
        target = os.path.join(os.path.dirname(source), "News")
        if "/i/info" in source:                          # hashed by the first letter
            target = source.replace("/i/info", "/n/News")
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=lambda d, names: [n for n in names if os.path.isdir(os.path.join(d, n))])
        self.extra = 1

    def V6(self):
        value = self.value_of("info")
        if value.startswith("%"):
            for name, letter in (("zz.remote", "r"), ("zz.moving", "m")):
                self.put(name, "%%(A %%(anyone lrs) P default S other.example.org T %s)" % letter)
        else:
            self.put("zz.remote", "1 other.example.org!default anyone\tlrs\t")
            self.put("zz.moving", "8 other.example.org!default anyone\tlrs\t")

    def V9b(self):
        self.put("user.bovik", "garbage") if b"user.bovik" in dict(cyrusdb.read(listfile(self.root))[1]) else None

    def V10b(self):
        for path in sorted(headers(self.root))[:2]:
            list_matrix.drop_id(path)

    def V10c(self):
        for path in sorted(headers(self.root))[:2]:
            with open(path, "r+b") as f:
                f.seek(20)
                f.write(b" " * 20)


VARIANTS = ("plain", "V1", "V2", "V3", "V4", "V5", "V6", "V9b", "V10b", "V10c")


def subscriptions_before(root):
    """{user: number of names} of the .sub files."""
    out = {}
    for folder, _, names in os.walk(os.path.join(root, "config")):
        for name in names:
            if name.endswith(".sub") and "/user/" in folder:
                domain = re.search(r"/domain/./([^/]+)/user/", folder)
                user = name[:-4].replace("^", ".") + ("@" + domain.group(1) if domain else "")
                keys = [k for k, _ in cyrusdb.read(os.path.join(folder, name))[1]]
                out[user] = len([k for k in keys if not k.startswith(b"\x1d")])
    return {u: n for u, n in out.items() if n}


def subscriptions_served(oracle, root, users):
    out = {}
    with real_cyrus.Server(oracle, root) as server:
        for user in users:
            try:
                client = real_cyrus.Client(server.port, user)
            except RuntimeError:
                continue
            out[user] = len([x for x in client.ok('LSUB "" "*"') if b"LSUB" in x and b"\\Noselect" not in x])
            client.close()
    return out


class Case:
    def __init__(self, scratch, oracle, bindir, store, variant):
        self.scratch, self.oracle, self.bindir, self.store, self.variant = scratch, oracle, bindir, store, variant
        self.problems = []

    def fresh(self, how):
        root = self.scratch.copy(self.store, "%s.%s.%s" % (self.store, self.variant, how))
        self.oracle.hand_over(root)
        change = Variant(self.oracle, root, self.store)
        self.subscribed = subscriptions_before(root)
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
        judge = accept.Judge(self.oracle, root, self.scratch.pristine(self.store), {})
        judge.serve()
        self.problems += ["%s: %s" % (how, line) for line in judge.problems if "Server(s) unavailable" not in line and "REFERRAL" not in line][:4]
        got = subscriptions_served(self.oracle, root, self.subscribed)
        return "%d, %d, %d of %d" % (judge.mailboxes, judge.messages, sum(got.values()), sum(self.subscribed.values()))

    def run(self):
        root, change = self.fresh("stock")
        before = len(anylist.active(anylist.read(listfile(root)))) if self.variant != "V9b" else \
            len(anylist.active(anylist.read(listfile(self.scratch.pristine(self.store)))))
        code, _ = self.oracle.run(root, "ctl_cyrusdb", "-r")
        left = self.listed(root)
        getattr(change, "repair_" + self.variant, lambda: None)()
        back = self.ours(root, "after the real upgrade")
        cells = [self.store, self.variant, before, "%d (exit %d)" % (left, code), back, self.served(root, "after the real upgrade")]
        shutil.rmtree(root)
        root, change = self.fresh("ours")
        if self.variant == "V3":
            self.away(root)
            change.repair_V3()
        cells += [self.ours(root, "instead"), self.served(root, "instead")]
        shutil.rmtree(root)
        if back < before - change.extra or cells[6] < before:
            self.problems.append("%d mailboxes before, %d back, %d by our own upgrade" % (before, back, cells[6]))
        return "| " + " | ".join(str(c) for c in cells) + " |"

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


HEAD = ("store", "variant", "mailboxes before", "left by 3.6.1", "then ours", "served: mailboxes, messages, subscriptions",
        "ours instead", "served")


def main():
    parser = argparse.ArgumentParser(description="The upgrade disaster, undone")
    parser.add_argument("--bin", required=True)
    parser.add_argument("--store", action="append", choices=STORES)
    parser.add_argument("--variant", action="append", choices=VARIANTS)
    parser.add_argument("--report")
    args = parser.parse_args()
    real_cyrus.gate()
    lines, bad = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)], 0
    print(lines[0])
    with golden.Scratch() as scratch:
        oracle = real_cyrus.Oracle(scratch)
        for store in args.store or STORES:
            for variant in args.variant or VARIANTS:
                case = Case(scratch, oracle, args.bin, store, variant)
                lines.append(case.run())
                print(lines[-1], flush=True)
                for line in case.problems:
                    print("    " + line, flush=True)
                bad += bool(case.problems)
    if args.report:
        with open(args.report, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
    print("%d cases, %d with problems" % (len(lines) - 2, bad))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
