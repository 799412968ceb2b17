#!/usr/bin/env python3
"""swaks: LMTP as an MTA speaks it: deliveries, pipelining, plus addresses, unknown users, STARTTLS, AUTH by each mechanism, a
wrong password, no login where one is needed, over quota (452, and 552 where it is to be final), a message too large."""
import mail_site
from mail_site import ADMIN, HOST, PASSWORD, message


class Swaks:
    def __init__(self, site, checks):
        self.site, self.checks = site, checks

    def __call__(self, what, to, *options, status=0, says="", service="lmtp", mail=None):
        """swaks ends with 0 when all went well, 24 for no recipient, 26 for refused data, 28 for a login, 29 for TLS."""
        data = self.site.file("mail.eml", (mail or message(what)).decode().replace("\r\n", "\n"))
        got, said = self.site.run(["swaks", "--protocol", "LMTP", "--server", HOST, "--port", str(self.site.ports[service]),
                                   "--from", "ann@example.org", "--to", to, "--data", "@" + data, "--helo", "client.example.org",
                                   "--timeout", "60", *options])
        self.checks.true("swaks, " + what, got == status, "exit %d: %s" % (got, said[-1500:]))
        if says:
            self.checks.has("swaks, " + what, said, says)


def plain(site, checks, swaks):
    swaks("plain", "bovik")
    swaks("several", "bovik,wes,fred")
    swaks("pipelined", "bovik", "--pipeline")
    swaks("plus", "bovik+Work")
    swaks("domain", "bovik@" + mail_site.REALM)
    swaks("nobody", "nosuch", status=24, says=r"^<\*\* 550 5\.1\.1")
    swaks("one of two", "bovik,nosuch", says=r"^<\*\* 550 5\.1\.1")
    swaks("empty sender", "bovik", "--from", "<>")
    checks.equal("delivered", site.subjects("bovik", "INBOX"),
                 ["domain", "empty sender", "one of two", "pipelined", "plain", "several"])
    checks.equal("delivered by plus", site.subjects("bovik", "Work"), ["plus"])
    checks.equal("delivered to each", [site.subjects(user, "INBOX") for user in ("wes", "fred")], [["several"]] * 2)
    swaks("plain", "bovik")
    checks.equal("a duplicate is not kept", site.subjects("bovik", "INBOX").count("plain"), 1)


def logins(site, checks, swaks):
    login = ("--auth-user", ADMIN, "--auth-password", PASSWORD)
    swaks("no login", "wes", status=23, says=r"^<\*\* (430|530) ", service="lmtpauth")
    for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
        swaks("auth " + mechanism, "wes", "--auth", mechanism, *login, service="lmtpauth")
        swaks("tls " + mechanism, "wes", "-tls", "--auth", mechanism, *login, service="lmtpauth")
    swaks("wrong password", "wes", "--auth", "PLAIN", "--auth-user", ADMIN, "--auth-password", "wrong", status=28,
          says="^<\\*\\* 5\\d\\d ", service="lmtpauth")
    want = ["several"] + [way + " " + name for way in ("auth", "tls") for name in ("PLAIN", "LOGIN", "CRAM-MD5")]
    checks.equal("delivered after login", site.subjects("wes", "INBOX"), sorted(want))


def refusals(site, checks, swaks):
    site.quota("fred", 2)
    swaks("large", "fred", mail=message("large", 60))    # it fits, or is the one that may exceed
    swaks("too much", "fred", status=24, says=r"^<\*\* 452 4\.2\.2", mail=message("too much", 60))
    swaks("too much for one", "fred,wes", says=r"^<\*\* 452 4\.2\.2", mail=message("too much for one", 60))
    site.configure("lmtp_over_quota_perm_failure: yes")
    site.configure("maxmessagesize: 20480")
    site.stop()
    site.start()
    swaks("too much for ever", "fred", status=24, says=r"^<\*\* 552 5\.2\.2", mail=message("too much for ever", 60))
    swaks("too large", "wes", status=26, says=r"^<\*\* 552 5\.\d\.\d", mail=message("too large", 600))
    checks.equal("what was refused is not there", [s for s in site.subjects("fred", "INBOX") if s.startswith("too")], [])
    checks.true("the other recipient has it", "too much for one" in site.subjects("wes", "INBOX"))


def check(site, checks):
    site.append("bovik", "Work", [], make=True)
    with site.imap("bovik") as client:
        client.setacl("Work", "anyone", "p")
    swaks = Swaks(site, checks)
    for part in (plain, logins, refusals):
        part(site, checks, swaks)


if __name__ == "__main__":
    mail_site.run(check, users=("bovik", "wes", "fred"), programs=("swaks",))
