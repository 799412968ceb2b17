#!/usr/bin/env python3
"""Our imapd beside that of the real Cyrus 3.6.1: the transcripts of imapd_transcripts.txt run against both, each on its own
copy of the same store, and have to get the same answers, but for what EXPLAINED says. Afterwards the real reconstruct -n has
nothing to say about what ours left.

A transcript is a line "## NAME STORE" and lines "CONNECTION COMMAND"; a connection is a letter, and its first command opens
it. "{}" at the end of a command is a literal: its lines follow, "| " in front; "> " in front is what comes after it. "?"
shows what the server says by itself within a second, "IDLE" and "DONE" are sent as they are."""
import argparse
import difflib
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "matrix"))
import oracle as real  # noqa: E402

TIMEOUT = 60

# Where ours answers otherwise, and why: transcript name and a pattern that a differing line of either side has to match.
EXPLAINED = [
    (r".", r"\[CAPABILITY|^\* CAPABILITY|^\* ID ", "capabilities and identity are our own"),
    (r".", r"\[URLMECH|\[ANNOTATIONS", "no URLAUTH, no ANNOTATE"),
    (r"^list$|^namespaces", r'^\* LIST \(\\Noselect \\HasChildren\) "." DELETED$', "3.6.1 tells of DELETED twice"),
    (r"^list", r'^\* LSUB \(\) "." (INBOX\.)?Gone$', "subscribed, though it is gone (RFC 3501 6.3.9); 3.6.1 hides it"),
    (r"^fetch$", r"THREADID", "RFC 8474: NIL, not (NIL)"),
    (r"^fetch$", r"BINARY\.SIZE|^TAG (OK|NO) .*Completed|UNKNOWN-CTE", "3.6.1 stops at the first part that it cannot decode"),
    (r"^(store|expunge|idle)$", r"FETCH \((FLAGS|MODSEQ)", ".SILENT is silent, and expunged messages are not told of"),
    (r"^expunge$", r"^\* 1 EXPUNGE$", "UID SEARCH may tell of expunges (RFC 3501 7.4.1)"),
    (r"^append$|^namespaces", r"^\* OK \[CLOSED\]|^\* 1 EXPUNGE$", "told when the selected mailbox is deleted, not at the next SELECT"),
    (r"^search$", r"^\* ESEARCH .* UID COUNT 77 MIN", "RFC 5267: MIN is the first in sort order"),
    (r"^search$", r"^\* SEARCH |^TAG OK Completed \(\d+ msgs", "texts of message/* parts are searched, too"),
    (r"^quota$|^rfc9208$", r"^\* BAD Invalid tag", "3.6.1 reads the rest of a refused SETQUOTA as a command"),
    (r"^metadata$", r"/private/vendor/", "3.6.1 lists shared-only entries as private ones, too"),
    (r"^recent$", r"HIGHESTMODSEQ", "3.6.1 counts one more when a guest copies into the mailbox that he has selected"),
    (r'^rights "k"', r"HASCHILDREN|^TAG NO Mailbox does not exist", "who may not look a mailbox up is not told of its children"),
    (r"^rfc3501-parts$", r"^\* 1 FETCH \(BINARY\[2\]|^  BINARY|continued|^\x00|\x05", "BINARY.SIZE comes last with 3.6.1"),
    (r"^rfc3501-parts$", r"FETCH \(BODY\[(0|1\.0)\] NIL\)|^TAG OK Completed \(TIME", "part numbers begin with 1"),
    (r"^rfc3501-sets$", r"^\* SEARCH( 1 2 3 4 5 6 7 8)?$|^TAG OK Completed \([08] msgs", "32-Jan-2024 and 3-Jan-24 are no dates"),
    (r"^rfc", r'^\* LIST \(\\HasNoChildren\) "/" INBOX$', "INBOX is found however the pattern spells it"),
    (r"^rfc", r'^\* LSUB \(\) "/" (Gone|Vegetable/Broccoli)$', "subscribed, though it is gone"),
    (r"^rfc5258$", r'CHILDINFO|^\* LIST \(\\Subscribed .*(INBOX|"Shared Folders/\w+")$', "INBOX first; 3.6.1 says \\NonExistent of what is there"),
    (r"^rfc5258$", r'^\* STATUS "Shared Folders" ', "3.6.1 has numbers for what is no mailbox"),
    (r"^rfc5258$", r"SPECIAL-USE flag conflict", "with [USEATTR] (RFC 6154)"),
    (r"^rfc7162$", r"^\* SEARCH( \(MODSEQ 1\))?$", "3.6.1 has a modseq for no message"),
    (r"^rfc7162$", r"^\* 4 FETCH", ".SILENT is silent"),
    (r"^rfc7162$|^rfc4731", r"^\* ESEARCH ", "MODSEQ stands before ALL"),
    (r"^rfc7162$", r"^\* 1 FETCH \(FLAGS \((\\Deleted)?\) MODSEQ \(1[56]\)\)$", "told during IDLE as soon as it happens"),
    (r"^rfc4731", r"^\* SEARCH|^TAG OK Completed \(\d msgs", "OLDER 0: the number is not 0 (RFC 5032)"),
    (r"^rfc4315", r"^TAG NO No matching messages", "with the time"),
    (r"^rfc4315", r"^\* 9 (EXISTS|RECENT)$|^\* [89] FETCH \(UID [89]\)$", "FETCH is of the messages known when it came; then the new ones are told"),
    (r"^rfc4315", r"^\+ go ahead|^TAG OK \[APPENDUID T 13\]|^TAG NO (Mailbox does not exist|Invalid mailbox name)$", "32-Jul-1996 is no date; no name is no name"),
    (r"^rfc5464$", r"^\* METADATA ", "order; 3.6.1 also lists /private and /shared themselves"),
    (r"^rfc5464$", r"^TAG OK Completed$", "entries with a wildcard, an empty part or a / at the end are refused (RFC 5464 3.2)"),
    (r"^rfc-misc$", r"^TAG OK (NIL|Completed)$", "words of ID"),
    (r"^rfc-misc$", r"^\* STATUS INBOX .*DELETED|^TAG OK Completed$", "STATUS DELETED, of IMAP4rev2"),
    (r"^rfc9208$", r"^TAG NO (Quota root does not exist|Invalid mailbox name)$", "the empty name"),
    (r"^rfc3501-sets$", r"^\* SORT 7 .*8", "i;unicode-casemap (RFC 5051) has A-umlaut beside A"),
    (r"^rfc-misc$", r"THREADID", "RFC 8474: NIL, not (NIL)"),
    (r"^errors$|^rfc", r"^TAG BAD ", "words for missing and wrong arguments"),
]

