"""What a store of any release knows before an upgrade, and how much of it the real imapd of 3.6.1 serves afterwards.

Before: read from the files, by readers that share no code with ours.  After: asked of the server over IMAP, each user for what is
his.  Counted as (served, of): mailboxes, access lists, messages (content, flags, date), seen states of users in mailboxes that are
not their own, quota limits, subscriptions, annotations (from annotations.db: imapd does not show those of others)."""
import hashlib
import os
import re

import accept
import any_index
import anylist
import cyrusdb
import dlist
import facts
import mailboxfile
import oracle as real_cyrus
from storepaths import Store, split_domain, user_of

FACTS = ("mailboxes", "access lists", "messages", "flags", "seen", "quota", "subscriptions", "annotations")
SHARED_SEEN = 4                                          # bit of the index option that makes one seen state for all
RESOURCES = {"STORAGE": "S", "MESSAGE": "M", "X-ANNOTATION-STORAGE": "AS", "ANNOTATION-STORAGE": "AS",
             "X-NUM-FOLDERS": "NF", "MAILBOX": "NF"}


def rights(letters):
    """2.x wrote c for create and delete mailbox, d for delete message and expunge (store.md 4.2)."""
    out = set(letters)
    if "c" in out and not out & {"k", "x"}:
        out |= {"k", "x"}
    if "d" in out and not out & {"t", "e"}:
        out |= {"t", "e"}
    return frozenset(out - {"c", "d"})


def acl_set(acl):
    return {who: rights(what) for who, what in (acl or {}).items() if what}


def all_user_files(store, suffix):
    """{user: path}; 2.x wrote '^' for a dot of the user id."""
    out = {}
    for folder, _, names in os.walk(store.confdir):
        rel = os.path.relpath(folder, store.confdir).split("/")
        if "user" in rel[:4] and "undo." not in rel:
            domain = rel[2] if rel[0] == "domain" else ""
            for name in names:
                if name.endswith("." + suffix):
                    out[name[:-len(suffix) - 1].replace("^", ".") + ("@" + domain if domain else "")] = os.path.join(folder, name)
    return out


class Before:
    """The facts of the store at ROOT, as its release left them."""

    def __init__(self, root):
        self.store = store = Store(root)
        self.entries = anylist.active(anylist.read(os.path.join(store.confdir, "mailboxes.db")))
        self.seen_files = {u: facts.read_seen(p) for u, p in all_user_files(store, "seen").items()}
        self.boxes = {name: self.mailbox(name, entry) for name, entry in self.entries.items()}
        self.quota = facts.Reader.quota(self)
        self.subscribed = {u: self.subscriptions(p) for u, p in all_user_files(store, "sub").items()}
        self.annotations = annotations(os.path.join(store.confdir, "annotations.db"), {})

    def subscriptions(self, path):
        return {dlist.text(k) for k, _ in cyrusdb.read(path)[1] if not k.startswith(b"\x1d")}

    def mailbox(self, name, entry):
        below = self.store.below(name, entry["uniqueid"], True)
        spool, meta = self.store.spool(entry["partition"], below), \
            {k: os.path.join(self.store.meta(k, entry["partition"], below), "cyrus." + k) for k in ("header", "index")}
        header = mailboxfile.read_header(facts.octets(meta["header"]))
        fields, records = any_index.read(facts.octets(meta["index"]))
        owner, minor, shared = user_of(name), fields["minor_version"], fields.get("options", 0) & SHARED_SEEN
        uniqueid = header["uniqueid"]
        files = facts.message_files(spool, self.store.archive(entry["partition"], below))
        seen = {u: set(facts.expand(s[uniqueid]["uids"])) for u, s in self.seen_files.items() if uniqueid in s}
        messages = {}
        for record in records:
            if record["system_flags"] & mailboxfile.EXPUNGED and minor >= 12:
                continue
            flags = set(mailboxfile.flag_names(record, header["flags"])) - {"\\Seen"}
            messages[record["uid"]] = (files.get(record["uid"], {}).get("sha1"), flags, record["internaldate"],
                                       bool(record["system_flags"] >> 4 & 1))
        if minor >= 12:                                  # the record tells it of the owner, or of all
            seen = {"anyone" if shared else owner: {u for u, m in messages.items() if m[3]}, **seen} if shared or owner else seen
        return {"uidvalidity": fields["uidvalidity"], "messages": messages, "seen": seen, "shared": bool(shared), "owner": owner,
                "uniqueid": uniqueid}


