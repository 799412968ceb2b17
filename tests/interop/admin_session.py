#!/usr/bin/env python3
"""One session of cyradm three ways: through the real imapd 3.6.1, offline (--local), and through our imapd under our master,
each on its own copy of a store. What cyradm prints has to be the same, and so have all databases, headers, indexes, quota
roots, subscriptions, seen states and directories afterwards, but for times and random ids (administration.Plain). Then the
real Cyrus opens all three: its tools and its imapd say of ours what they say of its own, and log nothing.

  admin_session.py --bin DIR [--only CASE ...] [--short] [--keep] [-v]
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "matrix"))
import administration  # noqa: E402
import golden  # noqa: E402
import live_server  # noqa: E402
import oracle as real_cyrus  # noqa: E402

# Name, store, options instead of its own, the user that is renamed and the one that is deleted.
CASES = (
    ("default", "default", (), "fred", "leena"),
    ("classic", "classic", (), "fred", "leena"),
    ("virt", "virt", (), "tjs", "sheila"),
    ("modern", "modern", (), "fred", "leena"),
    ("immediate", "default", ("delete_mode: immediate",), "fred", "leena"),
)
WAYS = ("real", "local", "served")

# What cyradm prints otherwise than through the real server: ways, command, what of it is not compared, why.
EXPLAINED = (
    (("local",), r"^xfer ", r"(?s).*", "only a server transfers"),
    (("local",), r"^lm --specialuse", r"(?s).*", "offline the special uses of the owners are shown; a server shows those of who asks"),
    (("local",), r"^lm ", r" \\(?:Drafts|Sent|Junk|Trash|Archive)\b", "the same"),
)
# What the real tools say of ours and not of their own, and why.
OPENED_EXPLAINED = (
    # A user who is gone at once (delete_mode: immediate) leaves a tombstone, as any mailbox does; 3.6.1 leaves in its place
    # a name that only has children, of which none is there (administration.EXPLAINED), and its list shows no such names.
    re.compile(r'real ctl_mboxlist -d: "user\.[^"]*": .*"mbtype": "ed", "acl": \{\}'),
    re.compile(r"real ctl_mboxlist -v: 'user\.[^']*' has a DB entry but no directory on partition '\(null\)'"),
)
# What differs from run to run, besides what administration.Plain knows.
CHANGING = (
    (re.compile(r"([/.])[0-9A-F]{8}(?=[\s@/.)\"]|$)", re.M), r"\1STAMP"),
    (re.compile(r"lastupdate: .*"), "lastupdate: TIME"),
    (re.compile(r"(freespace|total|most): [\d;]+"), r"\1: SPACE"),
    (re.compile(r" +$", re.M), ""),
)


def sections(path):
    """[(user, cases or none for all, [commands])]"""
    out = []
    with open(path, encoding="utf-8") as f:
        for line in f.read().splitlines():
            if line.startswith("== "):
                user, *cases = line[3:].split()
                out.append((user, cases, []))
            elif line and not line.startswith("#"):
                out[-1][2].append(line)
    return out


class Way:
    """A copy of the store, and how cyradm gets at it."""

    def __init__(self, session, kind):
        self.session, self.kind = session, kind
        self.root = session.copies.copy(kind)
        self.conf = os.path.join(self.root, "etc/imapd.conf")
        self.answers = []                                        # (command, what was printed)

    def run(self, parts):
        self.answers = []
        if self.kind == "local":
            self.all_parts(parts, [], lambda user: ["--local", self.conf, *(["-u", user] if user != "cyrus" else [])])
            self.session.copies.oracle.hand_over(self.root)
            return
        house = self.session.copies.oracle if self.kind == "real" else self.session.ours
        with real_cyrus.Server(house, self.root) as server:
            login = ["--allow-plaintext", "-u", "cyrus", "--password-file", self.session.password]
            self.all_parts(parts, ["127.0.0.1", str(server.port)], lambda user: login + (["-z", user] if user != "cyrus" else []))

    def all_parts(self, parts, server, options):
        for user, cases, commands in parts:
            words = [self.spell(line, user, lambda pattern: self.names(options("cyrus"), server, pattern)) for line in commands]
            printed = self.cyradm(options(user), server, words)
            if len(printed) != len(words):
                raise administration.Different("%s: %d answers to %d commands" % (self.kind, len(printed), len(words)))
            self.answers += zip(commands, printed)

    def cyradm(self, options, server, commands):
        script = os.path.join(self.session.top, "script")
        with open(script, "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in commands))
        done = subprocess.run([self.session.cyradm, "--norc", "--keep-going", "--echo", *options, "-f", script, *server],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120,
                              env={**os.environ, "COLUMNS": "1", "TZ": "UTC", **self.session.as_nobody})
        text = done.stdout.decode("utf-8", "backslashreplace")
        prompt = re.search(r"^\S+> ", text, re.M)
        if not prompt:
            raise administration.Different("%s: exit %d, %s" % (self.kind, done.returncode, text[-500:]))
        parts = re.split("^" + re.escape(prompt.group()), text, flags=re.M)[1:]
        return [part.partition("\n")[2] for part in parts if part.strip()]

    def names(self, options, server, pattern):
        return self.cyradm(options, server, ["lm -one-per-line '%s'" % pattern])[0].splitlines()

    def spell(self, line, user, names):
        line = line.replace("{old}", self.session.old).replace("{gone}", self.session.gone).replace("{p}", self.session.partition)
        line = re.sub(r"\{DELETED <(.*?)>\}", lambda m: self.deleted(m.group(1), names), line)
        return re.sub(r"<(.*?)>", lambda m: "'%s'" % self.mailbox(m.group(1), user), line)

    def deleted(self, name, names):
        found = names(self.mailbox("DELETED/" + name + "/%", "cyrus"))
        return "'%s'" % max((n for n in found if re.search(r"[/.][0-9A-F]{8}$", n)), default="nosuch")

    def mailbox(self, name, user):
        if name.startswith("~"):
            own = name[2:]
            if self.kind == "local":
                local, _, domain = user.partition("@")
                name = "user/%s/%s%s" % (local, own, "@" + domain if domain else "")
            else:
                name = own if self.session.alternate else "INBOX/" + own
        return name if self.session.store != "classic" else name.replace(".", "^").replace("/", ".")


class Session:
    def __init__(self, scratch, case, options, parts):
        self.name, self.store, conf, self.old, self.gone = case
        self.top, self.parts = scratch.top, parts
        self.partition = "p2" if self.store == "virt" else "two"
        self.alternate = self.store != "classic"
        more = () if self.store == "virt" else ("partition-two: {root}/two",)
        self.copies = administration.Copies(scratch, self.name, self.store, (*conf, *more), sorted({part[0] for part in parts}))
        self.ours = real_cyrus.Ours(scratch, options.bin)
        self.cyradm = os.path.join(self.ours.programs, "cyradm")
        self.as_nobody = self.ours.environment
        self.password = os.path.join(scratch.top, "password")
        with open(self.password, "w", encoding="utf-8") as f:
            f.write("secret\n")
        os.chmod(self.password, 0o600)
        self.ways = {kind: Way(self, kind) for kind in WAYS}

    def compare(self, verbose):
        since = int(time.time()) - 60
        parts = [part for part in self.parts if not part[1] or self.name in part[1]]
        wrong, plains = self.compared(WAYS, parts, since, verbose)
        wrong += self.opened(plains)
        return wrong + self.compared(WAYS[1:], [part for part in self.parts if "ours" in part[1]], since, verbose)[0]

    def compared(self, kinds, parts, since, verbose):
        """The session in these ways; what differs from the first."""
        ways = [self.ways[kind] for kind in kinds]
        for way in ways:
            way.run(parts)
        plains = {way.kind: administration.Plain(way.root, since) for way in ways}
        wrong = self.printed(plains, verbose)
        facts = [plains[way.kind].everything(administration.facts_of(way.root)) for way in ways]
        for kind, found in list(zip(kinds, facts))[1:]:
            wrong += ["%s: %s" % (kind, text) for text in administration.differences(found, facts[0])
                      if not administration.explained(text)]
        return wrong, plains

    def printed(self, plains, verbose):
        wrong = []
        for answers in zip(*(self.ways[kind].answers for kind in plains)):
            shown = [self.steady(plain, text) for plain, (_, text) in zip(plains.values(), answers)]
            if verbose:
                print("%s\n%s" % (answers[0][0], "\n".join("    " + line for line in shown[0].splitlines())))
            for kind, text in list(zip(plains, shown))[1:]:
                if self.comparable(kind, answers[0][0], text) != self.comparable(kind, answers[0][0], shown[0]):
                    wrong.append("%s: %s\n    real %r\n    ours %r" % (kind, answers[0][0], shown[0], text))
        return wrong

    @staticmethod
    def steady(plain, text):
        text = plain.octets(text.encode()).decode("utf-8", "replace")
        for pattern, word in CHANGING:
            text = pattern.sub(word, text)
        return text

    @staticmethod
    def comparable(kind, command, text):
        for ways, pattern, rest, _ in EXPLAINED:
            if kind in ways and re.search(pattern, command):
                text = re.sub(rest, "", text)
        lines = text.splitlines()                                # 3.6.1 tells of a name in two domains twice
        return [line for at, line in enumerate(lines) if at == 0 or line != lines[at - 1]]

    def opened(self, plains):
        """What the real Cyrus says of ours and not of its own."""
        wrong = []
        said = {kind: self.judge(way.root, plains[kind]) for kind, way in self.ways.items()}
        for kind in WAYS[1:]:
            for what, lines in said[kind].items():
                wrong += ["%s: real %s: %s" % (kind, what, line) for line in lines if line not in said["real"][what]]
                wrong += ["%s: real %s: missing: %s" % (kind, what, line) for line in said["real"][what] if line not in lines]
        return [text for text in wrong if self.name != "immediate" or not any(known.search(text) for known in OPENED_EXPLAINED)]

    def judge(self, root, plain):
        out = {}
        log = live_server.Log()
        try:
            for words in (["ctl_mboxlist", "-d"], ["ctl_mboxlist", "-v"], ["reconstruct", "-n"], ["quota"]):
                code, text = self.copies.oracle.run(root, *words)
                out[" ".join(words)] = ["exit %d" % code, *self.lines(plain, text.replace(root.encode(), b"ROOT"))]
            out["imapd"] = self.lines(plain, b"\n".join(self.asked(root)))
            time.sleep(0.2 if log.socket else 0)
            out["log"] = self.lines(plain, "\n".join(log.complaints()).replace(root, "ROOT").encode())
        finally:
            log.close()
        return out

    @staticmethod
    def lines(plain, text):
        text = re.sub(rb'"(?:uidvalidity|foldermodseq|createdmodseq)": "?\d+"?', b"N", plain.octets(text))
        return text.decode("utf-8", "replace").splitlines()

    def asked(self, root):
        """LIST, GETACL, GETQUOTAROOT, GETMETADATA of everything, by the real imapd."""
        said = []
        with real_cyrus.Server(self.copies.oracle, root) as server:
            client = real_cyrus.Client(server.port, "cyrus")
            rows = client.ok('LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE)')
            for row in rows + client.ok('LSUB "" "*"'):
                said.append(row)
            for row in rows:
                found = re.match(rb'\* LIST \((.*?)\) "." (.*)$', row, re.S)
                if found and b"NonExistent" not in found.group(1):
                    name = found.group(2).decode("utf-8", "surrogateescape")
                    for command in ("GETACL %s", "GETQUOTAROOT %s", 'GETMETADATA (DEPTH infinity) %s ("/shared" "/private")'):
                        lines, answer = client.command(command % name)
                        said += [line for line in lines if b"lastupdate" not in line] + [answer[:2] + name.encode("utf-8", "replace")]
            client.close()
        return said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of our programs")
    parser.add_argument("--only", action="append", help="a case: " + ", ".join(case[0] for case in CASES))
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("-v", action="store_true", help="print what each command prints through the real server")
    options = parser.parse_args()
    real_cyrus.gate()
    parts = sections(os.path.join(HERE, "admin_session.txt"))
    failed = 0
    os.environ["CYRUS_SYSLOG_PREFIX"] = live_server.PREFIX
    with golden.Scratch(options.keep) as scratch:
        for case in CASES:
            if options.only and case[0] not in options.only:
                continue
            session = Session(scratch, case, options, parts)
            wrong = session.compare(options.v)
            failed += bool(wrong)
            print("%s: %d commands three ways: %s" %
                  (case[0], len(session.ways["real"].answers), "same" if not wrong else "%d differences" % len(wrong)), flush=True)
            for text in wrong:
                print("  " + text)
            if not options.keep:
                shutil.rmtree(os.path.join(scratch.top, "copies"), ignore_errors=True)
        if options.keep:
            print(scratch.top)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
