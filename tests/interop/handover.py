#!/usr/bin/env python3
"""One store by turns under the real Cyrus 3.6.1 and under our master, imapd and lmtpd. Each turn first has to show what the
turn before left: every mailbox of every user and of the administrator as IMAP shows it, down to modseqs and the octets of the
messages. Then it works: appends, flags, expunges, copies, moves, renames, deletions, ACLs, quotas, metadata, subscriptions,
users made, renamed and deleted, LMTP deliveries. After each turn the real reconstruct -n and quota -f have nothing to say.
A second copy of the store that the real one serves all the time gets the same work, and has to answer and to look the same.

  handover.py --bin DIR [--store NAME ...] [--rounds N] [--keep]
"""
import argparse
import datetime
import difflib
import email.utils
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "matrix"))
import golden  # noqa: E402
import live_server  # noqa: E402
import oracle as real_cyrus  # noqa: E402

STORES = ("default", "classic", "virt", "skiplist", "modern", "versions")
ADMIN = "cyrus"
ITEMS = "UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE EMAILID SAVEDATE"

# What is otherwise from one server, or one second, to the next; only where two copies of the store are compared.
NOISE = (
    (re.compile(rb" MODSEQ \(\d+\)"), b""),
    (re.compile(rb"HIGHESTMODSEQ \d+"), b"HIGHESTMODSEQ"),
    (re.compile(rb"UIDVALIDITY \d+"), b"UIDVALIDITY"),
    (re.compile(rb"MAILBOXID \([^)]*\)"), b"MAILBOXID"),
    (re.compile(b'(INTERNALDATE|SAVEDATE) "[^"]*%d[^"]*"' % datetime.date.today().year), rb"\1"),
    (re.compile(rb" RFC822\.SIZE \d+"), b""),
    (re.compile(rb" EMAILID \([^)]*\)"), b""),
    (re.compile(rb"STORAGE \d+"), b"STORAGE"),
    (re.compile(rb"SIZE \d+"), b"SIZE"),
    (re.compile(rb"([/.])[0-9A-F]{8}(?=[\s@/.)\"]|$)"), rb"\1STAMP"),
    (re.compile(rb"(APPENDUID|COPYUID) \d+"), rb"\1"),
    (re.compile(rb"\(\d+\.\d+ secs?( \d+ calls)?\)| in \d+\.\d+ secs"), b""),
    (re.compile(rb"SESSIONID=<[^>]*>"), b"SESSIONID"),
)


class Handover(Exception):
    pass


def quoted(name):
    return real_cyrus.quoted(name)


class Account:
    """A user's connection, and the names as this store writes them."""

    def __init__(self, server, store, user):
        self.server, self.store, self.user = server, store, user
        self.client = real_cyrus.Client(server.port, user)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def own(self, name):
        """A folder of the user; parts divided by '/'."""
        name = name if self.store.alternate else "INBOX/" + name
        return quoted(name if self.store.slash else name.replace("/", "."))

    def ok(self, text):
        return self.client.ok(text)

    def say(self, text):
        """Both parts of an answer as lines."""
        try:
            out, answer = self.client.command(text)
        except RuntimeError:                             # it gave up the connection
            self.client.close()
            self.client = real_cyrus.Client(self.server.port, self.user)
            return [b"(closed)"]
        return [*out, answer]

    def append(self, mailbox, *messages):
        """(flags, date or "", message) each, all in one APPEND."""
        text = "APPEND " + mailbox
        for flags, date, data in messages:
            text += " (%s)%s {%d+}\r\n%s" % (flags, ' "%s"' % date if date else "", len(data.encode()), data)
        self.ok(text)


