"""A quota file came back from a backup with the owner and mode of the backup program: the server's user may not read it.  Neither
its usage nor its limits can be known; the mailboxes keep their root, and other roots are counted."""
import os
import pwd

MAILBOX = "user.mona"
RUN = ["quota", "-f", "-q"]
CODES = ["Q902"]
EXIT = 1
STANDING = ["Q915"]
FILE = "config/quota/m/user.mona"
OTHER = b"%(S (999 20000) M (14) AS (0) NF (1) MODSEQ 0)\n"


def damage(box):
    box.write("config/quota/a/archive", OTHER)
    os.chmod(box.path(FILE), 0)
    if os.geteuid() == 0:                                # root may read all: the programs become the store's owner
        os.chmod(os.path.dirname(os.path.dirname(box.root)), 0o711)
        user = pwd.getpwnam("nobody")
        for folder, _, names in os.walk(box.root):
            for path in [folder] + [os.path.join(folder, name) for name in names]:
                os.lchown(path, user.pw_uid, user.pw_gid)


def check(box, before):
    assert os.stat(box.path(FILE)).st_mode & 0o777 == 0
    assert box.header() == before.header() and box.header()["quotaroot"] == "user.mona"
    assert box.read("config/quota/a/archive") == b"%(S (12050 20000) M (14) AS (0) NF (1) MODSEQ 0)\n"
    assert box.kept(FILE) == []
