"""A Maildir as the synchronizing clients keep it: what is in it, and the changes that a mail reader makes to it."""
import collections
import os
import re

# What the letters of a file name stand for; T(rashed) is \Deleted.
LETTERS = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}

Mail = collections.namedtuple("Mail", "path subject flags text")


def mails(folder):
    """Every message, in no order."""
    out = []
    for part in ("cur", "new"):
        below = os.path.join(folder, part)
        for name in os.listdir(below) if os.path.isdir(below) else []:
            path = os.path.join(below, name)
            with open(path, "rb") as file:
                text = file.read()
            subject = re.search(rb"^Subject: ?(.*?)\r?$", text, re.M)
            letters = re.search(r":2,([A-Za-z]*)$", name)
            out.append(Mail(path, subject.group(1).decode() if subject else "", frozenset(
                LETTERS[letter] for letter in (letters.group(1) if letters else "") if letter in LETTERS), text))
    return out


def subjects(folder):
    return sorted(mail.subject for mail in mails(folder))


def flags(folder):
    """{subject: flags}; of two with one subject the last."""
    return {mail.subject: mail.flags for mail in mails(folder)}


def make(folder):
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(folder, part), exist_ok=True)


def add(folder, name, message, letters=""):
    """Stores a message with the line ends of this system."""
    path = os.path.join(folder, "cur", "%s:2,%s" % (name, letters))
    with open(path, "wb") as file:
        file.write(message.replace(b"\r\n", b"\n"))
    return path


def mark(mail, letters):
    """Renames: these letters instead of the ones it has; "T" is what a mail reader does that deletes."""
    name = os.path.basename(mail.path).split(":2,")[0]
    path = os.path.join(os.path.dirname(os.path.dirname(mail.path)), "cur", "%s:2,%s" % (name, "".join(sorted(letters))))
    os.rename(mail.path, path)
    return path
