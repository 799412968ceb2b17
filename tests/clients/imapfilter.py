#!/usr/bin/env python3
"""imapfilter: a Lua program that lists, searches by every kind of key, marks, copies, moves, deletes, appends and fetches;
over STARTTLS and TLS, by LOGIN and CRAM-MD5; and IDLE, which a delivery ends."""
import threading
import time

import mail_site
from mail_site import HOST, PASSWORD, message

LUA = """options.timeout = 60
options.subscribe = true
options.create = false
options.starttls = {starttls}
options.certificates = false
options.cram_md5 = {cram}
options.info = false
account = IMAP {{ server = '{host}', port = {port}, username = 'bovik', password = '{password}'{tls} }}
function show(what, value)
  print(what .. ': ' .. tostring(value))
end
"""

WORK = """
account:create_mailbox('Filtered')
account:create_mailbox('Filtered/Deep')
account:subscribe_mailbox('Filtered')
mailboxes, folders = account:list_all()
show('mailboxes', table.concat(mailboxes, ' '))
mailboxes, folders = account:list_all('Filtered')
show('below', table.concat(mailboxes, ' '))
mailboxes = account:list_subscribed()
show('subscribed', table.concat(mailboxes, ' '))
exist, recent, unseen, uidnext = account.INBOX:check_status()
show('status', exist .. ' ' .. unseen .. ' ' .. uidnext)
inbox = account.INBOX
show('all', #inbox:select_all())
show('unseen', #inbox:is_unseen())
show('subject', #inbox:contain_subject('filter 1'))
show('body', #inbox:contain_body('filter 7: line 3'))
show('from', #inbox:contain_from('ann@example.org'))
show('field', #inbox:contain_field('Message-ID', 'clients.example.org'))
show('larger', #inbox:is_larger(800))
show('older', #inbox:is_older(1))
show('sent since', #inbox:sent_since('14-Nov-2023'))
show('or', #(inbox:contain_subject('filter 3') + inbox:contain_subject('filter 4')))
show('not', #(inbox:select_all() - inbox:contain_subject('filter 3')))
show('match', #inbox:match_subject('filter [56]$'))
show('header', inbox[3]:fetch_field('subject'))
show('structure', inbox[3]:fetch_structure() ~= nil)
show('flags', #inbox[3]:fetch_flags())
show('size', inbox[3]:fetch_size())
inbox:contain_subject('filter 0'):mark_flagged()
inbox:contain_subject('filter 1'):mark_seen()
inbox:contain_subject('filter 2'):add_flags({ 'MyFlag', '\\\\Answered' })
inbox:contain_subject('filter 3'):copy_messages(account['Filtered'])
inbox:contain_subject('filter 4'):move_messages(account['Filtered'])
inbox:contain_subject('filter 5'):delete_messages()
show('keyword', #inbox:has_keyword('MyFlag'))
account['Filtered/Deep']:append_message('Subject: appended\\r\\n\\r\\nby imapfilter\\r\\n')
account:rename_mailbox('Filtered/Deep', 'Deep')
account:delete_mailbox('Filtered/Nothing')
"""

WANT = {"mailboxes": "Filtered INBOX", "below": "Filtered/Deep", "subscribed": "Filtered", "status": "9 9 10", "all": "9", "unseen": "9",
        "subject": "1", "body": "1", "from": "9", "field": "9", "older": "0", "sent since": "9", "or": "2", "not": "8",
        "match": "2", "header": "Subject: filter 2", "structure": "true", "keyword": "1"}


class Filter:
    def __init__(self, site, checks):
        self.site, self.checks = site, checks

    def script(self, program, how="plain", cram="false"):
        return self.site.file("config.lua", LUA.format(
            host="localhost" if how != "plain" else HOST, password=PASSWORD, cram=cram,
            port=self.site.ports["imaps" if how == "tls" else "imap"], starttls="true" if how == "starttls" else "false",
            tls=", ssl = 'auto'" if how == "tls" else "") + program)

    def __call__(self, what, *script):
        status, said = self.site.run(["imapfilter", "-c", self.script(*script), "-t", self.site.certificate])
        self.checks.true("imapfilter, " + what, status == 0, "exit %d: %s" % (status, said[-1500:]))
        return dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)


def idle(site, checks, run):
    """A delivery ends the wait; the real server without its idled looks once a minute only."""
    most = 90 if site.kind == "cyrus" else 20
    def deliver():
        time.sleep(2)
        site.append("bovik", "INBOX", [message("while idle")])
    threading.Thread(target=deliver).start()
    start = time.monotonic()
    got = run("IDLE", "show('idle', account.INBOX:enter_idle())\nshow('found', #account.INBOX:contain_subject('while idle'))\n")
    checks.equal("found after IDLE", got.get("found"), "1")
    checks.true("IDLE ended by the delivery", 1 < time.monotonic() - start < most, time.monotonic() - start)


def check(site, checks):
    site.append("bovik", "INBOX", [message("filter %d" % n, n, number=n) for n in range(9)])
    run = Filter(site, checks)
    got = run("the work", WORK)
    got["mailboxes"] = " ".join(sorted(got.get("mailboxes", "").split()))
    for what, value in WANT.items():
        checks.equal(what, got.get(what, "").strip(), value)
    flags = {m.subject: m.flags for m in site.messages("bovik", "INBOX").values()}
    checks.equal("what is left", sorted(flags), ["filter %d" % n for n in (0, 1, 2, 3, 6, 7, 8)])
    checks.true("flags", "\\Flagged" in flags["filter 0"] and "\\Seen" in flags["filter 1"]
                and {"MyFlag", "\\Answered"} <= flags["filter 2"], flags)
    checks.equal("copied and moved", site.subjects("bovik", "Filtered"), ["filter 3", "filter 4"])
    checks.equal("appended and renamed", site.subjects("bovik", "Deep"), ["appended"])
    for how, cram in (("starttls", "false"), ("tls", "true"), ("plain", "true")):
        got = run("%s, CRAM-MD5 %s" % (how, cram), "show('all', #account.INBOX:select_all())\n", how, cram)
        checks.equal("messages, " + how, got.get("all"), "7")
    idle(site, checks, run)


if __name__ == "__main__":
    mail_site.run(check, programs=("imapfilter",))
