#!/usr/bin/env python3
"""Everything a Cyrus 3.6.1 store knows, as JSON: an independent reader for judging repairs.

  facts.py ROOT [--mailbox NAME] [-o FILE]

ROOT is the unpacked store (config/, spool/, etc/imapd.conf).  Written from the format pages, not from the C++ code.
A part that cannot be read is {"error": TEXT} and does not stop the rest.
"""
import argparse
import hashlib
import json
import os
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cyrusdb  # noqa: E402
import dlist  # noqa: E402
import mailboxfile  # noqa: E402
from storepaths import GS, US, Store, user_of  # noqa: E402

OWNER = "[.OwNeR.]"
TROUBLE = (OSError, ValueError, struct.error, dlist.Bad, cyrusdb.Broken, mailboxfile.Broken)


def octets(path):
    with open(path, "rb") as f:
        return f.read()


def internal_name(dbname):
    """The internal name of a mailboxes.db key: dots inside a component are '^', the separators are '.' and '!'."""
    domain, mark, local = dbname.rpartition(GS)
    return domain + ("!" if mark else "") + local.replace(".", "^").replace(US, ".")


def read_list(path):
    """mailboxes.db: {internal name: entry} of the N records, with 'history' from the I record of the same id."""
    _, records = cyrusdb.read(path)
    names, ids = {}, {}
    for key, value in records:
        key = dlist.text(key)
        if key[:1] == "N":
            names[internal_name(key[1:])] = dlist.parse(value)
        elif key[:1] == "I":
            ids[key[1:]] = dlist.parse(value)
    out = {}
    for name, entry in names.items():
        other = ids.get(entry.get("I"), {})
        mine = internal_name(other.get("N") or "") == name
        out[name] = {
            "type": entry.get("T", "e"), "partition": entry.get("P"), "uniqueid": entry.get("I"), "acl": entry.get("A"),
            "uidvalidity": number(entry, "V"), "createdmodseq": number(entry, "C"), "foldermodseq": number(entry, "F"),
            "mtime": number(entry, "M"), "id_record": mine,
            "history": [internal_name(h.get("N") or "") for h in other.get("H") or []] if mine else []}
    return out


def number(entry, key):
    return int(entry[key]) if (entry.get(key) or "").isdigit() else None


def read_annotations(path):
    """{(mailbox id or uid, entry, user): value} of live annotations; tombstones are left out."""
    _, records = cyrusdb.read(path)
    out = {}
    for key, value in records:
        where, entry, user = (dlist.text(x) for x in (key.split(b"\0") + [b"", b""])[:3])
        length = struct.unpack_from(">I", value, 0)[0]
        text = value[8:8 + length]
        end = value.find(b"\0", 8 + length + 1)
        flags = value[end + 1 + 8 + 8:end + 1 + 8 + 8 + 1]
        if not (flags and flags[0] & 1):
            out[(where, entry, user)] = dlist.text(text)
    return out


def read_quota(value):
    """{resource: [used, limit or None]}"""
    if value.startswith(b"%"):
        got = dlist.parse(value)
        return {name: [int(got[name][0]), int(got[name][1]) if len(got[name]) > 1 else None]
                for name in ("S", "M", "AS", "NF") if name in got}
    used, limit = value.split()[:2]
    return {"S": [int(used), None if int(limit) < 0 else int(limit)]}


def expand(uids):
    """An IMAP sequence set as a sorted list."""
    out = set()
    for part in uids.split(","):
        if part:
            low, _, high = part.partition(":")
            low, high = sorted((int(low), int(high or low)))
            out.update(range(low, high + 1))
    return sorted(out)


def read_seen(path):
    out = {}
    for key, value in cyrusdb.read(path)[1]:
        version, lastread, lastuid, lastchange, uids = (dlist.text(value) + " ").split(" ")[:5]
        if version == "1":
            out[dlist.text(key)] = {"lastread": int(lastread), "lastuid": int(lastuid), "lastchange": int(lastchange),
                                    "uids": uids}
    return out


def message_files(*folders):
    """{uid: {size, sha1, mtime, where}} of the message files of the spool and archive directories."""
    out = {}
    for where, folder in zip(("spool", "archive"), folders):
        if folder and os.path.isdir(folder):
            for name in os.listdir(folder):
                if name[:-1].isdigit() and name.endswith(".") and not (name.startswith("0")):
                    path = os.path.join(folder, name)
                    data = octets(path)
                    out[int(name[:-1])] = {"size": len(data), "sha1": hashlib.sha1(data).hexdigest(),
                                           "mtime": int(os.stat(path).st_mtime), "where": where}
    return out


def try_read(what, *args):
    try:
        return what(*args)
    except TROUBLE as trouble:
        return {"error": "%s: %s" % (type(trouble).__name__, trouble)}


