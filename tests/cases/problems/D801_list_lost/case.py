"""mailboxes.db is gone.  Each mailbox comes back from its header, with its access list, unique id and UIDVALIDITY; what is lost is
which names were deleted or renamed."""
MAILBOX = "user.leena.Sent"
CODES = ["L706"]                                         # each mailbox is listed anew
EXIT = 2                                                 # somebody should know of it


def damage(box):
    box.remove("config/mailboxes.db")


def check(box, before):
    was = {name: e for name, e in before.reader.list.items() if e["type"] != "ed"}
    now = box.reader.list
    assert set(now) == set(was)
    for name in was:
        for field in ("type", "partition", "uniqueid", "acl", "uidvalidity", "createdmodseq", "id_record"):
            assert now[name][field] == was[name][field], (name, field, now[name][field], was[name][field])
    assert box.index() == before.index() and box.header() == before.header()
