#!/usr/bin/env python3
"""Our server beside the real Cyrus 3.6.1 and Dovecot 2.3: same machine, same messages, one run, by turns in every row.

usage: server_bench.py --bin BIN --dovecot DIR [--messages N] [--rounds N] [--rows REGEX] [--servers ours,cyrus,dovecot]
                       [--json FILE] [--write FILE] [--eatmydata LIBRARY]

BIN has our programs, DIR is where Dovecot's packages are unpacked; the real Cyrus is where fetch-oracle puts it. Everything lies
in a scratch folder of each server under TMPDIR, which must be a real disk for the rows of deliveries to say anything.
--rows: only rows that match. Medians of the rounds. The ratio is ours to the better of the two others, above 1 when ours is
ahead, whichever direction is better in that row."""
import argparse
import collections
import contextlib
import datetime
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server_messages  # noqa: E402
import server_sites     # noqa: E402
import server_wire      # noqa: E402
from server_wire import Imap, Lmtp, Pop3, at_once, login_once, stuff  # noqa: E402

MAILERS = ["mail%d" % n for n in range(8)]      # who is delivered to
USERS = ["big", "lister", "pop", "idle", *MAILERS]
NAMES = {"ours": "ours", "cyrus": "Cyrus", "dovecot": "Dovecot"}
FILL = 500                                      # messages of one APPEND while the mailboxes are filled
SECONDS, RATE, MEMORY, SYNCS = "s", "/s", "MiB", "syncs"


