#!/usr/bin/env python3
"""What administrators have suffered from (public issues of cyrus-imapd, by number), made on real stores, mended by ours and judged by
the real Cyrus 3.6.1; beside it what its own tools make of the same; and every command of cyrkit-recovery(7), run.

  field_scenarios.py --bin DIR [NAME ...]
"""
import argparse
import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import accept  # noqa: E402
import any_index  # noqa: E402
import cyrusdb  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import mailboxfile  # noqa: E402
import oracle as real_cyrus  # noqa: E402
import upgrade_facts  # noqa: E402
from list_matrix import drop_backups, listfile  # noqa: E402

PAGE = os.path.join(HERE, "../../man/cyrkit-recovery.7")


class Scenarios:
    def __init__(self, scratch, bindir):
        self.scratch, self.bindir, self.oracle = scratch, bindir, real_cyrus.Oracle(scratch)
        self.bad, self.number, self.row = [], 0, ""

    def check(self, good, text):
        if not good:
            self.bad.append("%s: %s" % (self.row, text))

    def copy(self, store):
        self.number += 1
        root = self.scratch.copy(store, "field.%d" % self.number)
        self.oracle.hand_over(root)
        return root

    def ours(self, root, program, *words, stdin=None):
        got = subprocess.run([os.path.join(self.bindir, program), "-C", os.path.join(root, "etc/imapd.conf"), *words], stdin=stdin,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, env={**os.environ, "TZ": "UTC"})
        self.oracle.hand_over(root)
        return got.returncode, (got.stdout + got.stderr).decode("utf-8", "replace")

    def real(self, root, program, *words):
        try:
            code, out = self.oracle.run(root, program, *words)
        except subprocess.TimeoutExpired:
            return "hangs", ""
        return code, out.decode("utf-8", "replace")

    def listed(self, root):
        code, out = self.real(root, "ctl_mboxlist", "-d")
        try:
            return {n for n, e in json.loads(out).items() if "d" not in e.get("mbtype", "e")[1:]} if code == 0 else set()
        except ValueError:
            return set()

    def served(self, root, store):
        judge = accept.Judge(self.oracle, root, self.scratch.pristine(store), {})
        judge.serve()
        self.check(not judge.problems, "; ".join(judge.problems[:3]))
        return judge.mailboxes, judge.messages

    def folder(self, root, name):
        reader = facts.Reader(root)
        return reader.places(name, reader.list[name])

    # --- one function for each issue; returns (the real tools, ours)

    def issue_3067(self):
        """The mailbox list is lost or emptied (3067, 3068)."""
        results = []
        for store in ("default", "classic"):
            root = self.copy(store)
            before, wanted = self.listed(root), self.served(root, store)
            os.unlink(listfile(root))
            drop_backups(root)
            code, _ = self.real(root, "reconstruct", "-r", "-f", "user.bovik" if store == "classic" else "user/bovik")
            real = len(self.listed(root))
            os.unlink(listfile(root)) if os.path.exists(listfile(root)) else None
            mine, text = self.ours(root, "reconstruct", "-m", "-q")
            self.check(mine in (0, 2) and before <= self.listed(root), "%s: lacks %s: %s" % (store, sorted(before - self.listed(root))[:3], text[-200:]))
            self.check(self.served(root, store) == wanted, "%s: not everything is served" % store)
            results.append(("%d of %d mailboxes, exit %s" % (real, len(before), code), "%d of %d" % (len(before & self.listed(root)), len(before))))
        return tuple(" / ".join(x) for x in zip(*results))

    def issue_2933(self):
        """The index is good, the cache is cut to its first four octets."""
        sizes = []
        for tool in (self.real, self.ours):
            root = self.copy("default")
            places = self.folder(root, "user.bovik")
            full = os.path.getsize(places["cache"])
            os.truncate(places["cache"], 4)
            code, _ = tool(root, "reconstruct", "user/bovik")
            out = self.real(root, "mbexamine", "-q", "user/bovik")[1]
            sizes.append("%d of %d octets, exit %s" % (os.path.getsize(places["cache"]), full, code))
        self.check(os.path.getsize(places["cache"]) >= full // 2 and "INCORRECT" not in out, "the cache has %s; %s" % (sizes[1], out[-100:]))
        self.served(root, "default")
        return tuple(sizes)

    def issue_3230(self):
        """An index of version 10 without GUIDs is upgraded."""
        results = []
        for tool, version in ((self.real, "max"), (self.ours, "17")):
            root = self.copy("old-2.3.20-classic")
            self.ours(root, "reconstruct", "-m", "-q", "--release", "3.6")
            path = os.path.join(root, "spool/b/user/bovik/cyrus.index")
            data = bytearray(facts.octets(path))
            _, size, record, count = struct.unpack_from(">4I", data, 8)
            offset = next(f for n, f, _, first, last in mailboxfile.RECORD_FIELDS if n == "guid" and first <= 10 <= last)
            for i in range(count):
                data[size + i * record + offset:size + i * record + offset + 12] = bytes(12)
            with open(path, "r+b") as f:
                f.write(data)
            code, text = tool(root, "reconstruct", "-V", version, "user.bovik")
            fields, records = any_index.read(facts.octets(path))
            files = facts.message_files(os.path.dirname(path))
            good = sum(r.get("guid", b"").hex() == files[r["uid"]]["sha1"] for r in records if r["uid"] in files)
            results.append("version %d, %d of %d GUIDs, exit %s" % (fields["minor_version"], good, len(files), code))
        self.check(fields["minor_version"] == 17 and good == len(files), results[1] + text[-200:])
        return tuple(results)

    def issue_3378(self):
        """Folders that hold nothing but folders: their own files were not in the backup."""
        root = self.copy("default")
        reader = facts.Reader(root)
        names = [n for n in reader.list if re.fullmatch(r"user\.bovik\.deep(\.\w+)*", n) and "d" not in reader.list[n]["type"][1:]]
        self.check(len(names) > 3, "no deep folders: %s" % names)
        leaf = max(names, key=len)
        for name in names:
            if name != leaf:
                shutil.rmtree(os.path.dirname(reader.places(name, reader.list[name])["header"]))
        os.unlink(listfile(root))
        drop_backups(root)
        code, _ = self.real(root, "reconstruct", "-r", "-f", "user/bovik")
        real = sum(n in self.listed(root) for n in names)
        os.path.exists(listfile(root)) and os.unlink(listfile(root))
        self.ours(root, "reconstruct", "-m", "-q")
        with real_cyrus.Server(self.oracle, root) as server:
            client = real_cyrus.Client(server.port, "bovik")
            # a folder without messages of its own is shown to who looks level by level
            below = ["/".join(n.split(".")[2:]) for n in names]
            got = b" ".join(b" ".join(client.ok('LIST "" "%s"' % (n.rpartition("/")[0] + "/%" if "/" in n else "%"))) for n in below) + b" "
            client.close()
        shown = sum((" %s " % n).encode() in got for n in below)
        self.check(shown == len(names), "%d of %d folders listed: %s" % (shown, len(names), got[:300]))
        return "%d of %d, exit %s" % (real, len(names), code), "%d of %d" % (shown, len(names))

    def issue_3610(self):
        """Seen state and subscriptions after 2.3 or 2.4 became a later release."""
        results = []
        for store in ("old-2.3.20-classic", "old-2.4.22-default"):
            before = upgrade_facts.Before(self.copy(store))
            row = []
            for tool in (self.real, self.ours):
                root = self.copy(store)
                if tool == self.real:
                    tool(root, "ctl_cyrusdb", "-r")
                    tool(root, "reconstruct", "-V", "max", *(["user.*"] if "classic" in store else ["user/*"]))
                else:
                    tool(root, "reconstruct", "-m", "-q", "--release", "3.6", "-V", "3.6.1")
                count = upgrade_facts.Served(self.oracle, root, before).ask().count
                row.append("seen %d/%d, subscriptions %d/%d" % (*count["seen"], *count["subscriptions"]))
                good = count["seen"][0] == count["seen"][1] and count["subscriptions"][0] == count["subscriptions"][1]
            self.check(good, "%s: %s" % (store, row[1]))
            results.append(row)
        return tuple(" / ".join(x) for x in zip(*results))

    def issue_2877(self):
        """quota -f removes roots below a root; here also one whose mailbox is not there for a while."""
        results = []
        for tool in (self.real, self.ours):
            root = self.copy("classic")
            roots = set(golden.quota_report(self.real(root, "quota")[1].encode()))
            data = open(os.path.join(root, "config/quota/b/user.bovik"), "rb").read()
            away = os.path.join(root, "config/quota/z/user.zoe.Sub")
            os.makedirs(os.path.dirname(away))
            with open(away, "wb") as f:
                f.write(data)
            self.oracle.hand_over(root)
            code, _ = tool(root, "quota", "-f", "-q", *(["user.bovik"] if tool == self.ours else []))
            code, text = tool(root, "quota", "-f", "-q")
            left = set(golden.quota_report(self.real(root, "quota")[1].encode()))
            results.append("%d of %d roots left, exit %s" % (len(left & (roots | {"user.zoe.Sub"})), len(roots) + 1, code))
        self.check(left == roots | {"user.zoe.Sub"}, "%s; %s" % (sorted(roots - left), text))
        return tuple(results)

    def issue_1310(self):
        """Quota roots of a skiplist become files (and an empty database, 323)."""
        results = []
        for tool in (self.real, self.ours):
            root = self.copy("skiplist")
            source, tree = os.path.join(root, "config/quotas.db"), os.path.join(root, "config/quota/")
            wanted = dict(cyrusdb.read(source)[1])
            code, text = tool(root, "cvt_cyrusdb", source, "skiplist", tree, "quotalegacy")
            got = {k.encode(): v for k, (_, v) in cyrusdb.read_quotalegacy(os.path.join(root, "config")).items()}
            results.append("%d of %d roots, exit %s" % (sum(got.get(k) == v for k, v in wanted.items()), len(wanted), code))
        self.check({k: v.strip() for k, v in got.items()} == {k: v.strip() for k, v in wanted.items()}, "%s: %s" % (results[1], text[-200:]))
        empty = os.path.join(root, "config/empty.db")
        open(empty, "wb").close()
        code, text = self.ours(root, "cvt_cyrusdb", empty, "auto", os.path.join(root, "config/out.db"), "twoskip")
        self.check(code in (0, 1, 65) and text.count("\n") <= 3, "an empty file: exit %d %s" % (code, text))
        return tuple(results)

    def issue_1028(self):
        """An index that makes programs run in circles: only that mailbox suffers, and it is mended."""
        results = []
        for tool in (self.real, self.ours):
            root = self.copy("default")
            places = self.folder(root, "user.ted")
            data = bytearray(facts.octets(places["index"]))
            struct.pack_into(">3I", data, 12, 0, 0, 0xFFFFFFFF)   # start_offset, record_size, num_records
            with open(places["index"], "r+b") as f:
                f.write(data)
            code, text = tool(root, "reconstruct")
            fields, records = mailboxfile.read_index(facts.octets(places["index"])) if code != "hangs" else ({}, [])
            results.append("%d records, exit %s" % (len(records), code))
        before = mailboxfile.read_index(facts.octets(self.folder(self.copy("default"), "user.ted")["index"]))[1]
        keep = {r["uid"]: r["system_flags"] for r in before}
        self.check({r["uid"]: r["system_flags"] for r in records} == keep, "%s, not %d: %s" % (results[1], len(keep), text[-200:]))
        self.served(root, "default")
        return tuple(results)

    def the_page(self):
        """Every command of cyrkit-recovery(7) on a store where it applies: known options, an exit status of success."""
        with open(PAGE, encoding="utf-8") as f:
            commands = [line[4:].strip() for line in f if line.startswith(".Dl ")]
        root, backup = self.copy("default"), self.copy("default")
        done = 0
        database, saved = os.path.join(root, "config/deliver.db"), os.path.join(root, "run/salvaged.db")
        for command in commands:
            command, _, target = command.partition(" > ")
            command, _, source = command.partition(" < ")
            words = [{"FILE": database, "NEWFILE": saved, "/backup/var/lib/cyrus": os.path.join(backup, "config")}.get(w, w)
                     for w in shlex.split(command.replace("\\-", "-"))]
            if words[0] == "cyr_dbtool" and not os.path.exists(database):
                self.check(False, "no database to show %s on" % command)
            stdin = open(os.path.join(root, "run", source.strip()), "rb") if source else None
            got = subprocess.run([os.path.join(self.bindir, words[0]), "-C", os.path.join(root, "etc/imapd.conf"), *words[1:]], stdin=stdin,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
            self.oracle.hand_over(root)
            if target:
                with open(os.path.join(root, "run", target.strip()), "wb") as f:
                    f.write(got.stdout)
            self.check(got.returncode in (0, 2), "%s: exit %d %s" % (command, got.returncode, got.stderr[-200:]))
            done += 1
        self.served(root, "default")
        return "", "%d commands" % done


NAMES = [n for n in vars(Scenarios) if n.startswith(("issue_", "the_"))]


def main():
    parser = argparse.ArgumentParser(description="field scenarios")
    parser.add_argument("--bin", required=True)
    parser.add_argument("name", nargs="*", choices=NAMES + [[]], default=[])
    args = parser.parse_args()
    real_cyrus.gate()
    with golden.Scratch() as scratch:
        scenarios = Scenarios(scratch, args.bin)
        print("| scenario | 3.6.1 | ours |\n|---|---|---|")
        for name in args.name or NAMES:
            scenarios.row = name.replace("_", " ")
            real, mine = getattr(scenarios, name)()
            print("| %s: %s | %s | %s |" % (scenarios.row, getattr(Scenarios, name).__doc__.rstrip("."), real, mine), flush=True)
        for line in scenarios.bad:
            print("    " + line)
    sys.exit(1 if scenarios.bad else 0)


if __name__ == "__main__":
    main()