class Reader:
    """One store; mailbox() gives the facts of one mailbox, everything() those of the store."""

    def __init__(self, root):
        self.store = Store(root)
        self.list = try_read(read_list, os.path.join(self.store.confdir, "mailboxes.db"))
        self.global_annotations = try_read(read_annotations, os.path.join(self.store.confdir, "annotations.db"))

    def places(self, name, entry):
        s, part = self.store, entry["partition"]
        below = s.below(name, entry["uniqueid"], "l" in entry["type"][1:])
        return {"spool": s.spool(part, below), "archive": s.archive(part, below),
                **{k: os.path.join(s.meta(k, part, below), "cyrus." + k) for k in ("header", "index", "cache", "annotations")}}

    def mailbox(self, name, entry=None, version=None):
        """Facts of one mailbox; ENTRY stands in for its record when mailboxes.db has none."""
        entry = entry or self.list[name]
        places = self.places(name, entry)
        out = {"list": entry, "dir": os.path.relpath(places["spool"], self.store.root)}
        out["header"] = try_read(lambda: mailboxfile.read_header(octets(places["header"])))
        out["index"] = try_read(self.index, places, out["header"])
        out["annotations"] = try_read(self.annotations, places, entry, name)
        out["files"] = try_read(message_files, places["spool"], places["archive"])
        return out

    def index(self, places, header):
        names = header.get("flags", [])
        fields, records = mailboxfile.read_index(octets(places["index"]))
        fields.pop("crc_ok")
        return {**fields, "records": {r["uid"]: self.record(r, names) for r in records}}

    def record(self, r, names):
        flags = r["system_flags"]
        return {"flags": mailboxfile.flag_names(r, names), "internaldate": r["internaldate"], "size": r["size"],
                "guid": r["guid"].hex() if any(r.get("guid", b"")) else None, "modseq": r.get("modseq"),
                "savedate": r.get("savedate"), "createdmodseq": r.get("createdmodseq"), "cid": r.get("cid"),
                "last_updated": r["last_updated"], "expunged": bool(flags & mailboxfile.EXPUNGED),
                "unlinked": bool(flags & mailboxfile.UNLINKED), "archived": bool(flags & mailboxfile.ARCHIVED)}

    def annotations(self, places, entry, name):
        """[[uid or 0, entry, user, value]]; the owner's placeholder is replaced by the owner's id."""
        owner = user_of(name)
        found = []
        if isinstance(self.global_annotations, dict) and "error" not in self.global_annotations:
            found += [(0, e, u, v) for (i, e, u), v in self.global_annotations.items() if i == entry["uniqueid"]]
        if os.path.exists(places["annotations"]):
            found += [(int(i), e, u, v) for (i, e, u), v in read_annotations(places["annotations"]).items()]
        return sorted([i, e, owner if u == OWNER else u, v] for i, e, u, v in found)

    def inbox_ids(self):
        """{user: uniqueid of an INBOX kept by id}"""
        out = {}
        if "error" not in self.list:
            for name, entry in self.list.items():
                user = user_of(name)
                inbox = user and name.rpartition("!")[2].count(".") == 1
                if inbox and not set("dl") & set(entry["type"][1:]):
                    out[user] = entry["uniqueid"]
        return out

    def user_files(self, suffix):
        """{user: path} of every per-user database with this suffix."""
        out, top = {}, self.store.confdir
        by_id = {i: user for user, i in self.inbox_ids().items()}
        for folder, _, names in os.walk(top):
            rel = os.path.relpath(folder, top)
            if "user" not in rel.split("/"):
                continue
            for name in names:
                if "/uuid/" in "/" + rel + "/" and name == suffix + ".db":
                    out[by_id.get(os.path.basename(folder), "id " + os.path.basename(folder))] = os.path.join(folder, name)
                elif name.endswith("." + suffix):
                    domain = rel.split("/")[2] if rel.startswith("domain/") else ""
                    out[name[:-len(suffix) - 1] + ("@" + domain if domain else "")] = os.path.join(folder, name)
        return out

    def quota(self):
        kind = self.store.conf.get("quota_db", "quotalegacy")
        if kind == "quotalegacy":
            found = {root: value for root, (_, value) in cyrusdb.read_quotalegacy(self.store.confdir).items()}
        else:
            found = {dlist.text(k): v for k, v in cyrusdb.read(os.path.join(self.store.confdir, "quotas.db"))[1]}
        return {root: try_read(read_quota, value) for root, value in sorted(found.items())}

    def subscriptions(self, path):
        return sorted(dlist.text(key) for key, _ in cyrusdb.read(path)[1])

    def everything(self, only=None):
        out = {"mailboxes": {}, "tombstones": {}}
        if "error" in self.list:
            out["mailboxes_db"] = self.list
        else:
            for name, entry in self.list.items():
                if "d" in entry["type"][1:] or not entry["partition"]:
                    out["tombstones"][name] = entry
                elif not only or name in only:
                    out["mailboxes"][name] = self.mailbox(name)
        out["quota"] = try_read(self.quota)
        out["seen"] = {u: try_read(read_seen, p) for u, p in sorted(self.user_files("seen").items())}
        out["subscriptions"] = {u: try_read(self.subscriptions, p) for u, p in sorted(self.user_files("sub").items())}
        if "error" in self.global_annotations:
            out["annotations_db"] = self.global_annotations
        else:
            out["server_annotations"] = sorted([e, u, v] for (i, e, u), v in self.global_annotations.items() if not i)
        return out


def main():
    parser = argparse.ArgumentParser(description="Facts of a Cyrus store as JSON")
    parser.add_argument("root")
    parser.add_argument("--mailbox", action="append", help="only this mailbox (internal name)")
    parser.add_argument("-o", "--output")
    args = parser.parse_args()
    text = json.dumps(Reader(args.root).everything(args.mailbox), indent=1, sort_keys=True)
    if args.output:
        with open(args.output, "w", encoding="utf-8") as f:
            f.write(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
