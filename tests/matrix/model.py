"""What counts as a fact of a store, and which facts each damage of damage.py leaves on disk.

A fact is a key and a value; the key's first word is its kind:

  entry, uniqueid, uidvalidity, type, partition, acl     the mailbox list (acl: one fact per identifier)
  quotaroot, keyword                                     cyrus.header (keyword: one fact per name)
  options, last_uid, highestmodseq, pop3_last_login, pop3_show_after, recentuid, recenttime      the index header
  message                                                a message file under its UID with its content
  flag, internaldate, savedate, createdmodseq, modseq, cid, expunged                             one index record
  annotation, limit, tombstone, history                  annotations, quota limits, what mailboxes.db tells of old names

Kinds in RISING are kept when the value afterwards is not smaller and UIDVALIDITY is the same: a repair may raise them,
never lower them.
"""
import os
import struct

import cyrusdb
import facts
import mailboxfile
from storepaths import user_of

RISING = {"last_uid", "highestmodseq", "modseq"}
BOUND = RISING | {"createdmodseq", "recentuid"}          # numbers without meaning under another UIDVALIDITY
RECORD_KINDS = {"flag", "internaldate", "savedate", "createdmodseq", "modseq", "cid", "expunged"}
INDEX_KINDS = {"options", "last_uid", "highestmodseq", "pop3_last_login", "pop3_show_after", "recentuid", "recenttime"}
OPTIONS = 1 | 4 | 8                                      # POP3_NEW_UIDL, SHAREDSEEN, DUPDELIVER: what an administrator set
DATABASE = {"mailboxes-db-torn", "mailboxes-db-bitflip", "mailboxes-db-deleted"}
# Damages in which keyword names are lost, so that keywords are compared by their bit.
NAMELESS = {"header-deleted", "header-truncated", "all-meta-deleted", "directory-deleted"}


# The groups that the tables show.
GROUPS = ("UIDs with their message", "flags", "keywords", "internal dates", "UIDVALIDITY", "ACL entries", "annotations",
          "quota limits", "expunged marks", "dates, modseqs, ids of records", "mailbox list", "index and header fields")


def group(key):
    kind = key[0]
    if kind == "flag":
        return "flags" if key[3].startswith("\\") else "keywords"
    return {"message": GROUPS[0], "keyword": "keywords", "internaldate": "internal dates", "uidvalidity": "UIDVALIDITY",
            "acl": "ACL entries",
            "annotation": "annotations", "limit": "quota limits", "expunged": "expunged marks", "savedate": GROUPS[9],
            "createdmodseq": GROUPS[9], "modseq": GROUPS[9], "cid": GROUPS[9], "entry": GROUPS[10], "uniqueid": GROUPS[10],
            "type": GROUPS[10], "partition": GROUPS[10], "tombstone": GROUPS[10], "history": GROUPS[10]}.get(kind, GROUPS[11])


def by_group(keys):
    out = {}
    for key in keys:
        out[group(key)] = out.get(group(key), 0) + 1
    return out


def list_facts(name, entry):
    out = {("entry", name): True, ("uniqueid", name): entry["uniqueid"], ("type", name): entry["type"],
           ("partition", name): entry["partition"], ("uidvalidity", name): entry["uidvalidity"]}
    out.update({("acl", name, who): rights for who, rights in (entry["acl"] or {}).items()})
    return out


def owner_seen(reader, name, box):
    """UIDs that the owner has seen, where the index cannot tell (versions below 12): from the seen database."""
    index = box["index"]
    if "error" in index or index["minor_version"] >= 12:
        return set()
    user = "anyone" if index["options"] & 4 else user_of(name)
    path = reader.user_files("seen").get(user)
    seen = facts.try_read(facts.read_seen, path) if path else {}
    return set(facts.expand(seen.get(box["list"]["uniqueid"], {}).get("uids", "")))


def mailbox_facts(reader, name, box, by_bit=False):
    """All facts of one mailbox.  BY_BIT: keywords of messages by bit number, as long as the bit has a name at all."""
    out = list_facts(name, box["list"])
    header, index = box["header"], box["index"]
    bits = {flag: "bit %d" % n for n, flag in enumerate(header.get("flags", [])) if flag}
    if "error" not in header:
        out[("quotaroot", name)] = header["quotaroot"]
        out.update({("keyword", name, flag): True for flag in bits})
    if "error" not in index:
        out.update({(kind, name): index[kind] for kind in INDEX_KINDS if index.get(kind) and kind != "options"})
        out[("options", name)] = index["options"] & OPTIONS
        seen = owner_seen(reader, name, box)
        for uid, record in index["records"].items():
            out.update(record_facts(name, uid, record, seen, bits if by_bit else None))
    if isinstance(box["files"], dict) and "error" not in box["files"]:
        records = {} if "error" in index else index["records"]
        out.update({("message", name, uid): f["sha1"] for uid, f in box["files"].items()
                    if uid in records and not records[uid]["unlinked"] and f["size"]})
    if isinstance(box["annotations"], list):
        out.update(annotation_facts(name, box["annotations"]))
    return out


