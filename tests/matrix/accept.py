#!/usr/bin/env python3
"""Does the real Cyrus 3.6.1 accept what was repaired?  For each damaged store: repair it, then

  * its reconstruct -n, mbexamine, mbexamine -q, quota and cyr_dbtool consistent must find nothing to say;
  * its imapd must serve every mailbox: EXAMINE and UID FETCH 1:* (FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE) as a user
    that may read it, with the UIDs, flags and dates that the repaired store holds and with the envelopes and structures
    that the real server had cached for the same messages before the damage.

  accept.py --bin DIR | --real | --intact  [--quick] [--store NAME] [--target TAG] [--damage NAME] [--jobs N] [-v]

--real repairs with the real reconstruct, --intact leaves out the damage: they prove the harness.
"""
import argparse
import calendar
import concurrent.futures
import os
import re
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cyrusdb  # noqa: E402
import damaged  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import mailboxfile  # noqa: E402
import matrix  # noqa: E402
import model  # noqa: E402
import oracle as real_cyrus  # noqa: E402
import repair  # noqa: E402
from storepaths import split_domain, user_of  # noqa: E402

ADMIN = "cyrus"
# Counters that an old index has no room for, by the version that brought them: the real program says this of every
# intact one too.
COUNTERS = ((12, re.compile(r" updating (exists|sync_crc) ")), (13, re.compile(r" updating (quota_annot_used:|sync_crc_annot) ")))
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def real_items(reader):
    """{GUID: (envelope, bodystructure)} that the real server had cached in an intact store."""
    out = {}
    for name, entry in reader.list.items():
        if "d" in entry["type"][1:]:
            continue
        places = reader.places(name, entry)
        _, records = mailboxfile.read_index(facts.octets(places["index"]))
        caches = {}
        for record in records:
            archived = bool(record["system_flags"] & mailboxfile.ARCHIVED)
            path = os.path.join(places["archive"], "cyrus.cache") if archived else places["cache"]
            if path not in caches:
                caches[path] = facts.octets(path)
            file = os.path.join(places["archive" if archived else "spool"], "%d." % record["uid"])
            if os.path.exists(file):
                items = mailboxfile.cache_items(mailboxfile.cache_record(caches[path], record["cache_offset"]))
                out[facts.hashlib.sha1(facts.octets(file)).hexdigest()] = items[0], items[1]
    return out


class Reading:
    """Who may read a mailbox, and by which name."""

    def __init__(self, reader):
        self.reader, self.store = reader, reader.store
        self.users = sorted({user_of(n) for n, e in reader.list.items() if user_of(n) and "d" not in e["type"][1:]})
        self.alternate = self.store.on("altnamespace", "yes")

    def rights(self, acl, user):
        plus = set(acl.get("anyone", "")) | set(acl.get(user, ""))
        return plus - set(acl.get("-anyone", "")) - set(acl.get("-" + user, ""))

    def reader_of(self, name, acl):
        """(user, name to select) or None when nobody can."""
        owner = user_of(name)
        if owner and {"l", "r"} <= self.rights(acl, owner):
            return owner, self.own_name(name)
        if {"l", "r"} <= self.rights(acl, ADMIN):
            return ADMIN, self.store.external(name)
        domain, local = split_domain(name)
        for user in self.users if not local.startswith(("DELETED.", "user.")) else ():
            if user.partition("@")[2] == domain and {"l", "r"} <= self.rights(acl, user):
                return user, self.shared_name(name)
        return None

    def own_name(self, name):
        parts = split_domain(name)[1].split(".")[2:]
        sep = self.store.separator()
        words = [p.replace("^", ".") if sep == "/" else p for p in parts]
        if not words:
            return "INBOX"
        return sep.join(words if self.alternate else ["INBOX"] + words)

    def shared_name(self, name):
        plain = self.store.external(split_domain(name)[1])
        prefix = self.store.conf.get("sharedprefix", "Shared Folders") + self.store.separator()
        return prefix + plain if self.alternate else plain


def internal_date(text):
    """Seconds of an IMAP date-time."""
    day, month, year = text.strip(b'"')[:11].decode().split("-")
    hour, minute, second = text.strip(b'"')[12:20].decode().split(":")
    zone = text.strip(b'"')[21:].decode()
    offset = (int(zone[1:3]) * 60 + int(zone[3:5])) * 60 * (-1 if zone[0] == "-" else 1)
    return calendar.timegm((int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))) - offset