class Store:
    """What is fixed about a store: its separator, its users."""

    def __init__(self, name, root):
        self.name = name
        with open(os.path.join(root, "etc/imapd.conf"), encoding="utf-8") as file:
            conf = dict(re.match(r"([^:]*): *(.*)", line).groups() for line in file if ":" in line)
        self.slash = conf.get("unixhierarchysep", "yes") == "yes"
        self.alternate = conf.get("altnamespace", "yes") == "yes"
        self.separator = "/" if self.slash else "."
        self.users = []

    def learn(self, server):
        with Account(server, self, ADMIN) as admin:
            for line in admin.ok('LIST "" %s' % quoted("*" if self.name == "virt" else "user" + self.separator + "%")):
                found = re.match(rb'\* LIST \(.*?\) "." "?user[/.]([^/"@]+)(@[^/"]+)?"?$', line)
                if found and b"oselect" not in line:
                    self.users.append(b"".join(part or b"" for part in found.groups()).decode())
        self.users.sort()

    def inbox(self, user):
        """As administrators name it."""
        local, _, domain = user.partition("@")
        local = local if self.slash else local.replace(".", "^")
        return "user" + self.separator + local + ("@" + domain if domain else "")

    def below(self, user, name):
        local, at, domain = self.inbox(user).partition("@")
        return local + self.separator + name + at + domain


# What IMAP shows.

def digest(line):
    """Literals of a FETCH by what they hold, without the trace that a delivery leaves."""
    def short(match):
        text = match.group(2)
        text = re.sub(rb"\A(?:(?:Return-Path|Received|X-Cyrus-Session-Id|X-Sieve):[^\n]*\n(?:[ \t][^\n]*\n)*)+", b"", text)
        return b"BODY[] " + hashlib.sha1(text).hexdigest().encode() + b")"
    return re.sub(rb"(?s)BODY\[\] \{(\d+)\}\r\n(.*)\)\Z", short, line)


def mailboxes(account):
    """{name as sent: attributes}, \\Noselect ones not."""
    out = {}
    for line in account.ok('LIST "" "*"'):
        found = re.match(rb"(?s)\* LIST \((.*?)\) \".\" (.*)\Z", line)
        if found and b"\\No" not in found.group(1):
            out[found.group(2)] = found.group(1)
    return out


def seen_by(server, store, user):
    """{what was asked: [lines]} of everything that a user sees; nothing is changed by it."""
    out = {}
    with Account(server, store, user) as account:
        account.ok("ENABLE CONDSTORE")
        for text in ('LIST "" "*"', 'LIST (SUBSCRIBED) "" "*" RETURN (CHILDREN)', 'LIST "" "*" RETURN (SPECIAL-USE)', "NAMESPACE"):
            out[text] = sorted(set(account.ok(text)))
        if user == ADMIN:
            out["server"] = sorted(account.say('GETMETADATA (DEPTH infinity) "" ("/shared/comment" "/private/comment")'))
        for name in mailboxes(account):
            mailbox = name.decode("utf-8", "surrogateescape")
            if mailbox.startswith("{"):
                continue
            for text in ("MYRIGHTS", "GETACL", "GETQUOTAROOT"):
                out["%s %s" % (text, mailbox)] = sorted(account.client.command("%s %s" % (text, mailbox))[0])
            # In an index that it took back to an older version 3.6.1 counts expunged messages, too, and remembers old counts.
            if store.name != "versions":
                out["STATUS " + mailbox] = account.client.command(
                    "STATUS %s (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ SIZE)" % mailbox)[0]
            # One at a time: of several 3.6.1 shows those too that were not asked for.
            out["METADATA " + mailbox] = [line for entry in ("/shared/comment", "/private/comment")
                                          for line in account.client.command("GETMETADATA %s %s" % (mailbox, entry))[0]]
            lines, answer = account.client.command("EXAMINE " + mailbox)
            out["EXAMINE " + mailbox] = [re.sub(rb" Ok.*|SESSIONID.*", b"", line) for line in lines
                                         if not re.match(rb"\* OK \[(CLOSED|URLMECH|ANNOTATIONS)", line)]
            if answer.startswith(b"OK"):
                items = ITEMS + (" BODY.PEEK[]" if user != ADMIN and whole(store, user, name) else "")
                out["FETCH " + mailbox] = [digest(line) for line in account.ok("UID FETCH 1:* (%s)" % items)]
                account.ok("UNSELECT")
    return out


