#!/usr/bin/env python3
"""fetchmail: IMAP and POP3 into an MDA and over LMTP back into another mailbox of the server; kept messages are not fetched
twice (UIDL), folders, STARTTLS and TLS with a checked certificate, every login, an over-quota recipient loses nothing."""
import os

import mail_site
from mail_site import HOST, PASSWORD, message

COUNT = 12
NOTHING_NEW = 1                                          # fetchmail's exit status


def mails(tag):
    return [message("%s %d" % (tag, n), n, number=n) for n in range(COUNT)]


class Fetchmail:
    def __init__(self, site, checks):
        self.site, self.checks = site, checks
        self.out = os.path.join(site.home, "fetched")

    def __call__(self, what, service, options, want=0, destination=None, user="bovik", server=""):
        rc = self.site.file("fetchmailrc", (
            'poll {host} service {port} protocol {protocol} {server}\n  user "{user}" password "{password}" {options}\n'
            '  sslcertck sslcertfile "{certificate}"\n  {destination}\n').format(
                host="localhost", port=self.site.ports[service], protocol=service.rstrip("s"), user=user,
                server=server, password=PASSWORD, options=options, certificate=self.site.certificate,
                destination=destination or "mda \"cat >> '%s'\"" % self.out))
        status, said = self.site.run(["fetchmail", "-N", "-d0", "-f", rc, "--nosyslog"], timeout=180)
        self.checks.true("fetchmail, " + what, status == want, "exit %d: %s" % (status, said[-1500:]))
        return said

    def got(self, tag):
        """Subjects of what was handed to the MDA since the last call, with this tag."""
        text = ""
        if os.path.exists(self.out):
            with open(self.out, encoding="utf-8", errors="replace") as file:
                text = file.read()
            os.unlink(self.out)
        return sorted(line[9:] for line in text.split("\n") if line.startswith("Subject: " + tag))


def wanted(tag):
    return sorted("%s %d" % (tag, n) for n in range(COUNT))


def imap(site, checks, fetchmail):
    site.append("bovik", "INBOX", mails("imap"))
    fetchmail("IMAP, keep", "imap", "keep", server="auth cram-md5")
    checks.equal("IMAP, keep", fetchmail.got("imap"), wanted("imap"))
    fetchmail("nothing is new", "imap", "keep", want=NOTHING_NEW)
    fetchmail("IMAP, STARTTLS, all of them", "imap", "fetchall keep sslproto tls1.2+",
              server="auth password")
    checks.equal("IMAP, fetchall", fetchmail.got("imap"), wanted("imap"))
    fetchmail("IMAP over TLS, taken away", "imaps", "fetchall ssl")
    checks.equal("IMAP over TLS", fetchmail.got("imap"), wanted("imap"))
    checks.equal("the mailbox is empty", site.subjects("bovik", "INBOX"), [])
    site.append("bovik", "Work", mails("work"), make=True)
    fetchmail("a folder", "imap", 'folder "Work"')
    checks.equal("a folder", fetchmail.got("work"), wanted("work"))


def pop3(site, checks, fetchmail):
    site.append("bovik", "INBOX", mails("pop"))
    fetchmail("POP3, keep", "pop3", "keep", server="uidl")
    checks.equal("POP3, keep", fetchmail.got("pop"), wanted("pop"))
    site.append("bovik", "INBOX", [message("pop new")])
    fetchmail("POP3, what is new", "pop3", "keep", server="uidl")
    checks.equal("POP3, what is new", fetchmail.got("pop"), ["pop new"])
    fetchmail("POP3 over TLS, taken away", "pop3s", "fetchall ssl", server="uidl")
    checks.equal("POP3 over TLS", fetchmail.got("pop"), sorted(wanted("pop") + ["pop new"]))
    checks.equal("the maildrop is empty", site.subjects("bovik", "INBOX"), [])


def lmtp(site, checks, fetchmail):
    site.append("bovik", "INBOX", mails("lmtp"))
    to_wes = 'is "wes" here lmtp smtphost "%s/%d" smtpname "wes"' % (HOST, site.ports["lmtp"])
    fetchmail("into LMTP", "imap", "", destination=to_wes)
    checks.equal("into LMTP", site.subjects("wes", "INBOX"), wanted("lmtp"))
    checks.equal("gone where they were", site.subjects("bovik", "INBOX"), [])
    site.append("bovik", "INBOX", [message("too much %d" % n, 60, number=n) for n in range(3)])
    site.quota("fred", 1)
    to_fred = to_wes.replace("wes", "fred")
    # The first message may bring a mailbox over its quota; the others have to stay where they are.
    fetchmail("into a full mailbox", "pop3", "fetchall", destination=to_fred, want=0)
    fetchmail("into a full mailbox again", "pop3", "fetchall", destination=to_fred, want=0)
    there = site.subjects("bovik", "INBOX") + site.subjects("fred", "INBOX")
    checks.equal("none lost", sorted(set(there)), ["too much 0", "too much 1", "too much 2"])


def check(site, checks):
    fetchmail = Fetchmail(site, checks)
    for part in (imap, pop3, lmtp):
        part(site, checks, fetchmail)


if __name__ == "__main__":
    mail_site.run(check, users=("bovik", "wes", "fred"), programs=("fetchmail",))
