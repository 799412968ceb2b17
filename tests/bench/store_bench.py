#!/usr/bin/env python3
"""Times what our tools do to whole stores against the real Cyrus 3.6.1, in turn, in one run; scripts/bench-store calls it.

  store_bench.py --ours build/release/bin --oracle build/oracle --work DIRECTORY [--rows WORD] [--rounds 5]
                 [--quota-mailboxes 10000] [--list-mailboxes 100000] [--entries 1000000]

quota -f: mailboxes and a fifth as many quota roots, all of them right, then all of them wrong. reconstruct -m: the list is lost; it
is measured against `find` and reading every cyrus.header and cyrus.index, since 3.6.1 cannot do it. ctl_mboxlist -d: a list of
that many mailboxes. The stores are made from one mailbox of tests/data/stores/default, which 3.6.1 wrote: headers and indexes are
written for each mailbox, messages and caches are links to the same few files. Figures are medians of wall-clock seconds after one
run that is not counted; a ratio is the median of the rounds' ratios; MiB is the most memory that a process had, and not below what this script itself needs.
"""
import argparse
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "matrix"))
import mailboxfile  # noqa: E402

TEMPLATE = os.path.join(os.path.dirname(HERE), "data/stores/default.tar.zst")
TEMPLATE_NAME = "user.fred.New Name"
FOLDERS = ["", "Sent", "Drafts", "Trash", "Work"]
LINKS = 30000                                            # ext4 has room for 65000 a file
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def program(a, side, name):
    return [os.path.join(a.ours, name)] if side == "ours" else [os.path.join(a.oracle, "run"), name]


class Template:
    """One mailbox of real Cyrus, to be copied under other names."""

    def __init__(self, scratch):
        subprocess.run(["tar", "-I", "zstd", "-xf", TEMPLATE, "-C", scratch], check=True)
        for folder, _, names in os.walk(scratch):
            if "cyrus.header" in names:
                with open(os.path.join(folder, "cyrus.header"), "rb") as f:
                    header = mailboxfile.read_header(f.read())
                if header["name"] == TEMPLATE_NAME:
                    break
        else:
            sys.exit("%s has no mailbox %s" % (TEMPLATE, TEMPLATE_NAME))
        with open(os.path.join(folder, "cyrus.index"), "rb") as f:
            self.index = bytearray(f.read())
        self.flags = " ".join(x for x in header["flags"] if x)
        self.shared = {n: os.path.join(folder, n) for n in names if n == "cyrus.cache" or n.endswith(".")}
        fields = mailboxfile.decode(mailboxfile.HEADER_FIELDS, self.index, 0, 17)
        self.validity, self.modseq = fields["uidvalidity"], fields["highestmodseq"]
        self.used, self.messages, self.annotations = (fields[x] for x in ("quota_mailbox_used", "exists", "quota_annot_used"))
        self.links = 0

    def write(self, directory, name, uniqueid, root, owner):
        os.makedirs(directory)
        header = mailboxfile.MAGIC + ("%%(T e N %s I %s Q %s A %%(%s lrswipkxtecdan) U (%s))\n" % (name, uniqueid, root, owner, self.flags)).encode()
        # the index holds the checksum of the header, and one of its own
        struct.pack_into(">I", self.index, 96, zlib.crc32(header))
        struct.pack_into(">I", self.index, 156, zlib.crc32(self.index[:156]))
        for file, content in (("cyrus.header", header), ("cyrus.index", self.index)):
            with open(os.path.join(directory, file), "wb") as f:
                f.write(content)
        self.links += 1
        for file, path in self.shared.items():
            to = os.path.join(directory, file)
            if self.links % LINKS == 0:
                shutil.copy2(path, to)
                self.shared[file] = to
            else:
                os.link(path, to)


