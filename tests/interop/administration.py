#!/usr/bin/env python3
"""Administration with and without a server: the same commands through the real imapd 3.6.1 and, on another copy of the
store, through format/store; every database, header, index, quota and directory has to be the same afterwards, but for
times and random ids; then the real tools find nothing to say about ours and the real imapd lists it.

  administration.py --driver PROGRAM [--store NAME ...] [--commands FILE] [--keep]
"""
import argparse
import os
import re
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "matrix"))
import cyrusdb  # noqa: E402
import golden  # noqa: E402
import mailboxfile  # noqa: E402
import oracle as real_cyrus  # noqa: E402

# Commands with '/' between the names of a user and '.' for none; {d} is the domain that the store puts behind names.
COMMON = r"""
cyrus CREATE user/newbie
cyrus CREATE user/newbie/a/b/c
newbie CREATE {n}Trash (USE (\Trash))
newbie CREATE {n}Bin (USE (\Trash))
newbie CREATE {n}Odd (USE (\Nosuch))
newbie CREATE {n}x^y/z
cyrus SETACL user/newbie/a anyone lrs
cyrus SETACL user/newbie/a anyone +p
cyrus SETACL user/newbie/a/b newbie ""
cyrus SETACL user/newbie/a/b/c -ted lr
cyrus SETACL user/newbie/a/b/c ted lrsq
cyrus SETACL user/newbie/a/b/c group:nosuchgroup lrs
cyrus SETACL user/newbie/a/b/c Ted lrx
cyrus SETACL user/newbie/a/b/c ted -r
newbie SETACL {i} newbie ""
newbie SETACL {i} anyone lrs
newbie SETACL {i} anyone ""
cyrus SETQUOTA user/newbie (STORAGE 1000 MESSAGE 50)
cyrus SETQUOTA user/newbie/a (STORAGE 10 X-NUM-FOLDERS 20)
cyrus SETQUOTA user/newbie (X-ANNOTATION-STORAGE 7)
cyrus SETQUOTA user/newbie ()
cyrus SETQUOTA user/nosuch (STORAGE 1)
cyrus SETQUOTA user/newbie (BADRESOURCE 1)
newbie SUBSCRIBE {n}x^y/z
newbie SUBSCRIBE {n}nosuch
newbie SUBSCRIBE {n}a/b
newbie UNSUBSCRIBE {n}x^y/z
newbie SETMETADATA {n}Trash (/private/comment "mine")
newbie SETMETADATA {n}Trash (/private/specialuse NIL)
newbie SETMETADATA {i} (/private/specialuse "\\Sent")
cyrus SETMETADATA user/newbie (/shared/vendor/cmu/cyrus-imapd/expire "30")
cyrus SETMETADATA user/newbie (/shared/vendor/cmu/cyrus-imapd/expire "thirty")
cyrus SETMETADATA user/newbie (/private/vendor/cmu/cyrus-imapd/expire "30")
cyrus SETMETADATA user/newbie (/shared/vendor/cmu/cyrus-imapd/sharedseen "true")
cyrus SETMETADATA user/newbie (/shared/vendor/cmu/cyrus-imapd/pop3showafter " 1-Jan-2020 00:00:00 +0000")
cyrus SETMETADATA user/newbie (/shared/vendor/cmu/cyrus-imapd/duplicatedeliver "true")
cyrus SETMETADATA user/newbie (/shared/vendor/cmu/cyrus-imapd/news2mail "news@example.org")
cyrus SETMETADATA user/newbie (/shared/vendor/cmu/cyrus-imapd/sieve "main")
cyrus SETMETADATA user/newbie (/shared/vendor/cmu/cyrus-imapd/squat "true")
cyrus SETMETADATA user/newbie (/shared/vendor/cmu/cyrus-imapd/size "1")
cyrus SETMETADATA user/newbie (/shared/comment "for all")
cyrus SETMETADATA user/newbie (/shared/comment "for all")
cyrus SETMETADATA user/newbie (/private/comment "the administrator's")
cyrus SETMETADATA "" (/shared/comment "hello")
cyrus SETMETADATA "" (/shared/motd "welcome")
cyrus SETMETADATA "" (/shared/vendor/cmu/cyrus-imapd/expire "90")
newbie SETMETADATA "" (/shared/comment "no")
newbie RENAME {n}x^y {n}v^w
newbie RENAME {n}v^w/z {n}deep/er/z
newbie RENAME {n}nosuch {n}other
newbie RENAME {n}a {n}v^w
cyrus CREATE user/newbie/a
cyrus CREATE user/nobody/x
cyrus CREATE user/newbie/bad!name
cyrus CREATE user/newbie/q nosuchpartition
newbie CREATE {n}more default
newbie DELETE {n}a/b
newbie DELETE {n}a/b/c
newbie CREATE {n}a/b/c
newbie DELETE {i}
newbie DELETE {n}Trash
newbie RENAME {n}a {n}aa
cyrus DELETE user/newbie/aa/b/c
cyrus CREATE pub
cyrus CREATE pub/x/y
cyrus SETACL pub/x ted lrsk
cyrus RENAME pub pub2
cyrus SETQUOTA pub2 (STORAGE 100)
cyrus RENAME pub2/x/y pub2/yy
cyrus DELETE pub2/x
cyrus SETACL pub2/x cyrus x
cyrus DELETE pub2/x
cyrus CREATE pub2/x
cyrus RENAME user/newbie/aa user/newbie/aa default
cyrus RENAME user/newbie pub3
cyrus RENAME user/newbie user/oldie
cyrus CREATE user/newbie
cyrus CREATE user/oldie/late
oldie SUBSCRIBE {n}late
cyrus DELETE user/oldie
cyrus SETACL user/oldie cyrus x
cyrus DELETE user/oldie
cyrus CREATE user/oldie
cyrus SETACL {old} cyrus +x
cyrus SETQUOTA {old} (STORAGE 90000 X-NUM-FOLDERS 500)
cyrus RENAME {old} user/renamed
cyrus SETACL user/renamed ted +x
renamed RENAME {n}Work {n}Play
cyrus DELETE user/renamed
cyrus CREATE user/mover
cyrus CREATE user/mover/a/b
cyrus CREATE user/taker
cyrus SETQUOTA user/mover (STORAGE 100 X-NUM-FOLDERS 50)
cyrus SETQUOTA user/taker (STORAGE 100)
cyrus SETMETADATA user/mover/a (/shared/comment "counts")
cyrus RENAME user/mover/a user/mover/x/y
cyrus RENAME user/mover/x/y user/taker/mine
cyrus RENAME user/taker user/keeper
"""
# Store, options instead of its own, what stands for {n} {i} {old}, more commands.
CASES = [
    ("default", [], {"n": "", "i": "INBOX", "old": "user/fred"}, ""),
    ("default", ["delete_mode: immediate"], {"n": "", "i": "INBOX", "old": "user/fred"}, ""),
    ("modern", [], {"n": "", "i": "INBOX", "old": "user/fred"}, ""),
    ("classic", [], {"n": "INBOX/", "i": "INBOX", "old": "user/fred"}, "cyrus RENAME user/mona user/moni"),
    ("virt", [], {"n": "", "i": "INBOX", "old": "user/sheila"}, """
cyrus CREATE user/p2er p2
cyrus CREATE user/p2er/x
cyrus RENAME user/p2er user/p2er default
cyrus RENAME user/p2er/x user/p2er/y p2
cyrus CREATE user/newbie@example.org
cyrus CREATE user/newbie/a/b@example.org
cyrus SETACL user/newbie@example.org ted@example.org lr
cyrus SETACL user/newbie@example.org ted lr
cyrus SETQUOTA user/newbie@example.org (STORAGE 1000)
cyrus SETACL user/newbie@example.org cyrus x
newbie@example.org CREATE mine/too
newbie@example.org SUBSCRIBE mine/too
cyrus RENAME user/newbie@example.org user/moved@example.net
cyrus DELETE user/moved@example.net
"""),
]
COUNTERS = ("highest mail caldav carddav notes mailfolders caldavfolders carddavfolders notesfolders quota racl submission "
            "submissionfolders").split()
