#!/usr/bin/env python3
"""mutt in batch: keys pushed into its index on IMAP and POP3 folders: save, copy, delete, undelete, flag, toggle-new, limit by
the server's search, browse, create and rename of mailboxes, a search in bodies on the server, STARTTLS and every login."""
import os
import pty
import select
import time

import mail_site
from mail_site import HOST, PASSWORD, message

MUTTRC = """set realname=Bovik
set use_from=yes
set from=bovik@example.org
set folder=imap://bovik@{host}:{port}/
set spoolfile=+INBOX
set record=
set postponed=+Drafts
set imap_user=bovik
set imap_pass={password}
set pop_pass={password}
set imap_authenticators={mechanism}
set imap_idle=yes
set imap_condstore={condstore}
set imap_qresync={condstore}
set ssl_starttls={starttls}
set ssl_force_tls={starttls}
set certificate_file={certificate}
set confirmappend=no
set confirmcreate=no
set delete=yes
set move=no
set quit=yes
set wait_key=no
set timeout=5
set net_inc=0
set header_cache={cache}
set sendmail=/bin/true
set editor=/bin/true
unset help
unset mark_old
"""


class Mutt:
    def __init__(self, site, checks):
        self.site, self.checks = site, checks
        os.makedirs(os.path.join(site.home, "cache"))
        self.configure()

    def configure(self, tls=False, mechanism="scram-sha-256", condstore="yes"):
        self.rc = self.site.file("muttrc", MUTTRC.format(
            host="localhost" if tls else HOST, port=self.site.ports["imap"], password=PASSWORD, mechanism=mechanism,
            starttls="yes" if tls else "no", certificate=self.site.certificate, condstore=condstore,
            cache=os.path.join(self.site.home, "cache/")))

    def keys(self, what, folder, keys, timeout=60):
        """Runs mutt on a terminal of its own with KEYS pushed; what it showed. It has to end by itself."""
        words = ["mutt", "-n", "-F", self.rc, "-f", folder, "-e", 'push "%s"' % keys]
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.site.home)
            os.environ.update(HOME=self.site.home, TERM="vt100", COLUMNS="120", LINES="40", LC_ALL="C.UTF-8")
            os.execvp(words[0], words)
        shown, end, status = b"", time.monotonic() + timeout, None
        while status is None:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    data = os.read(terminal, 65536)
                except OSError:
                    data = b""
                if not data:
                    status = os.waitpid(pid, 0)[1]
                shown += data
            elif time.monotonic() > end:
                os.kill(pid, 9)
                status = os.waitpid(pid, 0)[1]
        os.close(terminal)
        text = shown.decode("utf-8", "replace")
        self.checks.true("mutt, " + what, status == 0, "status %d: %s" % (status, text[-1500:]))
        return text

    def folder(self, name="INBOX"):
        return "imap://bovik@%s:%d/%s" % (HOST, self.site.ports["imap"], name)


def flags(site, folder="INBOX"):
    return {m.subject: m.flags for m in site.messages("bovik", folder).values()}


def index(site, checks, mutt):
    mutt.keys("flag and mark", mutt.folder(),
              "<tag-pattern>~s 'mutt 1$'<enter><tag-prefix><flag-message><untag-pattern>.<enter>"
              "<tag-pattern>~s 'mutt 2$'<enter><tag-prefix><toggle-new><quit>")
    got = flags(site)
    checks.equal("flagged", sorted(s for s, f in got.items() if "\\Flagged" in f), ["mutt 1"])
    checks.equal("read", sorted(s for s, f in got.items() if "\\Seen" in f), ["mutt 2"])
    mutt.keys("save and copy", mutt.folder(),
              "<tag-pattern>~s 'mutt [34]$'<enter><tag-prefix><save-message>+Saved<enter><untag-pattern>.<enter>"
              "<tag-pattern>~s 'mutt 5$'<enter><tag-prefix><copy-message>+Saved<enter><quit>")
    checks.equal("saved and copied", site.subjects("bovik", "Saved"), ["mutt 3", "mutt 4", "mutt 5"])
    mutt.keys("delete", mutt.folder(), "<delete-pattern>~s 'mutt [67]$'<enter><undelete-pattern>~s 'mutt 7$'<enter><quit>")
    checks.equal("left", site.subjects("bovik", "INBOX"), ["mutt %d" % n for n in (0, 1, 2, 5, 7, 8, 9)])


def server_side(site, checks, mutt):
    mutt.keys("search on the server", mutt.folder(), "<limit>=b 'mutt 8: line 2'<enter><tag-pattern>.<enter><limit>all<enter>"
              "<tag-prefix><flag-message><quit>")
    checks.equal("found in bodies", sorted(s for s, f in flags(site).items() if "\\Flagged" in f), ["mutt 1", "mutt 8"])
    mutt.keys("read a message", mutt.folder(), "<search>~s 'mutt 9$'<enter><display-message><exit><quit>")
    checks.true("a read message is seen", "\\Seen" in flags(site)["mutt 9"])
    mutt.keys("create, rename and subscribe", mutt.folder(),
              "<change-folder>?<create-mailbox>Made<enter><exit><quit>")
    checks.has("the mailbox was made", " ".join(site.folders("bovik")), r"\bMade\b")
    mutt.keys("edit in place", mutt.folder(), "<search>~s 'mutt 0$'<enter><edit-label>label<enter><quit>")


def other_ways(site, checks, mutt):
    for tls, mechanism in ((True, "plain"), (True, "login"), (False, "scram-sha-1")):
        mutt.configure(tls, mechanism, "no" if mechanism == "login" else "yes")
        before = len(site.messages("bovik", "Saved"))
        mutt.keys("copy by " + mechanism, mutt.folder().replace(HOST, "localhost" if tls else HOST),
                  "<tag-pattern>~s 'mutt 5$'<enter><tag-prefix><copy-message>+Saved<enter><quit>")
        checks.equal("copied by " + mechanism, len(site.messages("bovik", "Saved")), before + 1)
    mutt.configure()
    mutt.keys("POP3", "pop://bovik:%s@%s:%d" % (PASSWORD, HOST, site.ports["pop3"]),
              "<tag-pattern>~s 'mutt 8$'<enter><tag-prefix><copy-message>%s/mbox<enter><delete-pattern>~s 'mutt 2$'<enter><quit>"
              % site.home)
    with open(os.path.join(site.home, "mbox"), encoding="utf-8") as file:
        checks.equal("read by POP3", file.read().count("\nSubject: mutt 8\n"), 1)
    checks.true("deleted by POP3", "mutt 2" not in site.subjects("bovik", "INBOX"))


def check(site, checks):
    site.append("bovik", "INBOX", [message("mutt %d" % n, n, number=n) for n in range(10)])
    site.append("bovik", "Saved", [], make=True)
    mutt = Mutt(site, checks)
    for part in (index, server_side, other_ways):
        part(site, checks, mutt)


if __name__ == "__main__":
    mail_site.run(check, programs=("mutt",))