# What differs from run to run.
NOISE = [
    (re.compile(r"\(\d+\.\d+ secs?( \d+ calls)?\)| in \d+\.\d+ secs\)"), "(TIME)"),
    (re.compile(r"SESSIONID=<[^>]*>"), "SESSIONID=<>"),
    (re.compile(r"MAILBOXID \([^)]*\)"), "MAILBOXID ()"),
    (re.compile(r"UIDVALIDITY \d{10}"), "UIDVALIDITY T"),
    (re.compile(r"(APPENDUID|COPYUID) \d{10}"), r"\1 T"),
    (re.compile(r'INTERNALDATE "[^"]*"'), 'INTERNALDATE "T"'),
    (re.compile(r'SAVEDATE "[^"]*"'), 'SAVEDATE "T"'),
    (re.compile(r"(DELETED[./][^ ]*[./])[0-9A-F]{8}"), r"\1STAMP"),
    (re.compile(r"server ready.*"), "server ready"),
]


class Scratch:
    """A folder of our own, as tests/matrix wants it."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="cyrkit-imapd.")
        os.chmod(self.top, 0o755)


class Connection:
    """An imapd that talks on two pipes."""

    def __init__(self, command, service):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "TZ": "UTC", "CYRUS_SERVICE": service, "CYRUS_ID": "0",
                                             "CYRUS_USER": "nobody", "CYRKIT_LOG": "none"})
        self.pending, self.tag, self.idle_tag = b"", 0, None
        self.line()

    def read(self, timeout):
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        data = os.read(self.process.stdout.fileno(), 1 << 16) if ready else b""
        self.pending += data
        return bool(data)

    def line(self, timeout=TIMEOUT):
        """A response line with its literals; None at the end or after the time."""
        end = time.monotonic() + timeout
        start = 0
        while True:
            at = self.pending.find(b"\r\n", start)
            if at >= 0:
                literal = re.search(rb"\{(\d+)\}$", self.pending[start:at])
                if not literal:
                    line, self.pending = self.pending[:at], self.pending[at + 2:]
                    return line.decode(errors="backslashreplace")
                start = at + 2 + int(literal.group(1))
                if start <= len(self.pending):
                    continue
            if time.monotonic() > end or not self.read(max(0.0, end - time.monotonic())):
                return None

    def send(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def until(self, tag):
        lines = []
        while True:
            line = self.line()
            if line is None:
                return lines + ["(closed)"]
            if line.startswith("+ ") or line.startswith(tag + " "):
                return lines + [line.replace(tag + " ", "TAG ", 1)]
            lines.append(line.replace(tag, "TAG"))

    def command(self, text, literals):
        if text == "?":
            lines = []
            while (line := self.line(1.0)) is not None:
                lines.append(line)
            return lines
        if text == "DONE":
            self.send(b"DONE\r\n")
            return self.until(self.idle_tag)
        self.tag += 1
        tag = "t%d" % self.tag
        if text == "IDLE":
            self.idle_tag = tag
        out = []
        pieces = re.split(r"\{\}", text)
        self.send((tag + " " + pieces[0]).encode())
        for data, after in literals:
            self.send(b"{%d}\r\n" % len(data))
            answer = self.until(tag)
            out += answer
            if not answer[-1].startswith("+"):
                return out
            self.send(data + after.replace("{}", "").encode())
        self.send(b"\r\n")
        return out + self.until(tag)

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass                                         # after LOGOUT, with something not sent yet
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Side:
    """One server on its copy of a store."""

    def __init__(self, scratch, name, store, command):
        self.root = os.path.join(scratch, name, "cyrus")
        os.makedirs(os.path.dirname(self.root))
        subprocess.run(["tar", "-C", os.path.dirname(self.root), "--no-same-owner", "-xf",
                        os.path.join(os.path.dirname(HERE), "data/stores", store + ".tar.zst")], check=True)
        for folder in ("lock", "proc"):
            os.makedirs(os.path.join(self.root, "run", folder), exist_ok=True)
        self.conf = os.path.join(self.root, "etc/imapd.conf")
        with open(self.conf, encoding="utf-8") as file:
            text = file.read().replace("/srv/cyrus", self.root)
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(text + "failedloginpause: 0\n")
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody:", os.path.dirname(self.root)], check=True)
        self.program = command
        self.connections = {}

    def run(self, steps):
        out = []
        for letter, text, literals in steps:
            if letter not in self.connections:
                self.connections[letter] = Connection([*self.program, "-C", self.conf, "-X"], "imap")
            out.append(self.connections[letter].command(text, literals))
        for connection in self.connections.values():
            connection.close()
        self.connections = {}
        return [[clean(line) for line in lines] for lines in out]


def clean(line):
    for pattern, instead in NOISE:
        line = pattern.sub(instead, line)
    return line


def read_transcripts(path):
    out, steps = [], []
    with open(path, encoding="utf-8") as file:
        for raw in file:
            line = raw.rstrip("\n")
            if line.startswith("## "):
                name, store = line[3:].split()
                steps = []
                out.append((name, store, steps))
            elif line.startswith("|"):
                literals = steps[-1][2]
                if not literals or literals[-1][1] is not None:
                    literals.append([b"", None])
                literals[-1][0] += line[2:].encode() + b"\r\n"
            elif line.startswith(">"):
                steps[-1][2][-1][1] = line[1:]
            elif line and not line.startswith("#"):
                letter, _, command = line.partition(" ")
                steps.append((letter, command, []))
    for _, _, steps in out:
        for _, _, literals in steps:
            for literal in literals:
                literal[1] = literal[1] or ""
    return out


def explained(name, line):
    return any(re.search(where, name) and re.search(what, line) for where, what, _ in EXPLAINED)


def compare(name, steps, want, got, verbose):
    bad = 0
    for (letter, command, _), right, ours in zip(steps, want, got):
        if verbose:
            print("%s: %s" % (letter, command), *ours, sep="\n    ")
        lines = [line for line in difflib.ndiff(right, ours) if line[0] in "-+"]
        lines = [line for line in lines if not explained(name, line[2:])]
        if lines:
            bad += 1
            print("%s: %s %s" % (name, letter, command), *("    " + line for line in lines), sep="\n")
    return bad


def findings(oracle, root):
    """What the real reconstruct -n says of a user's mailboxes besides their names: nothing when they are in order."""
    said = []
    for name in ("user.bovik", "user/bovik"):  # one of them is the separator of the store
        status, text = oracle.run(root, "reconstruct", "-n", "-r", name)
        said += ["exit status %d" % status] if status else []
        said += [line for line in text.decode(errors="replace").splitlines() if not line.startswith("user") or ": " in line]
    return said


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True, help="folder of our programs")
    parser.add_argument("--transcripts", default="imapd_transcripts.txt", help="file beside this one")
    parser.add_argument("--only", default="", help="transcripts whose name has this in it")
    parser.add_argument("--ours", action="store_true", help="print what ours says; without the real one")
    parser.add_argument("-v", action="store_true")
    options = parser.parse_args()
    if not options.ours:
        real.gate()
    scratch = Scratch()
    oracle = None if options.ours else real.Oracle(scratch)
    bad = 0
    sides = {}  # by store: the transcripts of a store run one after the other on the same two copies
    try:
        for name, store, steps in read_transcripts(os.path.join(HERE, options.transcripts)):
            if options.only not in name:
                continue
            if store not in sides:
                sides[store] = [Side(scratch.top, store + "-ours", store, [os.path.join(options.bin, "imapd")])]
                if not options.ours:
                    sides[store].append(Side(scratch.top, store + "-real", store, [os.path.join(oracle.home, "run"), "imapd"]))
            answers = [side.run(steps) for side in sides[store]]
            bad += compare(name, steps, answers[-1], answers[0], options.v or options.ours)
        for store, (ours, *theirs) in sides.items():
            for line in findings(oracle, ours.root) if theirs else []:
                bad += 1
                print("%s: real reconstruct -n: %s" % (store, line))
    finally:
        shutil.rmtree(scratch.top, ignore_errors=True)
    print("%d differences" % bad)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