def whole(store, user, name):
    """The octets of the user's own messages, and not of the mailbox with two thousand."""
    other = re.match(rb'"?(user|Other Users|Shared Folders|archive|bb|info|Public)\b', name)
    return not other and b"Big" not in name


def snapshot(server, store, users):
    return {user: seen_by(server, store, user) for user in users}


def plain(shot):
    """Without what differs between two copies of a store."""
    def clean(line):
        for pattern, other in NOISE:
            line = pattern.sub(other, line)
        return line
    return {user: {clean(what.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape"): [clean(line) for line in lines]
                   for what, lines in asked.items()} for user, asked in shot.items()}


def differences(before, after, most=6):
    out = []
    for user in sorted({*before, *after}):
        old, new = before.get(user, {}), after.get(user, {})
        for what in sorted({*old, *new}):
            a = [repr(line)[2:-1] for line in old.get(what, [])]
            b = [repr(line)[2:-1] for line in new.get(what, [])]
            if a != b:
                lines = [line[:400] for line in difflib.unified_diff(a, b, lineterm="", n=0) if line[:3] not in ("---", "+++")]
                out.append("%s, %s:\n    %s" % (user, what, "\n    ".join(lines[:most] + ["..."] * (len(lines) > most))))
    return out


# The work of a turn.

def mail(tag, size=3):
    body = "".join("%s: line %d\r\n" % (tag, n) for n in range(size))
    return ("From: Ann <ann@example.org>\r\nTo: bovik@example.org\r\nSubject: %s\r\nMessage-ID: <%s@handover.example.org>\r\n"
            "Date: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            "%sEntw\u00fcrfe\r\n" % (tag, tag, email.utils.formatdate(1700000000), body))


MULTIPART = ("From: ann@example.org\r\nTo: (nobody)\r\nSubject: =?utf-8?q?two_parts?= {tag}\r\nMIME-Version: 1.0\r\n"
             "Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\npreamble\r\n--=_b\r\nContent-Type: text/plain\r\n\r\none\r\n"
             "--=_b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text\r\n--=_b\r\n"
             "Content-Type: application/octet-stream; name*=utf-8''%C3%A9.bin\r\nContent-Disposition: attachment\r\n"
             "Content-Transfer-Encoding: base64\r\n\r\nAAECAwQ=\r\n--=_b--\r\n")


class Work:
    """Everything by a number, so that another server can be told to do the same."""

    def __init__(self, server, store, turn):
        self.server, self.store, self.turn = server, store, turn
        self.said = []                                   # (command, last word of the answer)

    def run(self):
        for user in self.store.users[:3]:
            with Account(self.server, self.store, user) as account:
                self.messages(account)
                self.folders(account)
                self.rights(account, self.store.users[3])
        with Account(self.server, self.store, self.store.users[3]) as guest:
            self.guest(guest)
        with Account(self.server, self.store, ADMIN) as admin:
            self.administer(admin)
        self.deliver()
        return self.said

    def do(self, account, text):
        lines = account.say(text)
        # 3.6.1 tells of flags after .SILENT, too, and not of \\Seen in an index that has no modseqs.
        unsure = "SILENT" in text or (self.store.name == "versions" and text.startswith("STORE"))
        if self.store.name == "versions":                # nor of the modseq there
            lines = [re.sub(rb"^OK \[HIGHESTMODSEQ \d+\] ", b"OK ", line) for line in lines]
        left = (b"* OK", b"* FLAGS", *([b"* %d FETCH" % n for n in range(99)] if unsure else []))
        self.said.append((account.user + ": " + text[:100], [line for line in lines if not line.startswith(left)]))

    def messages(self, account):
        hand = account.own("Hand%d" % self.turn)
        self.do(account, "CREATE " + hand)
        tag = "%s-%d" % (account.user, self.turn)
        account.append(hand, ("\\Seen $Hand%d" % self.turn, "15-Mar-2021 12:34:56 +0200", mail(tag + "-1")),
                       ("\\Draft \\Answered", "", mail(tag + "-2", 200)))
        account.append(hand, ("", "", MULTIPART.replace("{tag}", tag)))
        account.append(hand, ("\\Deleted", "", mail(tag + "-4")), ("\\Flagged", "", mail(tag + "-5")), ("", "", mail(tag + "-6")))
        for text in ("SELECT INBOX", "STORE 1:3 +FLAGS (\\Flagged $Turn%d)" % self.turn, "STORE 2,4 -FLAGS (\\Seen)",
                     "STORE 5 FLAGS (\\Seen Other)", "STORE %d +FLAGS.SILENT (\\Answered)" % (6 + self.turn),
                     "COPY 1:2 " + hand, "MOVE 3 " + hand, "STORE 2 +FLAGS (\\Deleted)", "UID EXPUNGE 1:*",
                     "SELECT " + hand, "STORE 1 -FLAGS ($Hand%d)" % self.turn, "EXPUNGE", "UID MOVE 6 INBOX",
                     "STORE 1:* +FLAGS (Kept)", "CLOSE"):
            self.do(account, text)

    def folders(self, account):
        before, name = account.own("Hand%d" % (self.turn - 1)), account.own("Moved/Hand%d" % (self.turn - 1))
        if self.turn % 2:
            self.do(account, "CREATE " + account.own("Tree%d" % self.turn))
            self.do(account, "CREATE " + account.own("Tree%d/a/b" % self.turn))
            account.append(account.own("Tree%d/a/b" % self.turn), ("\\Seen", "", mail("tree")))
            self.do(account, "RENAME %s %s" % (account.own("Tree%d" % self.turn), account.own("Wood%d" % self.turn)))
            self.do(account, "RENAME %s %s" % (before, name))
        else:
            self.do(account, "DELETE " + before)
            self.do(account, "DELETE " + account.own("Wood%d/a/b" % (self.turn - 1)))
            account.append("INBOX", ("", "", mail("again one")), ("\\Seen", "", mail("again two")))
            for n in range(12):
                account.append("INBOX", ("", "", mail("again %d" % n)))
        self.do(account, "SUBSCRIBE " + account.own("Hand%d" % self.turn))
        self.do(account, "UNSUBSCRIBE " + before)
        for entry in ("/private/comment", "/shared/comment"):
            self.do(account, 'SETMETADATA %s (%s "of turn %d")' % (account.own("Hand%d" % self.turn), entry, self.turn))
        self.do(account, 'SETMETADATA INBOX (/private/comment %s)' % ('"now"' if self.turn % 2 else "NIL"))

    def rights(self, account, guest):
        hand = account.own("Hand%d" % self.turn)
        for text in ("SETACL %s anyone p" % hand, "SETACL %s %s lrswite" % (hand, guest), "SETACL %s -%s e" % (hand, guest),
                     "SETACL INBOX %s %s" % (guest, ("lrs", "+w", "-s", "lr", "", "lrswipkxte")[self.turn % 6] or '""'),
                     "DELETEACL %s anyone" % account.own("Work")):
            self.do(account, text)

    def guest(self, account):
        """In the others' new folders: seen states, flags, a message."""
        names = [name.decode("utf-8", "surrogateescape") for name in mailboxes(account) if b"Hand%d" % self.turn in name]
        for name in sorted(names):
            self.do(account, "SELECT " + name)
            for text in ("STORE 1:2 +FLAGS (\\Seen)", "STORE 3 +FLAGS (Guest \\Deleted)", "EXPUNGE", "COPY 1 " + name, "CLOSE"):
                self.do(account, text)
            self.do(account, "SUBSCRIBE " + name)

    def administer(self, admin):
        store, turn, users = self.store, self.turn, self.store.users
        box = lambda user, name="": quoted(store.below(user, name) if name else store.inbox(user))  # noqa: E731
        domain = "@" + users[0].partition("@")[2] if "@" in users[0] else ""
        new, renamed = "new%d%s" % (turn, domain), "renamed%d%s" % (turn, domain)
        shared, deep = "hall%d" % turn, "hall%d%ssub" % (turn, store.separator)
        lines = ["SETQUOTA %s (STORAGE %d MESSAGE 5000)" % (box(users[0]), 100000 + turn),
                 "SETQUOTA %s (STORAGE %d)" % (box(users[1], "Hand%d" % turn), 500 + turn),
                 "SETQUOTA %s ()" % box(users[2]),
                 "CREATE " + quoted(shared), "CREATE " + quoted(deep), "SETACL %s anyone lrswip" % quoted(shared),
                 "SETACL %s %s lrswipkxtea" % (quoted(deep), users[0]), "SETQUOTA %s (STORAGE 1000 MESSAGE 10)" % quoted(shared),
                 "CREATE " + box(new), "CREATE " + box(new, "Sent"), "SETACL %s %s lrs" % (box(new), users[0]),
                 "SETQUOTA %s (STORAGE 7777)" % box(new), "RENAME %s %s" % (box(new), box(renamed)),
                 "SETACL %s %s kxc" % (box(users[2]), ADMIN), "GETQUOTA %s" % box(users[0])]
        if turn > 1:
            gone = "renamed%d%s" % (turn - 1, domain)
            lines += ["SETACL %s %s lrswipkxtecda" % (box(gone), ADMIN), "DELETE " + box(gone),
                      "RENAME %s %s" % (quoted("hall%d" % (turn - 1)), quoted("room%d" % (turn - 1)))]
        for text in lines:
            self.do(admin, text)

    def deliver(self):
        lmtp = live_server.Lmtp(self.server.lmtp)
        users = self.store.users
        everyone = users[:4] + ["nosuch"] + [users[0].replace("@", "+Hand%d@" % self.turn) if "@" in users[0]
                                              else users[0] + "+Hand%d" % self.turn]
        for text, recipients in (("one", users[1:2]), ("all", everyone), ("all", everyone)):
            said = [lmtp.say("MAIL FROM:<ann@example.org>")]
            taken = [lmtp.say("RCPT TO:<%s>" % recipient) for recipient in recipients]
            lmtp.say("DATA")
            lmtp.socket.sendall(mail("delivered-%d-%s" % (self.turn, text)).encode() + b".\r\n")
            said += taken + [lmtp.answer() for answer in taken if answer.startswith("250")]
            self.said.append(("LMTP " + text, [line.strip().encode() for line in said]))
        lmtp.socket.close()


# The chain.

class Chain:
    def __init__(self, scratch, name, options):
        self.name, self.scratch = name, scratch
        self.real, self.ours = real_cyrus.Oracle(scratch), real_cyrus.Ours(scratch, options.bin)
        self.root, self.twin = (scratch.copy(name, name + way) for way in (".handover", ".twin"))
        self.store, self.problems = Store(name, self.root), []
        self.counts = {"answers": 0, "facts": 0}
        for root in (self.root, self.twin):
            with open(os.path.join(root, "etc/imapd.conf"), "a", encoding="utf-8") as conf:
                conf.write("sieve_ignore: yes\n")
            shutil.rmtree(os.path.join(root, "sieve"))   # ours runs no scripts
            os.mkdir(os.path.join(root, "sieve"))
            cache = os.path.join(root, "config/statuscache.db")
            if os.path.exists(cache):                      # which reconstruct -V has made stale in one of them
                os.unlink(cache)
            self.real.hand_over(root)

    def problem(self, what, lines):
        for line in lines[:8]:
            self.problems.append("%s: %s" % (what, line))
            print("FAILED: %s, %s: %s" % (self.name, what, line), flush=True)
        if len(lines) > 8:
            print("        ... and %d more" % (len(lines) - 8))

    def turn(self, house, root, number, last):
        """Serves once: (what was answered, what was seen in the end); LAST has to be seen in the beginning."""
        with live_server.Server(house, root) as server:
            if not self.store.users:
                self.store.learn(server)
            users = [*self.store.users[:5], ADMIN]
            if last is not None:
                found = snapshot(server, self.store, users)
                self.counts["facts"] += sum(len(lines) for asked in found.values() for lines in asked.values())
                self.problem("turn %d begins" % number, differences(last, found))
            said = Work(server, self.store, number).run()
            return said, snapshot(server, self.store, users)

    def said_of(self, root):
        """What the real reconstruct -n and quota -f find in a store; in a copy of it, as -f corrects."""
        out = []
        copy = os.path.join(self.scratch.top, "looked-at")
        subprocess.run(["cp", "-a", root, copy], check=True)
        golden.rewrite_from(copy, root)
        try:
            for words in (["reconstruct", "-n"], ["quota", "-f"]):
                code, output = self.real.run(copy, *words)
                lines = [line for line in output.decode("utf-8", "replace").split("\n") if complains(words[0], line)]
                out += ["real %s: %s" % (" ".join(words), line) for line in lines + ["exit %d" % code] * bool(code)]
        finally:
            shutil.rmtree(copy)
        return out

    def silent(self, what):
        """Of what the real one finds wrong in its own work, it may find the same here."""
        figures = re.compile(r"\d+")
        usual = {figures.sub("N", line) for line in self.said_of(self.twin)}
        self.problem(what, [line for line in self.said_of(self.root) if figures.sub("N", line) not in usual])

    def run(self, rounds):
        last = None
        for number in range(1, 2 * rounds + 1):
            house = self.ours if number % 2 == 0 else self.real
            name = "ours" if house is self.ours else "real"
            said, last = self.turn(house, self.root, number, last)
            other, expected = self.turn(self.real, self.twin, number, None)
            self.counts["answers"] += len(said)
            self.problem("turn %d (%s), answers" % (number, name), differences({"": answers(other)}, {"": answers(said)}))
            self.problem("turn %d (%s), beside the real one" % (number, name), differences(plain(expected), plain(last)))
            self.silent("after turn %d (%s)" % (number, name))
        # At which 3.6.1 itself ends with an assertion, so not in the twin.
        users = [*self.store.users[:5], ADMIN]
        with live_server.Server(self.ours, self.root) as server:
            with Account(server, self.store, users[0]) as account:
                account.ok("RENAME INBOX " + account.own("Old Inbox"))
            last = snapshot(server, self.store, users)
        self.silent("after RENAME INBOX")
        with live_server.Server(self.real, self.root) as server:
            self.problem("in the end", differences(last, snapshot(server, self.store, users)))


def answers(said):
    out = {}
    for number, (command, lines) in enumerate(said):
        out["%03d %s" % (number, command)] = plain({"": {"": lines}})[""][""]
    return out


def complains(program, line):
    """Names of mailboxes alone, and quota's heading, are what both print of a sound store."""
    if program == "quota":
        return "usage was" in line or "rror" in line
    return bool(line.strip()) and not re.fullmatch(r"[^:]*|user\S*|discovered.*", line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--store", nargs="+", default=STORES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    real_cyrus.gate()
    bad = 0
    with golden.Scratch(args.keep) as scratch:
        for name in args.store:
            start = time.monotonic()
            chain = Chain(scratch, name, args)
            chain.run(args.rounds)
            print("%s: %d turns, %d commands answered, %d lines handed over, %d problems, %.0f s" % (
                name, 2 * args.rounds, chain.counts["answers"], chain.counts["facts"], len(chain.problems),
                time.monotonic() - start), flush=True)
            bad += len(chain.problems)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
