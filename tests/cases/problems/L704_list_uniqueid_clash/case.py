"""A folder was copied with cp and put into mailboxes.db as it is, so two mailboxes have one unique id.  With -I the copy gets an id of
its own."""
import glob
import os
import shutil

STORE = "classic"
MAILBOX = "user.leena.Work"                              # empty; the copy of Sent comes in its place
RUN = ["reconstruct", "-I", "{mailbox}"]
CODES = ["I230"]                                         # what Sent has as annotations is not the copy's any more
LIST = "config/mailboxes.db"
SENT, WORK = "9c50uuan1rnjuxyekkuj7p5p", "ozwsryia8uoh6gfe6jxrgrba"


def damage(box):
    sent = box.reader.places("user.leena.Sent", box.reader.list["user.leena.Sent"])["spool"]
    for path in glob.glob(os.path.join(sent, "*")):
        shutil.copy2(path, box.places["spool"])
    key, values = b"Nuser\x1fleena\x1fWork", box.database(LIST)
    assert values[key].count(WORK.encode()) == 1
    box.edit_database(LIST, "twoskip", {key: values[key].replace(WORK.encode(), SENT.encode()), b"I" + WORK.encode(): None})


def check(box, before):
    fresh = box.entry["uniqueid"]
    assert fresh not in (SENT, WORK) and len(fresh) == 24 and box.entry["id_record"]
    assert box.header()["uniqueid"] == fresh
    assert box.reader.list["user.leena.Sent"] == before.reader.list["user.leena.Sent"]
    sent = box.reader.mailbox("user.leena.Sent")
    assert sent["header"]["uniqueid"] == SENT
    assert box.uids() == [1, 2] and box.exists(1) and box.exists(2)
    assert box.header()["flags"] == ["Holiday", "ToDo", "Urgent", "Bills"]