def annotations(path, names):
    """{(mailbox, entry, user): value}; NAMES tells the names of unique ids."""
    if not os.path.exists(path):
        return {}
    out = {}
    for (where, entry, user), value in facts.read_annotations(path).items():
        where = names.get(where, where)
        owner = user_of(where)
        out[(where, entry, owner if user == facts.OWNER else user)] = value
    return out


class Names:
    """How a user spells a mailbox."""

    def __init__(self, store):
        self.store, self.alternate = store, store.on("altnamespace", "yes")

    def of(self, user, name):
        domain, local = split_domain(name)
        if user == accept.ADMIN:
            return self.store.external(name)
        sep, parts = self.store.separator(), local.split(".")
        words = [p.replace("^", ".") if sep == "/" else p for p in parts]
        if user_of(name) == user:
            return sep.join(words[2:] or ["INBOX"]) if self.alternate else sep.join(["INBOX"] + words[2:])
        if not self.alternate:
            return sep.join(words)
        if words[0] == "user":
            return sep.join([self.store.conf.get("userprefix", "Other Users")] + words[1:])
        return sep.join([self.store.conf.get("sharedprefix", "Shared Folders")] + words)


def may_read(acl, user):
    plus = set(acl.get("anyone", "")) | set(acl.get(user, ""))
    return {"l", "r"} <= plus - set(acl.get("-anyone", "")) - set(acl.get("-" + user, ""))


