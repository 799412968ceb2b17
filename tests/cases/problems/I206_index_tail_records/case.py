"""The server was killed while it copied a message into the mailbox: file and record are written, the header of cyrus.index
is not.  The message stays, and the header counts it."""
import os
import struct
import zlib

MAILBOX = "user.leena"
CODES = ["I220", "I221", "I230", "I231"]                 # what the header does not know yet


def damage(box):
    os.link(box.path(16), box.path(17))
    at, size, _ = box.record_at(16)
    record = bytearray(box.read("index")[at:at + size])
    struct.pack_into(">I", record, 0, 17)
    struct.pack_into(">Q", record, 80, 19)               # modseq
    struct.pack_into(">Q", record, 96, 19)               # createdmodseq
    struct.pack_into(">I", record, size - 4, zlib.crc32(bytes(record[:-4])))
    box.write("index", box.read("index") + bytes(record))


def check(box, before):
    (was, old), (now, records) = before.index(), box.index()
    changed = {"uid": 17, "modseq": 19, "createdmodseq": 19, "record_crc": records[17]["record_crc"]}
    assert records == {**old, 17: {**old[16], **changed}}
    assert [now[k] for k in ("num_records", "exists", "flagged", "unseen", "answered", "last_uid", "highestmodseq")] == [
        17, 16, 5, 14, 2, 17, 19]
    assert now["quota_mailbox_used"] == was["quota_mailbox_used"] + old[16]["size"]
    assert now["uidvalidity"] == was["uidvalidity"]
    assert box.exists(17)
