#!/usr/bin/env python3
"""What the RFCs ask for and Cyrus 3.6.1 does not have or do, so that it cannot be asked for the right answer: SEARCHRES
(RFC 5182, with its examples), numbers beyond 32 bits, arguments that it reads on from. Each answer is written out here."""
import re

import mail_site
from mail_site import message
from overview import ADMIN, Imap


class Script:
    """Commands and what each line of their answers has to match, the tagged one last."""

    def __init__(self, checks, client):
        self.checks, self.client = checks, client

    def __call__(self, command, *want):
        status, lines = self.client.do(command)
        got = [*lines, status]
        good = len(got) == len(want) and all(re.fullmatch(pattern, line) for pattern, line in zip(want, got))
        self.checks.true(command, good, "got %r, not %r" % (got, want))


OK = r"OK.*"
NOTHING = r"NO No matching messages.*"


def searchres(site, checks):
    with Imap(site, "bovik") as client:
        client.must("CREATE Saved")
        for number in range(1, 8):
            client.append("Saved", message("saved %d" % number))
        client.must("SELECT Saved")
        client.must("STORE 1,3,5,7 +FLAGS.SILENT (\\Seen)")
        say = Script(checks, client)
        say("SEARCH $", r"\* SEARCH", OK)                # nothing was saved yet
        say("FETCH $ (UID)", OK)
        say("SEARCH RETURN (SAVE) SEEN", OK)             # SAVE alone says nothing (2.1)
        say("SEARCH $", r"\* SEARCH 1 3 5 7", OK)
        say("FETCH $ (UID)", *(r"\* %d FETCH \(UID %d\)" % (n, n) for n in (1, 3, 5, 7)), OK)
        say("UID FETCH $ (UID)", *(r"\* %d FETCH \(UID %d\)" % (n, n) for n in (1, 3, 5, 7)), OK)
        say("SEARCH RETURN (SAVE MIN) UNSEEN", r'\* ESEARCH \(TAG "a\d+"\) MIN 2', OK)
        say("FETCH $ (UID)", r"\* 2 FETCH \(UID 2\)", OK)
        say("SEARCH RETURN (SAVE MIN MAX) UNSEEN", r'\* ESEARCH \(TAG "a\d+"\) MIN 2 MAX 6', OK)
        say("SEARCH UID $", r"\* SEARCH 2 6", OK)
        say("SEARCH RETURN (SAVE COUNT) UNSEEN", r'\* ESEARCH \(TAG "a\d+"\) COUNT 3', OK)
        say("SEARCH $", r"\* SEARCH 2 4 6", OK)
        say("SEARCH RETURN (SAVE ALL MIN) UNSEEN", r'\* ESEARCH \(TAG "a\d+"\) MIN 2 ALL 2,4,6', OK)
        say("SEARCH NOT $ 1:3", r"\* SEARCH 1 3", OK)
        say("SEARCH RETURN (SAVE) FOO", r"BAD.*")        # BAD leaves it as it is
        say("SEARCH $", r"\* SEARCH 2 4 6", OK)
        say("SEARCH RETURN (SAVE) CHARSET X-NONE ALL", r"(NO|BAD).*")
        say("SEARCH RETURN (SAVE) 2:3", OK)
        say("STORE 2 +FLAGS.SILENT (\\Deleted)", OK)
        say("EXPUNGE", r"\* 2 EXPUNGE", OK)
        say("FETCH $ (UID)", r"\* 2 FETCH \(UID 3\)", OK)  # what is expunged is no longer in it
        say("SEARCH RETURN (SAVE) KEYWORD $Junk", OK)    # finds nothing (example 3)
        say("FETCH $ (UID)", OK)
        say("COPY $ Saved", OK)
        say("MOVE $ Saved", OK)
        say("STORE $ +FLAGS (\\Draft)", OK)
        say("UID EXPUNGE $", OK)
        say("SORT RETURN (SAVE) (REVERSE ARRIVAL) UTF-8 1:2", OK)
        say("SEARCH $", r"\* SEARCH 1 2", OK)
        client.must("SELECT Saved")
        say("SEARCH $", r"\* SEARCH", OK)                # another SELECT forgets it
        say("FETCH 99 (UID)", NOTHING)                   # a number that is none stays an error


def numbers(site, checks):
    with Imap(site, "bovik") as client, Imap(site, ADMIN) as admin:
        client.must("SELECT INBOX")
        say = Script(checks, client)
        say("SEARCH SMALLER 4294967295", r"\* SEARCH.*", OK)
        say("SEARCH LARGER 4294967296", r"\* SEARCH", OK)
        say("SEARCH LARGER 99999999999999999999999", r"BAD.*")
        say("FETCH 4294967296 FLAGS", r"BAD.*")
        say("NOOP", OK)
        say = Script(checks, admin)
        say("SETQUOTA user/bovik (STORAGE 1000)", OK)
        for wrong in ("(STORAGE 99999999999999999999)", "(MESSAGE -1)", "(STORAGE)", "STORAGE 5", "(STORAGE 5", "(STORAGE 5 6)"):
            say("SETQUOTA user/bovik " + wrong, r"(BAD|NO).*")
            say("NOOP", OK)                              # nothing of it is taken for the next command
        say("GETQUOTA user/bovik", r"\* QUOTA user/bovik \(STORAGE 2 1000\)", OK)
    with Imap(site, "", login=False) as client:
        say = Script(checks, client)
        say("AUTHENTICATE PLAIN !!!", r"(BAD|NO).*")
        say("LOGIN bovik secret", OK)


def check(site, checks):
    searchres(site, checks)
    numbers(site, checks)


if __name__ == "__main__":
    mail_site.run(check, users=("bovik",))