SKIPPED = ("config/statuscache.db", "config/deliver.db", "config/tls_sessions.db", "config/db", "config/proc", "config/socket")
NO_TIMES = {"header_crc", "header_file_crc"}
ANNOTATION = re.compile(rb"^(?:[^\0]*\0){3}$")


class Different(Exception):
    pass


def octets(path):
    with open(path, "rb") as f:
        return f.read()


def index_facts(path):
    header, records = mailboxfile.read_index(octets(path))
    facts = {"header": {k: v for k, v in header.items() if k not in NO_TIMES}}
    facts["records"] = [{k: v for k, v in r.items() if k != "record_crc"} for r in records]
    return facts


def counters_facts(data):
    words = struct.unpack_from(">II35QI", data)
    return {"generation": words[0], **dict(zip(COUNTERS, words[2:])), "rest": words[2 + len(COUNTERS):37],
            "uidvalidity": words[37]}


def database_facts(path):
    if octets(path).startswith(b"SQLite"):
        return octets(path)
    kind, records = cyrusdb.read(path)
    return {b"kind": kind, **dict(records)}


def file_facts(path, name):
    if "/quota/" in path:
        return octets(path)
    if name == "cyrus.header":
        return octets(path)[len(mailboxfile.MAGIC):]
    if name == "cyrus.index":
        return index_facts(path)
    if name == "counters.db" or name.endswith(".counters"):
        return counters_facts(octets(path))
    if name.endswith((".db", ".sub", ".seen", ".conversations")) or name == "cyrus.annotations":
        return database_facts(path)
    return octets(path)