class Store:
    """Mailboxes, their list and quota roots; the databases are made by cvt_cyrusdb from text."""

    def __init__(self, a, top, mailboxes):
        self.a, self.top, self.random = a, top, random.Random(1)
        self.conf = top + "/etc/imapd.conf"
        for name in ("etc", "spool", "run/lock", "run/proc", "config/socket", "config/proc", "config/db", "config/quota"):
            os.makedirs(os.path.join(top, name))
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write("configdirectory: {0}/config\ndefaultpartition: default\npartition-default: {0}/spool\nsievedir: {0}/sieve\n"
                    "proc_path: {0}/run/proc\nmboxname_lockpath: {0}/run/lock\nservername: mail.example.org\nadmins: cyrus\n"
                    "quota_db: quotalegacy\nsyslog_facility: local7\n".format(top))
        self.boxes = []
        for number in range(mailboxes):
            user, folder = "user%06d" % (number // len(FOLDERS)), FOLDERS[number % len(FOLDERS)]
            uniqueid = "".join(self.random.choices(ALPHABET, k=24))
            self.boxes.append(("user." + user + ("." + folder if folder else ""), uniqueid, "user." + user, user))

    def fill(self, template):
        for name, uniqueid, root, owner in self.boxes:
            template.write(os.path.join(self.top, "spool/uuid", uniqueid[0], uniqueid[1], uniqueid), name, uniqueid, root, owner)

    def write_list(self, validity, modseq):
        rows = []
        for name, uniqueid, _, owner in self.boxes:
            name = name.replace(".", "\x1f")
            rest = "P default V %d C 1 F %d M 1700000000 A %%(%s lrswipkxtecdan)" % (validity, modseq, owner)
            rows += ["N%s\t%%(T e I %s %s)\n" % (name, uniqueid, rest), "I%s\t%%(T e N %s %s H ())\n" % (uniqueid, name, rest)]
        rows.sort(key=lambda row: row[:row.index("\t")].encode())
        self.database("mailboxes.db", rows)

    def database(self, name, rows):
        flat = self.top + "/config/rows.flat"
        with open(flat, "w", encoding="ascii") as f:
            f.writelines(rows)
        path = "%s/config/%s" % (self.top, name)
        subprocess.run(program(self.a, "ours", "cvt_cyrusdb") + ["-C", self.conf, flat, "flat", path, "twoskip"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.unlink(flat)

    def write_quotas(self, template, wrong):
        """One root a user, as the files that 3.6.1 has by default."""
        folders = {}
        for _, _, root, _ in self.boxes:
            folders[root] = folders.get(root, 0) + 1
        for root, count in folders.items():
            used = [template.used * count, template.messages * count, template.annotations * count, count]
            if wrong:
                used = [used[0] + 4096, used[1] + 1, used[2], used[3]]
            path = "%s/config/quota/%s/%s" % (self.top, root[5], root)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as f:
                f.write("%%(S (%d 999999) M (%d) AS (%d) NF (%d) MODSEQ 1)\n" % tuple(used))

    def hand_over(self, below=""):
        if os.getuid() == 0:
            subprocess.run(["chown", "-R", "nobody", self.top + below], check=True)


class Timer:
    def __init__(self, a):
        self.a = a
        self.late = []

    def once(self, command, expected=(0,)):
        """(wall seconds, processor seconds, MiB)"""
        start = time.monotonic()
        with open(os.devnull, "r+b") as null:
            process = subprocess.Popen(command, stdin=null, stdout=null, stderr=null)
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in expected:
            sys.exit("%s: exit status %d" % (" ".join(command), process.returncode))
        return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

    def row(self, title, ours, other, target, before=lambda: None, expected=(0,)):
        """`target`: how many times faster than the other we are to be; below 1: how much slower we may be."""
        if self.a.rows not in title:
            return
        times = {"ours": [], "other": []}
        for turn in range(self.a.rounds + 1):
            for side, command in (("ours", ours), ("other", other))[::1 if turn % 2 == 0 else -1]:
                before()
                figures = self.once(command, expected if side == "ours" else (0,))
                if turn > 0:
                    times[side].append(figures)
        median = {side: [statistics.median(x[k] for x in t) for k in (0, 1)] for side, t in times.items()}
        ratio = statistics.median(o[0] / max(m[0], 1e-6) for m, o in zip(times["ours"], times["other"]))
        memory = {side: max(x[2] for x in t) for side, t in times.items()}
        met = ratio >= target
        print("%-44s %9.3f %9.3f %8.2f %8.2f  %-6s %9.3f %9.3f %7.0f %7.0f" % (
            title, median["ours"][0], median["other"][0], ratio, target, "met" if met else "missed", median["ours"][1],
            median["other"][1], memory["ours"], memory["other"]), flush=True)
        if not met:
            self.late.append(title)


def quota_rows(a, timer, top, template):
    if not any(a.rows in x for x in ("quota -f, right", "quota -f, wrong")):
        return
    store = Store(a, top, a.quota_mailboxes)
    store.fill(template)
    store.write_list(template.validity, template.modseq)
    ours, real = (program(a, side, "quota") + ["-C", store.conf, "-f", "-q"] for side in ("ours", "real"))
    for title, wrong in (("quota -f, right", False), ("quota -f, wrong", True)):
        def before(wrong=wrong):
            shutil.rmtree(top + "/config/undo.", ignore_errors=True)
            store.write_quotas(template, wrong)
            store.hand_over("/config/quota")
        store.hand_over()
        timer.row("%s: %d mailboxes, %d roots" % (title, len(store.boxes), len(store.boxes) // len(FOLDERS)), ours, real, 10, before)


def rebuild_rows(a, timer, top, template):
    if not any(a.rows in x for x in ("reconstruct -m -n, the plan", "reconstruct -m")):
        return
    store = Store(a, top, a.list_mailboxes)
    store.fill(template)
    store.write_quotas(template, False)      # the list is what is wrong, and nothing else
    store.hand_over()
    command = program(a, "ours", "reconstruct") + ["-C", store.conf, "-q", "-m"]
    read = ["sh", "-c", "find '%s/spool' \\( -name cyrus.header -o -name cyrus.index \\) -print0 | xargs -0 cat | wc -c" % top]

    def before():
        for name in ("config", "spool"):
            shutil.rmtree("%s/%s/undo." % (top, name), ignore_errors=True)
        for name in ("mailboxes.db", "mailboxes.db.NEW"):
            if os.path.exists("%s/config/%s" % (top, name)):
                os.unlink("%s/config/%s" % (top, name))
    for title, words in (("reconstruct -m -n, the plan", ["-n", "--json"]), ("reconstruct -m", [])):
        timer.row("%s: %d mailboxes" % (title, len(store.boxes)), command + words, read, 1 / 3, before, (0, 2))


def dump_rows(a, timer, top, template):
    if a.rows not in "ctl_mboxlist -d":
        return
    store = Store(a, top, a.entries)
    store.write_list(template.validity, template.modseq)
    store.hand_over()
    ours, real = (program(a, side, "ctl_mboxlist") + ["-C", store.conf, "-d"] for side in ("ours", "real"))
    timer.row("ctl_mboxlist -d: %d entries" % a.entries, ours, real, 4)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--ours", required=True)
    ap.add_argument("--oracle", required=True)
    ap.add_argument("--work", help="directory for the stores (default: where TMPDIR says)")
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--quota-mailboxes", type=int, default=10000)
    ap.add_argument("--list-mailboxes", type=int, default=100000)
    ap.add_argument("--entries", type=int, default=1000000)
    ap.add_argument("--rows", default="", help="only rows whose title has this in it")
    a = ap.parse_args()
    a.oracle, a.ours = os.path.abspath(a.oracle), os.path.abspath(a.ours)
    timer = Timer(a)
    with tempfile.TemporaryDirectory(dir=a.work) as scratch:
        os.chmod(scratch, 0o755)
        kind = subprocess.run(["stat", "-f", "-c", "%T", scratch], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        print("in %s (%s), %d processors, medians of %d rounds" % (os.path.dirname(scratch), kind, os.cpu_count(), a.rounds))
        print("%-44s %9s %9s %8s %8s  %-6s %9s %9s %7s %7s" % ("wall seconds; processor seconds; MiB", "ours", "other", "ratio", "target", "",
                                                         "ours", "other", "ours", "other"), flush=True)
        os.mkdir(scratch + "/template")
        template = Template(scratch + "/template")
        for number, rows in enumerate((quota_rows, rebuild_rows, dump_rows)):
            top = "%s/store%d" % (scratch, number)
            rows(a, timer, top, template)
            shutil.rmtree(top, ignore_errors=True)
    print("missed: %s" % (", ".join(timer.late) if timer.late else "nothing"))


if __name__ == "__main__":
    main()