# Old index versions have no room for these: they are annotations of the message there.
MOVED = {"/vendor/cmu/cyrus-imapd/savedate": ("savedate", 10),
         "/vendor/cmu/cyrus-imapd/createdmodseq": ("createdmodseq", 10),
         "/vendor/cmu/cyrus-imapd/thrid": ("cid", 16)}


def annotation_facts(name, annotations):
    out = {}
    for uid, entry, user, value in annotations:
        if entry in MOVED and uid and not user:
            kind, base = MOVED[entry]
            out[(kind, name, uid)] = int(value, base)
        else:
            out[("annotation", name, uid, entry, user)] = value
    return out


def record_facts(name, uid, record, seen, bits):
    out = {}
    if record["unlinked"]:
        return out
    for flag in record["flags"] + (["\\Seen"] if uid in seen and "\\Seen" not in record["flags"] else []):
        if bits is not None and not flag.startswith("\\"):
            flag = bits.get(flag, "a bit without a name")
        out[("flag", name, uid, flag)] = True
    for kind in ("internaldate", "savedate", "createdmodseq", "modseq", "cid"):
        if record.get(kind):
            out[(kind, name, uid)] = record[kind]
    if record["expunged"]:
        out[("expunged", name, uid)] = True
    return out


def limit_facts(quota):
    return {("limit", root, resource): limit for root, got in quota.items() if "error" not in got
            for resource, (_, limit) in got.items()}


def list_only(reader):
    """Facts of the mailbox list alone, for damages of mailboxes.db."""
    out = {}
    if "error" in reader.list:
        return out
    for name, entry in reader.list.items():
        if "d" in entry["type"][1:]:
            out[("tombstone", name)] = True
        else:
            out.update(list_facts(name, entry))
        if entry["history"]:
            out[("history", name)] = entry["history"]
    return out


class Left:
    """The facts that a damage leaves on disk: those of BEFORE less what the damaged octets alone held.

    reader is on the damaged store; box the facts of the intact mailbox."""

    def __init__(self, damage, name, before, box, reader):
        self.damage, self.name, self.box, self.reader = damage, name, box, reader
        self.places = reader_places(reader, name, box)
        self.found = self.conversations()
        now = facts.try_read(reader.annotations, self.places, box["list"], name)
        self.found.update(annotation_facts(name, now if isinstance(now, list) else []))
        self.status = self.status_cache()
        self.files = facts.try_read(facts.message_files, self.places["spool"], self.places["archive"])
        self.facts = {k: v for k, v in before.items() if self.stays(k, v)}

    def stays(self, key, value):
        kind = key[0]
        if kind == "message":                            # the file is there with the content it had
            return self.files.get(key[2], {}).get("sha1") == value
        if kind in ("limit", "annotation") and self.damage == "directory-deleted":
            return kind == "limit" or key[2] == 0        # message annotations went with the directory
        rule = {"index-deleted": self.no_index, "index-empty": self.no_index, "index-truncated-header": self.short_header,
                "index-truncated-record": self.short_records, "all-meta-deleted": self.no_meta,
                "directory-deleted": self.no_directory, "header-deleted": self.no_header, "header-truncated": self.no_header,
                "header-tail-bitflip": self.one_header_bit, "index-header-bitflip": self.one_index_bit}.get(self.damage)
        return rule(key, value) if rule else True

    # the rules; each says whether one fact is still on disk

    def no_index(self, key, value):
        """The index is gone: what else tells the same?"""
        kind = key[0]
        if kind in INDEX_KINDS:
            return self.status.get(kind) == value
        if kind == "internaldate":
            return self.files.get(key[2], {}).get("mtime") == value or self.found.get(key) == value
        if kind in RECORD_KINDS:
            return self.found.get(key) == value
        return True

    def short_header(self, key, value):
        """60 octets of the index header: last_appenddate, last_uid, pop3_last_login and uidvalidity are among them."""
        return key[0] in ("last_uid", "pop3_last_login") or self.no_index(key, value)

    def short_records(self, key, value):
        """Whole records stay; of the last four at most half a record is there, without its checksum."""
        if key[0] in RECORD_KINDS and key[2] in self.cut_records():
            return self.no_index(key, value)
        return True

    def cut_records(self):
        if not hasattr(self, "_cut"):
            uids = sorted(self.box["index"]["records"])
            self._cut = set(uids[max(0, len(uids) - 4):])
        return self._cut

    def no_header(self, key, value):
        """Keyword names are gone; their bits, by which flags are compared here, are in the index."""
        return key[0] != "keyword"

    def no_meta(self, key, value):
        if key[0] == "flag" and key[3].startswith("bit "):
            return False
        return self.no_header(key, value) and self.no_index(key, value)

    def no_directory(self, key, value):
        """The archive partition has another directory: its messages and what is known of them stay."""
        kind = key[0]
        if kind in RECORD_KINDS and key[2] not in self.files:
            return False
        return kind not in ("keyword", "annotation") and self.no_index(key, value)

    def one_header_bit(self, key, value):
        """One octet of the text differs: the keyword (or nothing else) that it is part of is spoiled."""
        if key[0] in ("keyword", "flag"):
            return key[-1] not in self.spoiled_keywords()
        return True

    def spoiled_keywords(self):
        if not hasattr(self, "_spoiled"):
            now = facts.try_read(lambda: mailboxfile.read_header(facts.octets(self.places["header"])))
            self._spoiled = set(self.box["header"]["flags"]) - set(now.get("flags", [])) if "error" not in now else set()
        return self._spoiled

    def one_index_bit(self, key, value):
        return key[0] != "last_uid"

    # other places that know

    def status_cache(self):
        """statuscache.db: 'I 8 (messages uidnext uidvalidity options size createdmodseq highestmodseq)'."""
        path = os.path.join(self.reader.store.confdir, "statuscache.db")
        got = facts.try_read(cyrusdb.read, path)
        for key, value in ([] if isinstance(got, dict) else got[1]):
            if key.decode("utf-8", "surrogateescape") == self.name + "%" and value.startswith(b"I 8 ("):
                words = [int(x) for x in value[5:-1].split()]
                if words[2] == self.box["list"]["uidvalidity"]:
                    return {"last_uid": words[1] - 1, "options": words[3] & OPTIONS, "highestmodseq": words[6]}
        return {}

    def conversations(self):
        """conversations.db of the owner (only with conversations on): cid, flags, EXPUNGED and date of every message.

        Key G<guid>:<folder number>:<uid>, value 0x82, u64 cid, u32 system flags, u32 internal flags, u64 date."""
        user = user_of(self.name)
        path = self.reader.user_files("conversations").get(user)
        if not path or not self.reader.store.on("conversations"):
            return {}
        kind_records = facts.try_read(cyrusdb.read, path)
        if isinstance(kind_records, dict):
            return {}
        records = dict(kind_records[1])
        folders = records.get(b"$FOLDER_IDS", b"()")[1:-1].decode().split(" ")
        if self.box["list"]["uniqueid"] not in folders:
            return {}
        number, out = folders.index(self.box["list"]["uniqueid"]), {}
        for key, value in records.items():
            part = key.decode("latin-1").split(":")
            if key[:1] == b"G" and len(part) == 3 and part[1] == str(number) and part[2].isdigit() and len(value) >= 25:
                uid = int(part[2])
                cid, system, internal, date = struct.unpack_from(">QIIQ", value, 1)
                out[("cid", self.name, uid)] = cid
                out[("internaldate", self.name, uid)] = date
                if internal & mailboxfile.EXPUNGED:
                    out[("expunged", self.name, uid)] = True
                out.update({("flag", self.name, uid, flag): True
                            for bit, flag in mailboxfile.SYSTEM_FLAGS if system >> bit & 1})
        return out