class Bench:
    def __init__(self, options):
        self.options = options
        self.kinds = options.servers.split(",")
        self.wanted = re.compile(options.rows, re.I)
        self.samples = collections.defaultdict(lambda: collections.defaultdict(list))   # row: server: numbers
        self.units, self.answers, self.notes = {}, collections.defaultdict(dict), []
        self.messages = server_messages.Messages(options.seed)
        self.part = max(options.messages // 10, 1)          # messages that are copied and expunged
        self.few = min(options.messages, 2000)              # in the POP3 mailbox
        self.list_rows = {"LIST of %d" % options.folders: 'LIST "" *', "LSUB": 'LSUB "" *', "LIST %": 'LIST "" %',
                          "LIST of 1,000 with STATUS": 'LIST "" "f00*" RETURN (STATUS (MESSAGES UNSEEN))'}
        self.servers = {}

    # ---- results ----

    def add(self, row, kind, value, unit=SECONDS):
        self.units[row] = unit
        self.samples[row][kind].append(value)

    def wants(self, *rows):
        return any(self.wanted.search(row) for row in rows)

    def turns(self, rows, work, rounds=None):
        """WORK(site, round) for every server in turn, in every round. One that fails is noted and left out of the rest."""
        if not self.wants(*rows):
            return
        failed = set()
        for turn in range(rounds or self.options.rounds):
            for kind in self.kinds:
                if kind in failed:
                    continue
                try:
                    work(self.servers[kind], turn)
                except Exception as problem:         # a row without a number, not a run without a table
                    failed.add(kind)
                    self.note("%s, %s: %s" % (rows[0], NAMES[kind], str(problem)[:300]))
                    if self.options.verbose:
                        traceback.print_exc()
        for row in rows:
            self.show(row)
        self.save()

    def note(self, text):
        self.notes.append(text)
        print("! " + text, flush=True)

    def value(self, row, kind):
        got = self.samples[row].get(kind)
        return statistics.median(got) if got else None

    def ratio(self, row):
        """How far ours is ahead of the better of the others."""
        ours = self.value(row, "ours")
        others = [self.value(row, kind) for kind in self.kinds if kind != "ours" and self.value(row, kind) is not None]
        if ours is None or not others:
            return None
        best = max(others) if self.units[row] == RATE else min(others)
        ahead, behind = (ours, best) if self.units[row] == RATE else (best, ours)
        return ahead / behind if behind else 1.0 if ahead == behind else float("inf")

    def show(self, row):
        if row in self.samples:
            print("%-44s %5s %s %8s" % (row, self.units[row], " ".join(
                "%11s" % shown(self.value(row, kind)) for kind in self.kinds), times(self.ratio(row))), flush=True)

    def save(self):
        if self.options.json:
            with open(self.options.json, "w") as file:
                json.dump({"messages": self.options.messages, "rounds": self.options.rounds, "units": self.units,
                           "samples": self.samples, "notes": self.notes}, file, indent=1)
        if self.options.write:
            remarks = kept_remarks(self.options.write)
            with open(self.options.write, "w", encoding="utf-8") as file:
                file.write(markdown(self) + remarks)

    # ---- preparation ----

    def fill(self):
        """The big mailbox and the one for POP3, by MULTIAPPEND, the flags and dates with them."""
        parts, total = [], 0
        for number in range(self.options.messages):
            parts.append((self.messages.flags(number), self.messages.date(number), self.messages.make(number)))
            total += len(parts[-1][2])
        print("%d messages, median %d octets, mean %d" % (
            len(parts), statistics.median(len(p[2]) for p in parts), total // len(parts)), flush=True)
        for kind in self.kinds:
            site = self.servers[kind]
            for user, count in (("big", len(parts)), ("pop", self.few), ("idle", min(100, self.few)),
                                *((user, 20) for user in MAILERS)):
                with self.imap(site, user) as peer:
                    for first in range(0, count, FILL):
                        peer.fill("INBOX", parts[first:min(first + FILL, count)])
            if self.wants(*self.list_rows):
                self.make_folders(site)

    def make_folders(self, site):
        with self.imap(site, "lister") as peer:
            for n in range(self.options.folders // 100):
                peer.ok("CREATE f%03d" % n)
                for m in range(99):
                    peer.ok("CREATE f%03d/g%03d" % (n, m))

    @staticmethod
    def imap(site, user):
        return Imap(site.ports["imap"], user)

    # ---- deliveries ----

    def deliveries(self):
        count = self.options.deliveries
        numbers = iter(range(10 ** 6, 10 ** 9))      # messages that nobody has yet

        def deliver(site, connections):
            mails = [stuff(self.messages.make(next(numbers))) for _ in range(count)]

            def job(mine):
                with Lmtp(site.ports["lmtp"]) as peer:
                    for n, mail in mine:
                        peer.deliver(MAILERS[n % len(MAILERS)], mail)
            jobs = [list(enumerate(mails))[n::connections] for n in range(connections)]
            return at_once([lambda mine=mine: job(mine) for mine in jobs])

        def appends(site, _):
            mails = [self.messages.make(next(numbers)) for _ in range(count)]
            with self.imap(site, MAILERS[0]) as peer:
                begin = time.perf_counter()
                for mail in mails:
                    peer.append("INBOX", mail)
                self.add("APPEND", site.kind, count / (time.perf_counter() - begin), RATE)

        def multiappend(site, _):
            mails = [("()", self.messages.date(n), self.messages.make(next(numbers))) for n in range(count)]
            with self.imap(site, MAILERS[1]) as peer:
                begin = time.perf_counter()
                peer.fill("INBOX", mails)
                self.add(row_multi, site.kind, count / (time.perf_counter() - begin), RATE)

        row_multi = "MULTIAPPEND of %d, per message" % count
        for connections, row in ((1, "LMTP deliveries, 1 connection"), (8, "LMTP deliveries, 8 connections")):
            self.turns([row], lambda site, _, c=connections, r=row: self.add(r, site.kind, count / deliver(site, c), RATE))
        self.turns(["APPEND"], appends)
        self.turns([row_multi], multiappend)

    # ---- the big mailbox ----

    def selects(self):
        """First ever after it was filled; cold, that is with processes and, where that is allowed, a cache of the disk that
        are new; warm."""
        def measure(site, row):
            with self.imap(site, "big") as peer:
                self.add(row, site.kind, peer.select()[0])

        def cold(site, _):
            site.stop()
            self.drop_caches()
            site.start()
            measure(site, "SELECT, cold")
        self.turns(["SELECT, first ever"], lambda site, _: measure(site, "SELECT, first ever"), rounds=1)
        self.turns(["SELECT, cold"], cold)
        self.turns(["SELECT, warm"], lambda site, _: measure(site, "SELECT, warm"), rounds=2 * self.options.rounds + 1)

    def drop_caches(self):
        os.sync()
        try:
            with open("/proc/sys/vm/drop_caches", "w") as file:
                file.write("1\n")
            self.dropped = True
        except OSError:
            self.dropped = False

    def command(self, row, command, also=(), keep=False):
        """One command in the selected mailbox; the first time apart, because servers learn what to cache from it."""
        def work(site, turn):
            with self.imap(site, "big") as peer:
                peer.select()
                seconds, octets, got = peer.ok(command, keep)
                if turn == 0 and self.options.rounds > 1:
                    self.add(row + ", first", site.kind, seconds)
                else:
                    self.add(row, site.kind, seconds)
                self.answers[row][site.kind] = summary(got) if keep else octets
                for more in also:
                    peer.ok(more)
        self.turns([row + ", first", row] if self.options.rounds > 1 else [row], work)
        answers = self.answers.get(row, {})
        if keep and len(set(answers.values())) > 1:
            self.note("%s: answers differ: %s" % (row, ", ".join("%s %s" % (NAMES[k], a) for k, a in answers.items())))

    def fetches(self):
        for row, items in (("(FLAGS)", "(FLAGS)"), ("(UID FLAGS)", "(UID FLAGS)"), ("ALL", "ALL"), ("ENVELOPE", "ENVELOPE"),
                           ("BODYSTRUCTURE", "BODYSTRUCTURE"), ("four headers", "BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)]"),
                           ("BODY[HEADER]", "BODY.PEEK[HEADER]"), ("BODY[]", "BODY.PEEK[]")):
            self.command("FETCH 1:* " + row, "FETCH 1:* " + items)

    def searches(self):
        middle = datetime.datetime.fromtimestamp(self.messages.seconds(self.options.messages * 3 // 4), datetime.timezone.utc)
        day = "%d-%s-%d" % (middle.day, server_messages.MONTHS[middle.month - 1], middle.year)
        for row, words in (("UNSEEN", "UNSEEN"), ("SINCE", "SINCE " + day), ("SENTSINCE", "SENTSINCE " + day),
                           ("FROM", "OR FROM ladder FROM anchor"), ("SUBJECT", "SUBJECT thunder"),
                           ("HEADER X-Mailer", "HEADER X-Mailer Pigeon"), ("HEADER List-Id", "HEADER List-Id silver"),
                           ("BODY", "BODY " + server_messages.RARE), ("TEXT", "TEXT " + server_messages.RARE)):
            self.command("SEARCH " + row, "SEARCH " + words, keep=True)

    def orders(self):
        for row, words in (("SORT (ARRIVAL)", "(ARRIVAL)"), ("SORT (DATE)", "(DATE)"), ("SORT (SUBJECT)", "(SUBJECT)"),
                           ("SORT (FROM)", "(FROM)"), ("SORT (REVERSE SIZE)", "(REVERSE SIZE)"),
                           ("THREAD REFERENCES", "REFERENCES"), ("THREAD ORDEREDSUBJECT", "ORDEREDSUBJECT")):
            self.command(row, "%s %s UTF-8 ALL" % (row.split()[0], words), keep=row.startswith("SORT"))

    def changes(self):
        self.command("STORE 1:* +FLAGS", "STORE 1:* +FLAGS (\\Flagged)", ["STORE 1:* -FLAGS.SILENT (\\Flagged)"])
        self.command("STORE 1:* +FLAGS.SILENT", "STORE 1:* +FLAGS.SILENT (\\Flagged)", ["STORE 1:* -FLAGS.SILENT (\\Flagged)"])
        copy, expunge, one = "COPY of %d" % self.part, "EXPUNGE of %d" % self.part, "STORE of one message"

        def work(site, turn):
            with self.imap(site, "big") as peer:
                peer.ok("CREATE Copy%d" % turn)
                peer.select()
                self.add(copy, site.kind, peer.ok("COPY 1:%d Copy%d" % (self.part, turn))[0])
                peer.select("Copy%d" % turn)
                peer.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
                self.add(expunge, site.kind, peer.ok("EXPUNGE")[0])
                peer.ok("UNSELECT")
                peer.ok("DELETE Copy%d" % turn)

        def single(site, _):
            with self.imap(site, "big") as peer:
                peer.select()
                begin = time.perf_counter()
                for n in range(200):
                    peer.ok("STORE %d %sFLAGS (\\Flagged)" % (n // 2 * 37 % self.options.messages + 1, "+-"[n % 2]))
                self.add(one, site.kind, 200 / (time.perf_counter() - begin), RATE)
        self.turns([copy, expunge], work)
        self.turns([one], single)

    # ---- lists, POP3, logins, memory ----

    def lists(self):
        def create(site, turn):
            with self.imap(site, MAILERS[0]) as peer:
                begin = time.perf_counter()
                for n in range(50):
                    peer.ok("CREATE new%d_%d" % (turn, n))
                self.add("CREATE", site.kind, 50 / (time.perf_counter() - begin), RATE)
        self.turns(["CREATE"], create)
        for row, command in self.list_rows.items():
            def work(site, _, row=row, command=command):
                with self.imap(site, "lister") as peer:
                    self.add(row, site.kind, peer.ok(command)[0])
            self.turns([row], work)

    def retrieving(self):
        def one_by_one(site, _):
            with Pop3(site.ports["pop3"], "pop") as peer:
                count = min(peer.count, 300)             # 40 ms each where the client's delayed ACK is waited for
                begin = time.perf_counter()
                for n in range(1, count + 1):
                    peer.retrieve(n)
                self.add("POP3 RETR", site.kind, count / (time.perf_counter() - begin), RATE)

        def pipelined(site, _):
            with Pop3(site.ports["pop3"], "pop") as peer:
                begin = time.perf_counter()
                peer.retrieve_all()
                self.add("POP3 RETR, pipelined", site.kind, peer.count / (time.perf_counter() - begin), RATE)
        self.turns(["POP3 RETR"], one_by_one)
        self.turns(["POP3 RETR, pipelined"], pipelined)

    def logins(self):
        count = self.options.logins

        def work(site, row, connections, what):
            jobs = [lambda: [what(site) for _ in range(count // connections)]] * connections
            self.add(row, site.kind, count // connections * connections / at_once(jobs), RATE)

        def pop(site):
            Pop3(site.ports["pop3"], "idle").socket.close()

        def imap(site):
            login_once(site.ports["imap"], "idle")
        for row, connections, what in (("logins, IMAP", 1, imap), ("logins, IMAP, 8 at once", 8, imap), ("logins, POP3", 1, pop)):
            self.turns([row], lambda site, _, r=row, c=connections, w=what: work(site, r, c, w))

    def memory(self):
        """PSS of all of the server's processes by connection. Freshly started, so that no process left over from another row
        is counted."""
        count = self.options.connections

        def work(site, row, user, command):
            site.stop()
            site.start()
            peers = []
            try:
                for _ in range(count):
                    peers.append(Imap(site.ports["imap"], user, 1 << 14))
                    peers[-1].select()
                    if command:
                        peers[-1].ok(command)
                    peers[-1].send(b"t IDLE\r\n")
                    peers[-1].line()
                time.sleep(1)
                self.add(row, site.kind, site.memory() / count, MEMORY)
            finally:
                for peer in peers:
                    peer.socket.close()
        for row, user, command in (("idle connection, small mailbox", "idle", None),
                                   ("idle connection, big mailbox", "big", "FETCH 1:* (UID FLAGS)")):
            self.turns([row], lambda site, _, r=row, u=user, c=command: work(site, r, u, c), rounds=1)

    # ---- syncs, in servers of their own under strace ----

    def syncs(self):
        rows = ["syncs, LMTP delivery", "syncs, APPEND", "syncs, MULTIAPPEND of 20, per message", "syncs, COPY of 20",
                "syncs, STORE of one", "syncs, STORE of 20", "syncs, EXPUNGE of 20", "syncs, CREATE", "syncs, DELETE"]
        if not self.wants(*rows):
            return
        for kind in self.kinds:
            try:
                with server_sites.make(kind, self.options, USERS, traced=True) as site:
                    self.count_syncs(site, rows)
            except Exception as problem:
                self.note("syncs, %s: %s" % (NAMES[kind], str(problem)[:300]))
                if self.options.verbose:
                    traceback.print_exc()
        for row in rows:
            self.show(row)

    def count_syncs(self, site, rows):
        user, times_each = MAILERS[0], 20
        numbers = iter(range(2 * 10 ** 6, 3 * 10 ** 6))

        def mail():
            return self.messages.make(next(numbers))

        def counted(row, work, operations, then=None):
            work()                                       # what is only done once
            if then:
                then()
            position = site.trace_position()
            work()
            text = site.trace_since(position)
            found = [target for _, target in server_sites.SYNCS.findall(text)]
            self.add(row, site.kind, len(found) / operations, SYNCS)
            if self.options.verbose:
                print("  %s, %s: %s" % (row, site.kind, collections.Counter(kind_of(path) for path in found).most_common()))
        with Lmtp(site.ports["lmtp"]) as lmtp, self.imap(site, user) as peer:
            counted(rows[0], lambda: [lmtp.deliver(user, stuff(mail())) for _ in range(times_each)], times_each)
            counted(rows[1], lambda: [peer.append("INBOX", mail()) for _ in range(times_each)], times_each)
            counted(rows[2], lambda: peer.fill("INBOX", [("()", self.messages.date(n), mail()) for n in range(20)]), 20)
            peer.ok("CREATE Copy")
            peer.select()
            counted(rows[3], lambda: peer.ok("COPY 1:20 Copy"), 1)
            signs = iter("+-" * 100)
            counted(rows[4], lambda: [peer.ok("STORE %d %sFLAGS (\\Flagged)" % (n, sign))
                                      for sign in next(signs) for n in range(1, 11)], 10)
            counted(rows[5], lambda: peer.ok("STORE 1:20 %sFLAGS (\\Answered)" % next(signs)), 1)
            peer.ok("STORE 1:20 +FLAGS (\\Deleted)")
            counted(rows[6], lambda: peer.ok("EXPUNGE"), 1, then=lambda: peer.ok("STORE 1:20 +FLAGS (\\Deleted)"))
            names = iter(range(1000))
            counted(rows[7], lambda: [peer.ok("CREATE new%d" % next(names)) for _ in range(10)], 10)
            gone = iter(range(1000))
            counted(rows[8], lambda: [peer.ok("DELETE new%d" % next(gone)) for _ in range(10)], 10)
        with open(site.trace, errors="replace") as file:
            if "TCP_NODELAY" not in file.read():
                self.note("%s does not set TCP_NODELAY" % NAMES[site.kind])

    # ---- the run ----

    def run(self):
        print("%-44s %5s %s %8s" % ("row", "", " ".join("%11s" % NAMES[kind] for kind in self.kinds), "ratio"), flush=True)
        self.syncs()
        with contextlib.ExitStack() as stack:
            # Without syncs as long as nothing is measured; then all is written to the disk, and the servers start anew.
            with preloaded(self.options.eatmydata):
                for kind in self.kinds:
                    self.servers[kind] = stack.enter_context(server_sites.make(kind, self.options, USERS))
                self.fill()
            for site in self.servers.values():
                site.stop()
            os.sync()
            for site in self.servers.values():
                site.start()
            for part in (self.selects, self.deliveries, self.fetches, self.searches, self.orders, self.changes, self.lists,
                         self.retrieving, self.logins, self.memory):
                part()
            for kind in self.kinds:
                said = self.servers[kind].complaints()
                if said:
                    self.note("%s's log has %d complaints, the first: %s" % (NAMES[kind], len(said), said[0][:300]))
            self.save()


@contextlib.contextmanager
def preloaded(library):
    """What is started in here has the library."""
    if library:
        os.environ["LD_PRELOAD"] = os.path.realpath(library)
    try:
        yield
    finally:
        os.environ.pop("LD_PRELOAD", None)


def kind_of(path):
    """A synced file's kind: its name with digits taken out, and whether it is a folder."""
    name = re.sub(r"\d+", "N", os.path.basename(path))
    if "/new" in path[-4:] or "/cur" in path[-4:] or os.path.isdir(path):
        return "folder"
    return name[:24] if "." in name[:12] else name[:12]


def summary(got):
    """How many numbers an answer of SEARCH or SORT has; they can be in another order where keys are equal."""
    return sum(len(line.split()) - 2 for line in got.split(b"\r\n") if line.startswith((b"* SEARCH", b"* SORT")))


def shown(value):
    if value is None:
        return "-"
    return "%.0f" % value if value >= 1000 else "%.1f" % value if value >= 100 else "%.3g" % value if value >= 0.001 else "%.5f" % value


def times(ratio):
    if ratio is None:
        return "-"
    return "%.2fx" % ratio if ratio < 10 else "%.0fx" % ratio


def kept_remarks(path):
    """What people wrote below the table stays when it is measured again."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    at = text.find("\n## ")
    return text[at:] if at >= 0 else ""


def markdown(bench):
    """docs/server-bench.md"""
    options, kinds = bench.options, bench.kinds
    out = ["# The server beside Cyrus 3.6.1 and Dovecot 2.3", "",
           "Written by `scripts/bench-server`: %d messages in the big mailbox (median 4 KB, mean 8 KB, threads, two to four "
           "`Received`" % options.messages,
           "lines), medians of %d rounds, the servers by turns in every row, on %d threads of %s. Cyrus is Debian's 3.6.1 with the "
           "very" % (options.rounds, os.cpu_count(), processor()),
           "configuration that ours has; Dovecot is Debian's 2.3 with `maildir:~/Maildir`, a file a message as in the two others,",
           "`mail_fsync=optimized` (its default), plain passwords in a file, no TLS. Everything over the loopback device, in one "
           "scratch", "folder on a disk whose syncs count.", "",
           "`s`: seconds, less is better; `/s`: operations a second, more is better; `MiB`: memory of all processes (PSS) by "
           "connection,", "less is better; `syncs`: calls of fsync and its relatives by operation, less is better. The ratio is "
           "ours to the better", "of the two, above 1 where ours is ahead. \"first\": the first such command after the mailbox was "
           "filled. \"cold\": processes", "new%s." % (", and the disk's cache dropped" if getattr(bench, "dropped", False) else
                                                     "; the disk's cache could not be dropped here"), "",
           "| row | unit | %s | ratio |" % " | ".join(NAMES[kind] for kind in kinds), "|---|---|%s---:|" % ("---:|" * len(kinds))]
    for row in bench.samples:
        out.append("| %s | %s | %s | %s |" % (row.replace("*", "\\*"), bench.units[row], " | ".join(
            shown(bench.value(row, kind)) for kind in kinds), times(bench.ratio(row))))
    if bench.notes:
        out += ["", *("- " + text for text in bench.notes)]
    return "\n".join(out) + "\n"


def processor():
    with open("/proc/cpuinfo") as file:
        found = re.search(r"^model name\s*: (.*)", file.read(), re.M)
    return found.group(1) if found else "this machine"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--dovecot", required=True)
    parser.add_argument("--eatmydata", metavar="LIBRARY", help="libeatmydata.so, for the time of filling")
    parser.add_argument("--messages", type=int, default=50000)
    parser.add_argument("--folders", type=int, default=5000)
    parser.add_argument("--deliveries", type=int, default=400)
    parser.add_argument("--logins", type=int, default=200)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", default="")
    parser.add_argument("--servers", default="ours,cyrus,dovecot")
    parser.add_argument("--json")
    parser.add_argument("--write")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    server_sites.real_cyrus.gate()
    Bench(options).run()


if __name__ == "__main__":
    main()