class Judge:
    def __init__(self, oracle, root, pristine, items):
        self.oracle, self.root, self.pristine, self.items = oracle, root, pristine, items
        self.reader = facts.Reader(root)
        self.problems = []
        self.mailboxes = self.messages = 0

    def say(self, text):
        self.problems.append(text)

    def tools(self, target, standing):
        if self.reader.store.internal(target) not in self.reader.list:
            return self.say("%s is not in mailboxes.db" % target)
        code, out = self.oracle.run(self.root, "reconstruct", "-n", target)
        lines = [x for x in out.decode("utf-8", "surrogateescape").split("\n") if x and x != target]
        lines = [x for x in lines if not any(word in x for word in standing)]
        version = self.reader.mailbox(self.reader.store.internal(target))["index"].get("minor_version", 17)
        lines = [x for x in lines if not any(version < since and words.search(x) for since, words in COUNTERS)]
        if code or lines:
            self.say("reconstruct -n says (exit %d): %s" % (code, " / ".join(lines)[:300]))
        code, out = self.oracle.run(self.root, "mbexamine", target)
        self.examined(target, code, out)
        code, out = self.oracle.run(self.root, "mbexamine", "-q", target)
        if code or b"INCORRECT" in out or b" CORRECT" not in out:
            self.say("mbexamine -q says: %r" % out[-200:])
        self.quota()
        self.databases()
        return None

    def examined(self, target, code, out):
        name = self.reader.store.internal(target)
        got = golden.mbexamine(out).get(target)
        if code or not got or name not in self.reader.list:
            return self.say("mbexamine says (exit %d): %r" % (code, out[-200:]))
        box = self.reader.mailbox(name)
        live = sorted(uid for uid, r in box["index"].get("records", {}).items() if not r["expunged"])
        if sorted(got["records"]) != live:
            self.say("mbexamine shows UIDs %s, the index has %s" % (sorted(got["records"])[:9], live[:9]))
        if got.get("uidvalidity") != box["index"].get("uidvalidity"):
            self.say("mbexamine shows UIDVALIDITY %s" % got.get("uidvalidity"))

    def quota(self):
        code, out = self.oracle.run(self.root, "quota")
        got = golden.quota_report(out)
        want = {self.reader.store.external(root): res for root, res in self.reader.quota().items()}
        if code or sorted(got) != sorted(want):
            return self.say("quota (exit %d) shows %s" % (code, sorted(got)))
        for root, resources in want.items():
            for long_name, short in golden.RESOURCES.items():
                used, limit = resources[short]
                if got[root][long_name] != (used // (1024 if short in ("S", "AS") else 1), limit):
                    self.say("quota shows %s %s %s" % (root, long_name, got[root][long_name]))
        return None

    def databases(self):
        """Every database that is no longer what the real server had written."""
        for folder, names, files in os.walk(self.root):
            if repair.SAVED in names:
                names.remove(repair.SAVED)
            rel = os.path.relpath(folder, self.root)
            if rel.split("/")[0] in ("run", "etc") or rel.startswith(("config/db", "config/quota")):
                continue
            for name in files:
                database = name == "cyrus.annotations" or name.endswith((".db", ".seen", ".sub", ".conversations"))
                if database and "counters" not in name:
                    self.consistent(os.path.join(folder, name), os.path.join(self.pristine, rel, name))

    def consistent(self, path, before):
        data = facts.octets(path)
        if os.path.exists(before) and facts.octets(before) == data:
            return
        kind = cyrusdb.kind_of(data)
        code, out = self.oracle.run(self.root, "cyr_dbtool", path, kind, "consistent")
        if code or b"Yes, consistent" not in out:
            self.say("cyr_dbtool consistent says of %s: %r" % (os.path.relpath(path, self.root), out[-100:]))

    def serve(self, only=None):
        """The real imapd on every mailbox (or those in ONLY)."""
        reading, users = Reading(self.reader), {}
        with real_cyrus.Server(self.oracle, self.root) as server:
            for name, entry in sorted(self.reader.list.items()):
                if entry["type"][0] != "e" or "d" in entry["type"][1:] or only and name not in only:
                    continue                             # imapd serves mail; type f holds Sieve scripts
                who = reading.reader_of(name, entry["acl"] or {})
                if who:
                    users.setdefault(who[0], []).append((name, who[1]))
                elif only:
                    self.say("nobody may read %s" % name)
            for user, wanted in sorted(users.items()):
                client = real_cyrus.Client(server.port, user)
                for name, selected in wanted:
                    self.select(client, user, name, selected)
                client.close()

    def select(self, client, user, name, selected):
        out, answer = client.command("EXAMINE " + real_cyrus.quoted(selected))
        if not answer.startswith(b"OK"):
            return self.say("EXAMINE %s as %s: %s" % (selected, user, answer.decode("utf-8", "replace")))
        self.mailboxes += 1
        box = self.reader.mailbox(name)
        if "error" in box["index"]:
            return self.say("%s: %s" % (name, box["index"]["error"]))
        if b"* OK [UIDVALIDITY %d] Ok" % box["list"]["uidvalidity"] not in out:
            self.say("%s: UIDVALIDITY is not that of mailboxes.db" % name)
        live = {uid: r for uid, r in box["index"]["records"].items() if not r["expunged"]}
        got = client.messages("UID FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE") if live or b"* 0 EXISTS" not in out else {}
        if sorted(got) != sorted(live):
            return self.say("%s: imapd has UIDs %s, the index %s" % (name, sorted(got)[:9], sorted(live)[:9]))
        seen = self.seen_by(user, name, box)
        for uid, record in live.items():
            self.message(name, uid, record, got[uid], seen, box["files"].get(uid, {}).get("sha1"))
        return None

    def seen_by(self, user, name, box):
        """UIDs that USER has seen according to a seen database; None when the record bit tells."""
        index = box["index"]
        if index["minor_version"] >= 12 and (index["options"] & 4 or user == user_of(name)):
            return None
        path = self.reader.user_files("seen").get("anyone" if index["options"] & 4 else user)
        got = facts.read_seen(path) if path else {}
        return set(facts.expand(got.get(box["list"]["uniqueid"], {}).get("uids", "")))

    def message(self, name, uid, record, got, seen, sha1):
        self.messages += 1
        flags = set(got["FLAGS"].strip(b"()").decode().split()) - {"\\Recent"}
        want = {f for f in record["flags"] if f != "\\Seen" or seen is None}
        if seen is not None and uid in seen:
            want.add("\\Seen")
        if flags != want:
            self.say("%s uid %d: imapd has flags %s, the index %s" % (name, uid, sorted(flags), sorted(want)))
        if internal_date(got["INTERNALDATE"]) != record["internaldate"]:
            self.say("%s uid %d: imapd has INTERNALDATE %s" % (name, uid, got["INTERNALDATE"].decode()))
        envelope, structure = self.items.get(sha1, (None, None))
        if envelope is not None and (got["ENVELOPE"], got["BODYSTRUCTURE"]) != (envelope, structure):
            self.say("%s uid %d: another ENVELOPE or BODYSTRUCTURE than before the damage" % (name, uid))
        if got["ENVELOPE"][:1] != b"(" or got["BODYSTRUCTURE"][:1] != b"(":
            self.say("%s uid %d: no ENVELOPE or BODYSTRUCTURE" % (name, uid))


ITEMS = {}                                               # per process: what the real server had cached, by store


def run_case(scratch, case, how, quick):
    store, tag, damage = case
    oracle = real_cyrus.Oracle(scratch)
    one = damaged.Case(scratch, store, tag, damage)
    if store not in ITEMS:
        ITEMS[store] = real_items(facts.Reader(scratch.pristine(store)))
    root = scratch.copy(store, one.name) if how == "intact" else one.make()
    try:
        if how == "real":
            oracle.hand_over(root)
            for words in repair.commands(one):
                oracle.run(root, *words)
            oracle.run(root, "quota", "-f")
        elif how != "intact":
            repair.run_commands(one, root, how)
        oracle.hand_over(root)
        judge = Judge(oracle, root, scratch.pristine(store), ITEMS[store])
        if "error" in judge.reader.list:
            judge.say("mailboxes.db: " + judge.reader.list["error"])
        else:
            judge.tools(one.target["mailbox"], repair.STANDING.get(damage, ()))
            # quickly: all mailboxes only where the damage may have reached any of them
            judge.serve({judge.reader.store.internal(one.target["mailbox"])} if quick and damage not in model.DATABASE else None)
        return case, judge.problems, judge.mailboxes, judge.messages
    finally:
        shutil.rmtree(root, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description="The real Cyrus 3.6.1 on repaired stores")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--bin", help="repair with our programs in this directory")
    how.add_argument("--real", dest="how", action="store_const", const="real")
    how.add_argument("--intact", dest="how", action="store_const", const="intact")
    for name in ("store", "target", "damage"):
        parser.add_argument("--" + name, action="append")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    real_cyrus.gate()
    start, bad, boxes, mails = time.monotonic(), 0, 0, 0
    with golden.Scratch() as scratch:
        todo = matrix.cases(scratch, args)
        if args.quick:                                   # "facts kept" looks at every damage of the largest store
            todo = [c for n, c in enumerate(todo) if n % (4 if c[0] == matrix.QUICK_STORE else 2) == 0]
        if args.how == "intact":
            todo = list({c[0]: c for c in reversed(todo)}.values())
        for store in {c[0] for c in todo}:
            scratch.pristine(store)
        real_cyrus.Oracle(scratch)                       # copied, if need be, before the workers start
        with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
            results = pool.map(run_case, [scratch] * len(todo), todo, [args.how or args.bin] * len(todo),
                               [args.quick] * len(todo))
            for case, problems, mailboxes, messages in results:
                boxes, mails, bad = boxes + mailboxes, mails + messages, bad + bool(problems)
                if problems or args.verbose:
                    verdict = "refused " if problems else "accepted"
                    print("%-9s %-30s %-24s %s %4d mailboxes %5d messages" % (*case, verdict, mailboxes, messages), flush=True)
                for line in problems[:None if args.verbose else 5]:
                    print("    " + line)
    print("%d repaired stores, %d accepted by the real Cyrus, which served %d mailboxes with %d messages, %.0f s"
          % (len(todo), len(todo) - bad, boxes, mails, time.monotonic() - start))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