def reader_places(reader, name, box):
    return reader.places(name, box["list"])


def list_left(damage, before, damaged_db, reader):
    """Facts that a damaged mailboxes.db leaves: headers, indexes and places tell all of a mailbox but old names."""
    data = damaged_db if damaged_db is not None else b""

    def stays(key):
        if key[0] == "tombstone":
            return record_whole(data, b"N" + dbname(key[1]))
        if key[0] == "history":
            entry = reader.list[key[1]]
            return record_whole(data, b"I" + entry["uniqueid"].encode())
        return True
    return {k: v for k, v in before.items() if stays(k)}


def dbname(internal):
    domain, mark, local = internal.rpartition("!")
    text = domain + ("\x1d" if mark else "") + local.replace(".", "\x1f").replace("^", ".")
    return text.encode("utf-8", "surrogateescape")


def record_whole(data, key):
    """Whether a twoskip or skiplist file still has a whole record of KEY somewhere (its newest one is not asked for)."""
    kind, at = cyrusdb.kind_of(data), data.rfind(key)
    while at > 0:
        if kind == "twoskip":
            for start in range(max(0, at - 300) & ~7, at, 8):
                record = facts.try_read(cyrusdb.Twoskip, data, start, "")
                if isinstance(record, cyrusdb.Twoskip) and record.key == key and record.whole():
                    return True
        elif kind == "skiplist" and at >= 8 and struct.unpack_from(">I", data, at - 4)[0] == len(key):
            return True
        at = data.rfind(key, 0, at)
    return False


def same_validity(name, wanted, after):
    return wanted.get(("uidvalidity", name)) in (None, after.get(("uidvalidity", name)))


def compare(wanted, after):
    """([kept keys], [lost keys], [(key, wanted, got)] of values that differ); the last are among the lost, too."""
    kept, lost, wrong = [], [], []
    for key, value in wanted.items():
        got = after.get(key)
        good = isinstance(got, int) and got >= value if key[0] in RISING else key in after and got == value
        if key[0] in BOUND and not same_validity(key[1], wanted, after):
            good = False
        if good:
            kept.append(key)
        elif got is None:
            lost.append(key)
        else:
            wrong.append((key, value, got))
            lost.append(key)
    return kept, lost, wrong