def facts_of(root):
    """{path: facts} of everything but logs, locks and what may be lost."""
    out = {}
    for folder, folders, names in os.walk(root):
        below = os.path.relpath(folder, root)
        folders[:] = [d for d in folders if os.path.normpath(os.path.join(below, d)) not in ("run", "etc") + SKIPPED]
        out[below] = "directory"
        for name in names:
            path = os.path.normpath(os.path.join(below, name))
            if path not in SKIPPED:
                full = os.path.join(folder, name)
                out[path] = os.readlink(full) if os.path.islink(full) else file_facts(full, name)
    return out


class Plain:
    """Facts without times and random ids: an id is the name of the mailbox that has it, a time one that the run made."""

    def __init__(self, root, since):
        self.since = since
        self.names = {}
        _, records = cyrusdb.read(os.path.join(root, "config/mailboxes.db"))
        for key, value in records:
            found = re.match(rb"%\(T \S+ N (\"[^\"]*\"|\S+)", value) if key.startswith(b"I") else None
            if found:
                self.names[key[1:]] = b"<" + self.stamp(found.group(1).strip(b'"')) + b">"
        self.ids = re.compile(b"|".join(re.escape(i) for i in sorted(self.names)))
        self.shards = {b"uuid/%c/%c/%s" % (i[0], i[1], i): b"uuid/" + n for i, n in self.names.items()}

    def stamp(self, text):
        return re.sub(rb"(DELETED[\x1f./][^\"()\n]*?[\x1f./])([0-9A-F]{8})(?![0-9A-Za-z])", self.fresh, text)

    def fresh(self, match):
        return match.group(1) + (b"STAMP" if int(match.group(2), 16) >= self.since else match.group(2))

    def octets(self, data):
        data = self.ids.sub(lambda m: self.names[m.group()], data) if self.names else data
        data = self.stamp(data)
        return re.sub(rb"(?<![0-9])1[78]\d{8}(?![0-9])", self.time, data)

    def time(self, match):
        return b"TIME" if int(match.group()) >= self.since else match.group()

    def path(self, path):
        data = path.encode("utf-8", "surrogateescape")
        for long, short in self.shards.items():
            data = data.replace(long, short)
        return self.stamp(data) if b"DELETED" in data else data

    def any(self, value):
        if isinstance(value, bytes):
            return self.octets(value)
        if isinstance(value, dict):
            out = {self.any(k): self.any(v) for k, v in value.items()}
            return out
        if isinstance(value, (list, tuple)):
            return [self.any(v) for v in value]
        if isinstance(value, str):
            return self.octets(value.encode("utf-8", "surrogateescape"))
        if isinstance(value, int) and value >= self.since and value < 1 << 32:
            return "TIME"
        return value

    def everything(self, facts):
        out = {}
        for path, value in facts.items():
            if re.search(r"/uuid(/.(/.)?)?$", path) and value == "directory":
                continue                                         # shards of random ids
            out[self.path(path)] = self.any(value)
        return out


def differences(ours, theirs, path=""):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        out = []
        for key in sorted(set(ours) | set(theirs), key=repr):
            out += differences(ours.get(key, "nothing"), theirs.get(key, "nothing"), "%s %s" % (path, key))
        return out
    return [] if ours == theirs else ["%s\n    real %r\n    ours %r" % (path, theirs, ours)]


class Copies:
    """Copies of a store, with other options and accounts for the users; the password of all is "secret"."""

    def __init__(self, scratch, name, store, options, users):
        self.scratch, self.name, self.store = scratch, name, store
        self.options, self.users = options, users
        self.oracle = real_cyrus.Oracle(scratch)

    def copy(self, kind):
        root = self.scratch.copy(self.store, self.name + "." + kind)
        path = os.path.join(root, "etc/imapd.conf")
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines()
        names = {option.split(":")[0] for option in self.options}
        lines = [line for line in lines if line.split(":")[0] not in names] + [o.format(root=root) for o in self.options]
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        for user in self.users:
            name, _, realm = user.partition("@")
            subprocess.run(["saslpasswd2", "-p", "-c", "-f", os.path.join(root, "etc/sasldb2"), "-u",
                            realm or "mail.example.org", name], input=b"secret", check=True)
        self.oracle.hand_over(root)
        return root