class Served:
    """Asks the real server for everything in BEFORE; `count` is {fact: [served, of]}, `missing` says what is not there."""

    def __init__(self, oracle, root, before, renamed=None):
        self.oracle, self.root, self.before, self.names = oracle, root, before, Names(Store(root))
        self.renamed = renamed or {}                     # mailboxes that come back under another name
        self.count = {fact: [0, 0] for fact in FACTS}
        self.missing, self.clients = [], {}

    def note(self, fact, good, text):
        self.count[fact][0] += bool(good)
        self.count[fact][1] += 1
        if not good:
            self.missing.append("%s: %s" % (fact, text))

    def ask(self):
        with real_cyrus.Server(self.oracle, self.root) as server:
            self.port = server.port
            for name in sorted(self.before.boxes):
                self.mailbox(name)
            self.limits()
            for user in sorted(self.before.subscribed):
                self.subscriptions(user)
            for client in self.clients.values():
                client.close()
        self.annotations()
        return self

    def client(self, user):
        if user not in self.clients:
            self.clients[user] = real_cyrus.Client(self.port, user)
        return self.clients[user]

    def mailbox(self, name):
        box, entry = self.before.boxes[name], self.before.entries[name]
        now = self.renamed.get(name, name)
        admin = self.names.of(accept.ADMIN, now)
        out, answer = self.client(accept.ADMIN).command("GETACL " + real_cyrus.quoted(admin))
        self.note("mailboxes", answer.startswith(b"OK"), "%s: %s" % (name, answer.decode("utf-8", "replace")))
        if not answer.startswith(b"OK"):
            self.note("access lists", False, name)
            for uid in box["messages"]:
                self.note("messages", False, "%s %d" % (name, uid))
                self.note("flags", False, "%s %d" % (name, uid))
            return
        words = real_words(out[0]) if out else []
        got = acl_set(dict(zip(words[3::2], words[4::2])))
        self.note("access lists", got == acl_set(entry["acl"]), "%s: %s, not %s" % (name, got, acl_set(entry["acl"])))
        self.messages(name, now, box, entry)

    def messages(self, name, now, box, entry):
        acl, owner = entry["acl"] or {}, box["owner"]
        users = {u for u in [owner, *box["seen"]] if u and u != "anyone" and self.known(u) and may_read(acl, u)}
        if not users or split_domain(name)[1].startswith("DELETED."):
            # What only administrators see, and what nobody may read: given to the administrator now.
            self.client(accept.ADMIN).ok("SETACL %s %s lr" % (real_cyrus.quoted(self.names.of(accept.ADMIN, now)), accept.ADMIN))
            return self.read_as(accept.ADMIN, name, now, {**box, "seen": {}}, True)
        for number, user in enumerate(sorted(users, key=lambda u: u != owner)):
            self.read_as(user, name, now, box, number == 0)
        return None

    def known(self, user):
        """A user may log in; in virtual domains others' mailboxes have no name for him."""
        return user == accept.ADMIN or any(user_of(n) == user for n in self.before.entries)

    def read_as(self, user, name, now, box, first):
        if user != accept.ADMIN and user != box["owner"] and split_domain(name)[0] != user.partition("@")[2]:
            return
        client = self.client(user)
        out, answer = client.command("EXAMINE " + real_cyrus.quoted(self.names.of(user, now)))
        good = answer.startswith(b"OK")
        if good and first and b"[UIDVALIDITY %d]" % box["uidvalidity"] not in b" ".join(out):
            self.missing.append("messages: %s: another UIDVALIDITY" % name)
            good = False
        items = "UID FLAGS INTERNALDATE" + (" BODY.PEEK[]" if first else "")
        got = client.messages(items) if good and b"* 0 EXISTS" not in out else {}
        seen = box["seen"].get("anyone" if box["shared"] else user, set())
        wrong = []
        for uid, (sha1, flags, date, _) in box["messages"].items():
            there = got.get(uid)
            now_flags = set(there["FLAGS"].strip(b"()").decode("utf-8", "surrogateescape").split()) if there else set()
            if first:
                same = there and accept.internal_date(there["INTERNALDATE"]) == date and \
                    (sha1 is None or hashlib.sha1(body(there)).hexdigest() == sha1)
                self.note("messages", same, "%s %d as %s: %s" % (name, uid, user, answer.decode() if not good else bool(there)))
                self.note("flags", there and now_flags - {"\\Recent", "\\Seen"} == flags, "%s %d: %s, not %s" % (name, uid, now_flags, flags))
            if there is None or ("\\Seen" in now_flags) != (uid in seen):
                wrong.append(uid)
        if box["messages"] and box["seen"]:
            self.note("seen", not wrong, "%s of %s: UIDs %s" % (name, user, wrong[:8]))
        extra = sorted(set(got) - set(box["messages"]))
        if extra and first:
            self.missing.append("messages: %s: %s were not there before" % (name, extra[:8]))

    def limits(self):
        for root, resources in sorted(self.before.quota.items()):
            out, answer = self.client(accept.ADMIN).command("GETQUOTA " + real_cyrus.quoted(self.names.of(accept.ADMIN, root)))
            got = {}
            for line in out:
                inner = re.search(rb"\(([^()]*)\)\s*$", line)
                words = inner.group(1).split() if inner else []
                got.update({RESOURCES[words[i].decode()]: int(words[i + 2]) for i in range(0, len(words), 3)})
            want = {short: limit for short, (_, limit) in resources.items() if limit is not None}
            self.note("quota", answer.startswith(b"OK") and got == want, "%s: %s %s, not %s" % (root, answer.decode(), got, want))

    def subscriptions(self, user):
        if not self.known(user):
            return
        out = self.client(user).ok('LSUB "" "*"')
        got = {x.rpartition(b' "')[2].rstrip(b'"') if x.endswith(b'"') else x.rpartition(b" ")[2]
               for x in out if b"LSUB" in x and b"\\Noselect" not in x.partition(b")")[0]}
        for name in sorted(self.before.subscribed[user]):
            if split_domain(name)[0] != user.partition("@")[2]:
                continue
            if name not in self.before.entries:
                continue                                 # a folder that is gone: no server of 3.x shows it
            want = self.names.of(user, name).encode("utf-8", "surrogateescape")
            self.note("subscriptions", want in got or b"user" == want, "%s of %s" % (name, user))

    def annotations(self):
        store = Store(self.root)
        after = anylist.active(anylist.read(os.path.join(store.confdir, "mailboxes.db")))
        got = annotations(os.path.join(store.confdir, "annotations.db"), {e["uniqueid"]: n for n, e in after.items()})
        for key, value in sorted(self.before.annotations.items()):
            where = self.renamed.get(key[0], key[0])
            self.note("annotations", got.get((where, *key[1:])) == value, "%s %s of %r" % key)


def body(got):
    for key, value in got.items():
        if key.startswith("BODY["):
            return literal(value)
    return b""


def literal(value):
    """The octets of a string as FETCH gave it."""
    if value.startswith(b"{"):
        return value.partition(b"\r\n")[2]
    return value.strip(b'"').replace(b'\\"', b'"').replace(b"\\\\", b"\\")


def real_words(line):
    """The words of a response, literals and quoted strings opened."""
    out, at = [], 0
    while at < len(line):
        if line[at:at + 1] == b" ":
            at += 1
            continue
        end = real_cyrus.value_end(line, at)
        out.append(literal(line[at:end]).decode("utf-8", "surrogateescape"))
        at = end
    return out
