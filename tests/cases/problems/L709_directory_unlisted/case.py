"""An administrator copied a mailbox's directory beside it with cp -a; reconstruct -f does not take the copy for a mailbox."""
import filecmp
import shutil

STORE = "classic"
MAILBOX = "user.leena"
RUN = ["reconstruct", "-f", "{mailbox}"]
EXIT = 2
STANDING = ["L709"]


def damage(box):
    shutil.copytree(box.in_mailbox("Sent"), box.in_mailbox("Sent-old"))


def check(box, before):
    assert "user.leena.Sent" in box.reader.list and "user.leena.Sent-old" not in box.reader.list
    compared = filecmp.dircmp(box.in_mailbox("Sent"), box.in_mailbox("Sent-old"))
    assert compared.same_files and not compared.diff_files + compared.left_only + compared.right_only