class Case:
    def __init__(self, scratch, number, store, options, words, more):
        self.store, self.words = store, words
        self.commands = [self.spell(line) for line in (COMMON + more).split("\n") if line]
        self.copies = Copies(scratch, "%s.%d" % (store, number), store, options, sorted({c.split()[0] for c in self.commands}))
        self.oracle = self.copies.oracle

    def spell(self, line):
        line = re.sub(r"\{(\w+)\}", lambda m: self.words[m.group(1)], line)
        if self.store != "classic":
            return line.replace("^", ".")
        who, _, rest = line.partition(" ")
        head, mark, tail = rest.partition(" (")                  # values keep their slashes
        return "%s %s%s%s" % (who, head.replace("/", "."), mark, tail)

    def through_server(self, root):
        answers, clients = [], {}
        with real_cyrus.Server(self.oracle, root) as server:
            for line in self.commands:
                user, _, command = line.partition(" ")
                if user not in clients:
                    clients[user] = real_cyrus.Client(server.port, user)
                answers.append(clients[user].command(command)[1].decode("utf-8", "replace"))
            for client in clients.values():
                client.close()
        return answers

    def without(self, root, driver):
        conf = os.path.join(root, "etc/imapd.conf")
        text = "".join(line + "\n" for line in self.commands).encode()
        got = subprocess.run([driver, conf], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=300)
        if got.returncode:
            raise Different("%s: exit %d: %s" % (driver, got.returncode, got.stderr.decode("utf-8", "replace")))
        self.oracle.hand_over(root)
        return got.stdout.decode("utf-8", "replace").splitlines()

    def run(self, driver):
        theirs, ours = self.copies.copy("real"), self.copies.copy("ours")
        wanted, got = self.through_server(theirs), self.without(ours, driver)
        wrong = []
        for line, real, mine in zip(self.commands, wanted, got):
            if real[:2] != mine[:2] and not (real.startswith("BAD") and mine.startswith("NO")):
                wrong.append("%s\n    real %s\n    ours %s" % (line, real, mine))
            elif mine.startswith("NO ") and re.sub(r"^\w+ (\[\w+\] )?(Subscribe: )?", "", real).lower() != mine[3:].lower():
                wrong.append("%s\n    real %s\n    ours %s" % (line, real, mine))
        since = int(os.stat(os.path.join(theirs, "run/services.conf")).st_mtime) - 60
        facts = [Plain(root, since).everything(facts_of(root)) for root in (ours, theirs)]
        wrong += [text for text in differences(*facts) if not explained(text)]
        wrong += self.accepted(ours)
        return wrong

    def accepted(self, root):
        """What the real tools say about ours that they do not say about an untouched store."""
        wrong = []
        for words in (["reconstruct", "-n"], ["quota"]):
            code, output = self.oracle.run(root, *words)
            if code:
                wrong.append("real %s: exit %d: %s" % (" ".join(words), code, output[-300:]))
        with real_cyrus.Server(self.oracle, root) as server:
            client = real_cyrus.Client(server.port, "cyrus")
            for line in client.ok('LIST "" "*"'):
                found = re.match(rb'\* LIST \((.*?)\) "." (.*)$', line)
                if found and b"DELETED" not in found.group(2) and b"NonExistent" not in found.group(1):
                    name = found.group(2).decode("utf-8", "surrogateescape")
                    _, answer = client.command("GETQUOTAROOT %s" % name)
                    if not answer.startswith(b"OK"):
                        wrong.append("real imapd: GETQUOTAROOT %s: %s" % (name, answer))
            client.close()
        return wrong


# Where ours leaves something else, with the reason. Each is one difference as it is printed.
EXPLAINED = (
    # The user is gone at once (delete_mode: immediate): 3.6.1 leaves what was below him as names that have children only,
    # of which none is there any more; ours leaves tombstones of all.
    re.compile(r"mailboxes\.db.*real b'%\(T ed?i .*ours b'%\(T ed ", re.S),
    re.compile(r"mailboxes\.db.*b'Npub.*real b'%\(T ed I \w+ .*ours b'%\(T ed I \w+ ", re.S),  # a tombstone's own id
    # The database of CalDAV and CardDAV, which 3.6.1 opens and counts that; ours copies it.
    re.compile(r"\.dav'\n"),
    # A directory that is empty after a mailbox went to another partition: 3.6.1 leaves two of those levels.
    re.compile(r"real b'directory'\n *ours 'nothing'"),
)


def explained(text):
    return any(pattern.search(text) for pattern in EXPLAINED)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", required=True)
    parser.add_argument("--store", action="append")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    real_cyrus.gate()
    failed = 0
    with golden.Scratch(options.keep) as scratch:
        for number, (store, conf, words, more) in enumerate(CASES):
            if options.store and store not in options.store:
                continue
            wrong = Case(scratch, number, store, conf, words, more).run(options.driver)
            failed += bool(wrong)
            print("%s %s: %s" % (store, " ".join(conf), "same" if not wrong else "%d differences" % len(wrong)))
            for text in wrong:
                print("  " + text)
        if options.keep:
            print(scratch.top)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
