#!/usr/bin/env python3
"""facts.py against what the real programs said about each store: databases octet by octet, mailbox list, every index
header and record, keywords, ACLs, quota.  A wrong reader cannot judge a repair.

  test_facts.py [STORE...]
"""
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cyrusdb  # noqa: E402
import facts  # noqa: E402
import golden  # noqa: E402
import mailboxfile  # noqa: E402


class Count:
    """Comparisons made and those that differ."""

    def __init__(self):
        self.made, self.wrong = 0, []

    def same(self, what, got, want):
        self.made += 1
        if got != want:
            self.wrong.append("%s: facts say %r, the real program %r" % (what, got, want))


def databases(count, root, folder):
    for name in sorted(os.listdir(folder)):
        path, kind = name[:-len(".txt")].rsplit(".", 1)
        path = path.replace("%", "/")
        if path.endswith(("counters", "counters.db")):     # a record of fixed size, no database
            continue
        got_kind, records = cyrusdb.read(os.path.join(root, path))
        with open(os.path.join(folder, name), "rb") as f:
            want = f.read()
        count.same(path + " kind", got_kind, kind)
        count.same(path, b"".join(k + b"\t" + v + b"\n" for k, v in records), want)


def mailbox_list(count, reader, path):
    with open(path, encoding="utf-8") as f:
        want = json.load(f)
    count.same("mailboxes", sorted(reader.list), sorted(want))
    for name, entry in want.items():
        got = reader.list.get(name, {})
        for key, ours in (("mtime", "mtime"), ("uidvalidity", "uidvalidity"), ("createdmodseq", "createdmodseq"),
                          ("foldermodseq", "foldermodseq")):
            count.same("%s %s" % (name, key), got.get(ours), int(entry[key]) if key in entry else None)
        count.same(name + " type", got.get("type"), entry.get("mbtype"))
        count.same(name + " partition", got.get("partition"), entry.get("partition"))
        count.same(name + " uniqueid", got.get("uniqueid"), entry.get("uniqueid"))
        count.same(name + " acl", got.get("acl") or {}, entry.get("acl") or {})


def mailboxes(count, reader, path):
    store, (_, text, _), = reader.store, golden.transcript(path)[0]
    want = golden.mbexamine(text)
    active = [name for name, entry in reader.list.items() if "d" not in entry["type"][1:]]
    count.same("examined", sorted(want), sorted(map(store.external, active)))
    for external, box in want.items():
        name = store.internal(external)
        entry = reader.list[name]
        got = reader.mailbox(name)
        where = reader.places(name, entry)
        count.same(external + " path", golden.HOME + where["spool"][len(store.root):], box["path"])
        count.same(external + " acl", "".join("%s\t%s\t" % x for x in entry["acl"].items()), box["acl"])
        count.same(external + " uniqueid", got["header"]["uniqueid"], box["uniqueid"])
        names = [x for x in got["header"]["flags"] if x]
        count.same(external + " flags", names, [] if box["flags"] == "[none]" else box["flags"].split())
        index = got["index"]
        for key in ("generation_no", "minor_version", "quota_mailbox_used", "quota_annot_used", "last_appenddate",
                    "uidvalidity", "last_uid", "deleted", "answered", "flagged", "pop3_last_login", "highestmodseq"):
            default = {"quota_annot_used": 0, "highestmodseq": 1}.get(key)     # what old versions cannot hold
            count.same("%s %s" % (external, key), index.get(key, default) or default or 0, box.get(key, 0))
        records(count, external, where, index["minor_version"], box)


def records(count, external, where, version, box):
    _, raw = mailboxfile.read_index(facts.octets(where["index"]))
    live = {r["uid"]: r for r in raw if not r["system_flags"] & mailboxfile.EXPUNGED}
    count.same(external + " UIDs", sorted(live), sorted(box["records"]))
    for uid, want in box["records"].items():
        got = live.get(uid, {})
        for key in ("internaldate", "sentdate", "savedate", "size", "header_size", "last_updated", "cache_version",
                    "modseq", "cid", "user_flags"):
            default = 0 if key in ("savedate", "modseq", "cid") else None
            count.same("%s uid %d %s" % (external, uid, key), got.get(key, default), want[key])
        count.same("%s uid %d flags" % (external, uid), got["system_flags"] & 0xFFFF, want["system_flags"] & 0xFFFF)
        if version >= 10:
            count.same("%s uid %d guid" % (external, uid), got["guid"].hex(), want["guid"])


def quota(count, reader, path):
    want = golden.quota_report(golden.transcript(path)[0][1])
    got = reader.quota()
    count.same("quota roots", sorted(map(reader.store.external, got)), sorted(want))
    for root, resources in got.items():
        for long_name, short in golden.RESOURCES.items():
            used, limit = resources[short]
            unit = 1024 if short in ("S", "AS") else 1
            count.same("quota %s %s" % (root, long_name), (used // unit, limit), want[reader.store.external(root)][long_name])


def unread(value, where=""):
    """Every {'error': ...} in the facts; an intact store has none."""
    if isinstance(value, dict):
        if set(value) == {"error"}:
            return [where + ": " + value["error"]]
        return [x for k, v in value.items() for x in unread(v, "%s/%s" % (where, k))]
    return []


def check(scratch, store):
    count = Count()
    root, said = scratch.pristine(store), os.path.join(scratch.golden(store), "intact")
    databases(count, root, os.path.join(said, "db"))
    reader = facts.Reader(root)
    mailbox_list(count, reader, os.path.join(said, "ctl_mboxlist-d.txt"))
    mailboxes(count, reader, os.path.join(said, "mbexamine.txt"))
    quota(count, reader, os.path.join(said, "quota.txt"))
    count.same("parts that cannot be read", unread(reader.everything()), [])
    return count


def main():
    stores = sys.argv[1:] or golden.STORES
    bad = 0
    with golden.Scratch() as scratch:
        for store in stores:
            count = check(scratch, store)
            print("%-10s %6d comparisons with the real programs, %d differ" % (store, count.made, len(count.wrong)))
            for line in count.wrong[:20]:
                print("  " + line[:300])
            bad += len(count.wrong)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
