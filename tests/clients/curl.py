#!/usr/bin/env python3
"""curl: IMAP (list, fetch by UID, section and part, search, append, custom commands), POP3 (list, UIDL, retrieve, delete) and
logins by every mechanism that the curl here knows, plain, with STARTTLS and over TLS."""
import mail_site
from mail_site import HOST, PASSWORD, message

MAILS = [message("curl %d" % n, n, number=n) for n in range(4)]


class Curl:
    def __init__(self, site):
        self.site = site

    def __call__(self, service, path="", *options, user="bovik", secret=PASSWORD):
        """(exit status, output)"""
        scheme = service.rstrip("s") if service != "pop3s" else "pop3"
        scheme += "s" if service.endswith("s") else ""
        host = "localhost" if scheme.endswith("s") or "--ssl-reqd" in options else HOST
        return self.site.run(["curl", "-sS", "--cacert", self.site.certificate, "-u", "%s:%s" % (user, secret),
                              "%s://%s:%d/%s" % (scheme, host, self.site.ports[service], path), *options])


def imap(checks, curl, site):
    checks.has("LIST", curl("imap")[1], r'\* LIST \(.*\) "/" INBOX')
    checks.has("LIST of a folder", curl("imap", "", "-X", 'LIST "" *')[1], r'"/" "?Work"?')
    path = site.file("new.eml", "Subject: by curl\r\nMessage-ID: <curl@example.org>\r\n\r\nappended\r\n")
    checks.equal("APPEND", curl("imap", "Work", "-T", path), (0, ""))
    checks.equal("it is there", site.subjects("bovik", "Work"), ["by curl"])
    checks.equal("FETCH by UID", curl("imap", "INBOX;UID=2")[1].encode(), MAILS[1].replace(b"\r\n", b"\r\n"))
    checks.equal("FETCH by number", curl("imap", "INBOX;MAILINDEX=3")[1].encode(), MAILS[2])
    checks.has("FETCH a section", curl("imap", "INBOX;UID=2;SECTION=HEADER.FIELDS%20(SUBJECT)")[1], "^Subject: curl 1")
    checks.has("FETCH a partial", curl("imap", "INBOX;UID=2;SECTION=TEXT;PARTIAL=0.5")[1], r"^curl ")
    checks.has("SEARCH", curl("imap", "INBOX?SUBJECT%20%22curl%203%22")[1], r"\* SEARCH 4\b")
    checks.has("SEARCH UNSEEN", curl("imap", "INBOX?UNSEEN")[1], r"\* SEARCH")
    checks.has("STORE", curl("imap", "INBOX", "-X", r"STORE 1 +FLAGS (\Flagged)")[1], r"FETCH \(FLAGS \(.*\\Flagged")
    checks.has("EXAMINE, STATUS", curl("imap", "", "-X", "STATUS INBOX (MESSAGES UNSEEN)")[1], r"MESSAGES 4")
    checks.has("CREATE", curl("imap", "", "-X", "CREATE Made")[1] + " ".join(site.folders("bovik")), r"\bMade\b")
    checks.equal("UIDVALIDITY that is not", curl("imap", "INBOX;UIDVALIDITY=1;UID=2")[0], 78)
    checks.true("no such folder", curl("imap", "nosuch;UID=1")[0] != 0)
    checks.true("no such message", curl("imap", "INBOX;UID=999")[0] != 0)


def pop3(checks, curl, site):
    checks.equal("LIST", [line.split()[0] for line in curl("pop3")[1].splitlines()], ["1", "2", "3", "4"])
    checks.equal("LIST of one", curl("pop3", "2", "-l")[0], 0)
    checks.equal("UIDL", len(set(curl("pop3", "", "-X", "UIDL")[1].split("\n"))), 5)
    status, said = curl("pop3", "2")
    checks.equal("RETR", (status, said.encode().split(b"\r\n\r\n", 1)[1]), (0, MAILS[1].split(b"\r\n\r\n", 1)[1]))
    checks.has("TOP", curl("pop3", "", "-X", "TOP 2 0")[1], "^Subject: curl 1")
    checks.true("no such message", curl("pop3", "99")[0] != 0)
    checks.equal("DELE", curl("pop3", "4", "-X", "DELE", "-I")[0], 0)
    checks.equal("after DELE", site.subjects("bovik", "INBOX"), ["curl 0", "curl 1", "curl 2"])


def logins(checks, curl, site):
    for service, what in (("imap", "INBOX;UID=1"), ("pop3", "1")):
        for mechanism in ("LOGIN", "PLAIN", "CRAM-MD5", *(("SCRAM-SHA-256",) if site.gsasl else ())):
            status, said = curl(service, what, "--login-options", "AUTH=" + mechanism)
            checks.true("%s AUTH=%s" % (service, mechanism), status == 0 and "Subject: curl 0" in said, said)
        for more in (["--ssl-reqd"], ["--ssl-reqd", "--login-options", "AUTH=CRAM-MD5"],
                     ["--ssl-reqd", "--tls-max", "1.2"], ["--ssl-reqd", "--sasl-ir"]):
            status, said = curl(service, what, *more)
            checks.true("%s %s" % (service, " ".join(more)), status == 0 and "Subject: curl 0" in said, said)
        status, said = curl(service + "s", what)
        checks.true(service + "s", status == 0 and "Subject: curl 0" in said, said)
        status, said = curl(service, what, secret="wrong")
        checks.equal("%s, a wrong password" % service, status, 67)


def check(site, checks):
    site.append("bovik", "INBOX", MAILS)
    site.append("bovik", "Work", [], make=True)
    curl, version = Curl(site), site.run(["curl", "--version"])[1]
    site.gsasl = "gsasl" in version                      # Debian's curl knows no SCRAM
    print(version.split(" lib")[0])
    for part in (imap, logins, pop3):
        part(checks, curl, site)


if __name__ == "__main__":
    mail_site.run(check, programs=("curl",))
