"""The stores and golden files that real Cyrus 3.6.1 wrote (tests/data), unpacked once, and parsers of its tools' output."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(os.path.dirname(HERE), "data")
STORES = ("default", "classic", "virt", "skiplist", "modern", "versions")
RESOURCES = {"STORAGE": "S", "MESSAGE": "M", "X-ANNOTATION-STORAGE": "AS", "X-NUM-FOLDERS": "NF"}
HOME = "/srv/cyrus"                                      # where the archives say that they lie


def scratch_base():
    """A directory for scratch copies: CYRKIT_SCRATCH, else tmpfs where there is one, else the usual place."""
    given = os.environ.get("CYRKIT_SCRATCH")
    if given:
        os.makedirs(given, exist_ok=True)
        return given
    if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 1 << 30:
        return "/dev/shm"
    return tempfile.gettempdir()


class Scratch:
    """A scratch directory, removed at the end; unpacks each store and its golden files once and hands out copies."""

    def __init__(self, keep=False):
        self.keep = keep
        self.top = tempfile.mkdtemp(prefix="cyrkit-matrix.", dir=scratch_base())

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))      # so that a stopped test leaves nothing behind
        return self

    def __exit__(self, *_):
        if not self.keep:
            shutil.rmtree(self.top, ignore_errors=True)

    def unpack(self, archive, to):
        os.makedirs(to)
        zstd = subprocess.Popen(["zstd", "-dcq", os.path.join(DATA, "stores", archive)], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-C", to, "--no-same-owner", "-xf", "-"], stdin=zstd.stdout, check=True)
        if zstd.wait():
            raise RuntimeError("%s cannot be unpacked" % archive)

    def golden(self, store):
        """The directory with the golden files (intact/, damaged/)."""
        path = os.path.join(self.top, store + ".golden")
        if not os.path.isdir(path):
            self.unpack(store + ".golden.tar.zst", path)
        return path

    def pristine(self, store):
        """The intact store, with its paths rewritten; not to be changed."""
        path = os.path.join(self.top, store)
        if not os.path.isdir(path):
            self.unpack(store + ".tar.zst", path + ".new")
            os.rename(path + ".new", path)
        return os.path.join(path, "cyrus")

    def copy(self, store, name):
        """A copy of the intact store that knows its own place; hard links and times as in the archive."""
        to = os.path.join(self.top, "copies", name)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        subprocess.run(["cp", "-a", self.pristine(store), to], check=True)
        rewrite(to)
        return to


def rewrite(root):
    """Let etc/imapd.conf and etc/cyrus.conf speak of ROOT, and make the directories that were not packed."""
    rewrite_from(root, HOME)
    for folder in ("run/lock", "run/proc"):
        os.makedirs(os.path.join(root, folder), exist_ok=True)


def rewrite_from(root, home):
    for name in ("imapd.conf", "cyrus.conf"):
        path = os.path.join(root, "etc", name)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(home, root))


def transcript(path):
    """[(command, output, exit code)] of a golden file with '$ command' and '# exit N' lines; output is octets."""
    with open(path, "rb") as f:
        data = f.read()
    return [(c.decode("utf-8", "surrogateescape"), out, code.decode()) for c, out, code in
            re.findall(rb"^\$ (.*)\n((?s:.*?))^# exit (.*)\n", data, re.M)]


def target(path):
    """target.txt: {'mailbox', 'dir', 'meta', 'quota'}; quota is None for a root that is no file."""
    with open(path, encoding="utf-8") as f:
        out = dict(line.rstrip("\n").split(" ", 1) for line in f)
    return {**out, "quota": None if out["quota"] == "None" else out["quota"]}


RECORD = re.compile(rb"^\d{6}> UID:(\d+) +INT_DATE:(\d+) SENTDATE:(\d+) SAVEDATE:(\d+) SIZE:(\d+) *\n"
                    rb" +> HDRSIZE:(\d+) +LASTUPD :(\d+) SYSFLAGS:([0-9A-Fa-f]{8}) +> CACHEVER:(\d+)"
                    rb"(?: GUID:([0-9a-f]{40}))?(?: MODSEQ:(\d+))?(?: +THRID: (\w+))?\n"
                    rb" +> INTERNALFLAGS:(.*)\n +> USERFLAGS: (\w+) (\w+) (\w+) (\w+)\n", re.M)
FIELDS = ("uid", "internaldate", "sentdate", "savedate", "size", "header_size", "last_updated")
HEADER = (("path", rb"Path to mailbox: (.*)"), ("acl", rb"Mailbox ACL: (.*)"), ("uniqueid", rb"Unique ID: (.*)"),
          ("flags", rb"User Flags: (.*)"), ("generation_no", rb"Generation Number: (\d+)"),
          ("minor_version", rb"Minor Version: (\d+)"), ("exists", rb"Number of Messages: (\d+)"),
          ("quota_mailbox_used", rb"Mailbox Size: (\d+)"), ("quota_annot_used", rb"Annotations Size: (\d+)"),
          ("last_appenddate", rb"Last Append Date: \((\d+)\)"), ("uidvalidity", rb"UIDValidity: (\d+)"),
          ("last_uid", rb"Last UID: (\d+)"), ("deleted", rb"Deleted: (\d+)"), ("answered", rb"Answered: (\d+)"),
          ("flagged", rb"Flagged: (\d+)"), ("pop3_last_login", rb"Last POP3 Login: \((\d+)\)"),
          ("highestmodseq", rb"Highest Mod Sequence: (\d+)"))


def mbexamine(text):
    """{external name: {header fields, 'records': {uid: fields}}} of what mbexamine printed (octets)."""
    out = {}
    for part in re.split(rb"^Examining ", text, flags=re.M)[1:]:
        name, _, rest = part.partition(b"...")
        box = {"records": {}}
        for key, pattern in HEADER:
            found = re.search(pattern, rest)
            if found:
                value = found.group(1).decode("utf-8", "surrogateescape")
                box[key] = int(value) if pattern.endswith((rb"(\d+)", rb"(\d+)\)")) else value
        for found in RECORD.finditer(rest):
            g = found.groups()
            record = dict(zip(FIELDS, map(int, g[:7])))
            record.update(system_flags=int(g[7], 16), cache_version=int(g[8]), guid=g[9].decode() if g[9] else None,
                          modseq=int(g[10] or 0), cid=int(g[11] or b"0", 16), internal=g[12].decode(),
                          user_flags=tuple(int(x, 16) for x in reversed(g[13:17])))
            box["records"][record["uid"]] = record
        out[name.decode("utf-8", "surrogateescape")] = box
    return out


def quota_report(text):
    """{external root: {resource: (used, limit or None)}} in the units of the report (KiB for storage)."""
    out = {}
    for line in text.decode("utf-8", "surrogateescape").split("\n"):
        found = re.match(r"^(.{17})\s*(\d+) +([A-Z-]+) (.+)$", line)
        if found:
            limit = found.group(1).split()
            out.setdefault(found.group(4), {})[found.group(3)] = (int(found.group(2)), int(limit[0]) if limit else None)
    return out
