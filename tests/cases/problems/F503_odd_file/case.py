"""An editor left a file in the mailbox.  It is nobody's message; reconstruct names it and leaves it where it is."""
MAILBOX = "user.leena"
STANDING = ["F503"]


def damage(box):
    box.write(box.in_mailbox("notes.txt"), b"not a message\n")


def check(box, before):
    assert box.exists(box.in_mailbox("notes.txt"))
