"""cyrus.header has lost the name of a keyword that a message still has; the server went on without it."""
import zlib

MAILBOX = "user.fred.New Name.Kid"


def sync_crc(uid, record, flags):
    """What one record adds to the index's checksum for replication."""
    sum_of_flags = 0
    for flag in flags:
        sum_of_flags ^= zlib.crc32(flag.lower().encode())
    return zlib.crc32(b"%d %d %d (%d) %d %s" % (uid, record["modseq"], record["last_updated"], sum_of_flags,
                                                record["internaldate"], record["guid"].hex().encode()))


def damage(box):
    header, records = box.index()
    message = records[2]
    box.write_header_file(box.read("header").replace(b"U (Urgent ToDo Bovik)", b"U (Urgent ToDo)"))
    assert box.header()["flags"] == ["Urgent", "ToDo"]
    box.set_index(sync_crc_basic=header["sync_crc_basic"] ^ sync_crc(2, message, ["Urgent", "ToDo", "Bovik"]) ^
                  sync_crc(2, message, ["Urgent", "ToDo"]))


def check(box, before):
    assert box.header()["flags"] == ["Urgent", "ToDo", "flag-2"]
    was, now = before.index()[1], box.index()[1]
    assert now[2]["flags"] == ["Urgent", "ToDo", "flag-2"]
    for uid, record in was.items():
        assert now[uid] == {**record, "flags": [f.replace("Bovik", "flag-2") for f in record["flags"]]}
    total = 0
    for uid, record in now.items():
        total ^= sync_crc(uid, record, record["flags"])
    assert box.index()[0]["sync_crc_basic"] == total
