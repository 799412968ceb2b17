"""A message file is a symbolic link to a disk that is not mounted.  reconstruct -s believes the directory, -G cannot read the message: it is named
and keeps its place."""
import os

MAILBOX = "user.leena"
RUN = ["reconstruct", "-s", "-G", "{mailbox}"]
EXIT = 2
STANDING = ["R340"]


def damage(box):
    box.remove(5)
    os.symlink("/nonexistent/5.", box.path(5))


def check(box, before):
    assert box.index() == before.index()
    assert os.path.islink(box.path(5))
