#!/usr/bin/env python3
"""mpop: POP3 with pipelining into a Maildir: every login, plain, STARTTLS and TLS; what was kept is not fetched again, only what
is new; taken away."""
import os

import mail_site
import maildir
from mail_site import PASSWORD, message

CONFIG = """account default
host {host}
port {port}
user bovik
password {password}
auth {auth}
tls {tls}
tls_starttls {starttls}
tls_trust_file {certificate}
pipelining {pipelining}
keep {keep}
received_header off
uidls_file {home}/uidls
delivery maildir {mail}
"""
COUNT = 40


class Mpop:
    def __init__(self, site, checks):
        self.site, self.checks = site, checks

    def __call__(self, what, mail, auth="plain", how="plain", keep="on", pipelining="on"):
        uidls = os.path.join(self.site.home, "uidls")
        if auth != "plain" and os.path.exists(uidls):
            os.unlink(uidls)
        maildir.make(mail)
        config = self.site.file("mpoprc", CONFIG.format(
            host="localhost", port=self.site.ports["pop3s" if how == "tls" else "pop3"], password=PASSWORD,
            auth=auth, tls="off" if how == "plain" else "on", starttls="off" if how == "tls" else "on", keep=keep,
            certificate=self.site.certificate, pipelining=pipelining, home=self.site.home, mail=mail))
        status, said = self.site.run(["mpop", "-C", config])
        self.checks.true("mpop, " + what, status == 0, "exit %d: %s" % (status, said[-1500:]))


def check(site, checks):
    mpop = Mpop(site, checks)
    want = sorted("mpop %d" % n for n in range(COUNT))
    site.append("bovik", "INBOX", [message("mpop %d" % n, n, number=n) for n in range(COUNT)])
    first = os.path.join(site.home, "first")
    mpop("all", first)
    checks.equal("all", maildir.subjects(first), want)
    mpop("again", first)
    checks.equal("nothing twice", maildir.subjects(first), want)
    site.append("bovik", "INBOX", [message("mpop new")])
    mpop("what is new", first, how="starttls")
    checks.equal("what is new", maildir.subjects(first), sorted([*want, "mpop new"]))
    for auth in ("user", "apop", "cram-md5", "scram-sha-1", "scram-sha-256", "login"):
        for how in ("plain", "starttls", "tls"):
            mail = os.path.join(site.home, auth + how)
            mpop("%s, %s" % (auth, how), mail, auth, how, pipelining="off" if how == "tls" else "on")
            checks.equal("%s, %s" % (auth, how), maildir.subjects(mail), sorted([*want, "mpop new"]))
    texts = sorted(m.text.split(b"\n\n", 1)[1] for m in maildir.mails(mail) if m.subject != "mpop new")
    checks.equal("texts", texts, sorted(message("mpop %d" % n, n, number=n).replace(b"\r\n", b"\n").split(b"\n\n", 1)[1]
                                        for n in range(COUNT)))
    os.unlink(os.path.join(site.home, "uidls"))
    last = os.path.join(site.home, "last")
    mpop("taken away", last, how="tls", keep="off")
    checks.equal("taken away", maildir.subjects(last), sorted([*want, "mpop new"]))
    checks.equal("the maildrop is empty", site.subjects("bovik", "INBOX"), [])


if __name__ == "__main__":
    mail_site.run(check, programs=("mpop",))
