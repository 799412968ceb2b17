#!/usr/bin/env python3
"""s-nail in batch: a list of headers, save, copy, delete, flags and reading on IMAP; POP3; STARTTLS and TLS, LOGIN and
CRAM-MD5."""
import os
import re

import mail_site
from mail_site import HOST, PASSWORD, message

RC = """set emptystart noheader nosave bsdflags
set user=bovik password={password}
set tls-ca-no-defaults tls-ca-file={certificate} tls-verify=strict
"""


class SNail:
    def __init__(self, site, checks):
        self.site, self.checks = site, checks
        self.rc = site.file(".mailrc", RC.format(password=PASSWORD, certificate=site.certificate))

    def __call__(self, what, url, commands, *sets):
        words = ["s-nail", "-:u", "-R"] if "read" in what else ["s-nail", "-:u"]
        for setting in ("v15-compat=yes", *sets):        # it decides how the rest is read
            words += ["-S", setting]
        status, said = self.site.run([*words, "-f", url], input="\n".join([*commands, "exit" if "read" in what else "quit", ""]),
                                     environment={"MAILRC": self.rc})     # for root it is not the one in HOME
        self.checks.true("s-nail, " + what, status == 0 and "rror" not in said, "exit %d: %s" % (status, said[-1500:]))
        return said

    def url(self, scheme, folder=""):
        host = "localhost" if scheme.endswith("s") else HOST
        return "%s://bovik@%s:%d%s" % (scheme, host, self.site.ports[scheme], "/" + folder if folder else "")


def headers(said):
    return len(re.findall(r"\bnail \d", said))


def check(site, checks):
    site.append("bovik", "INBOX", [message("nail %d" % n, n + 1, number=n) for n in range(8)])
    site.append("bovik", "Saved", [], make=True)
    nail = SNail(site, checks)
    said = nail("headers, read only", nail.url("imap", "INBOX"), ["from *"], "imap-auth=login")
    checks.equal("headers", headers(said), 8)
    said = nail("read one", nail.url("imap", "INBOX"), ["type 3"], "imap-auth=cram-md5")
    checks.has("its text", said, "nail 2: line 2")
    mbox = os.path.join(site.home, "mbox")
    nail("save, copy, delete, flag", nail.url("imap", "INBOX"),
         ["copy 1 " + mbox, "copy 2 %s" % nail.url("imap", "Saved"), "flag 3", "delete 4 5",
          "undelete 5", "type 6"], "imap-auth=login")
    with open(mbox, encoding="utf-8") as file:
        checks.has("copied to a file", file.read(), "^Subject: nail 0")
    checks.equal("copied on the server", site.subjects("bovik", "Saved"), ["nail 1"])
    left = {m.subject: m.flags for m in site.messages("bovik", "INBOX").values()}
    checks.equal("deleted", sorted(left), ["nail %d" % n for n in (0, 1, 2, 4, 5, 6, 7)])
    checks.true("flagged", "\\Flagged" in left["nail 2"], left)
    checks.true("seen", "\\Seen" in left["nail 5"], left)
    said = nail("read over TLS", nail.url("imaps", "INBOX"), ["from *"], "imap-auth=login")
    checks.equal("headers over TLS", headers(said), 7)
    said = nail("read by STARTTLS", nail.url("imap", "INBOX").replace(HOST, "localhost"), ["from *"], "imap-use-starttls",
                "imap-auth=login")
    checks.equal("headers by STARTTLS", headers(said), 7)
    for scheme in ("pop3", "pop3s"):
        said = nail("read by " + scheme, nail.url(scheme), ["from *", "type 2"])
        checks.has("read by " + scheme, said, "nail 1: line 1")
    nail("POP3, deleted", nail.url("pop3"), ["delete 1"])
    checks.true("deleted by POP3", "nail 0" not in site.subjects("bovik", "INBOX"))


if __name__ == "__main__":
    mail_site.run(check, programs=("s-nail",))
