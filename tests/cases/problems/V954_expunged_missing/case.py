"""A mailbox of Cyrus 2.3 had two messages expunged but not yet removed; of one somebody removed the file.  In converting,
the other one stays restorable and that one is dropped."""
import struct

STORE = "versions"
MAILBOX = "user.wes.R&-D"                                # index version 9
RUN = ["reconstruct", "-V", "17", "{mailbox}"]
CODES = ["V951"]
EXPUNGED = 1 << 31


def damage(box):
    data = box.read("index")
    at, size, _ = box.record_at(3)
    records = b""
    for uid in (4, 5):
        record = bytearray(data[at:at + size])
        struct.pack_into(">I", record, 0, uid)
        struct.pack_into(">I", record, 28, 1795329870)   # last_updated: when it was expunged
        records += bytes(record)
    start = box.index()[0]["start_offset"]
    header = bytearray(data[:start])
    struct.pack_into(">I", header, 20, 2)                # num_records
    struct.pack_into(">I", header, 24, 1795329870)       # last_appenddate: of the last expunge
    struct.pack_into(">Q", header, 32, 2 * 38458)        # quota_mailbox_used, of the expunged ones here
    box.write(box.in_mailbox("cyrus.expunge"), bytes(header) + records)
    box.write(4, box.read(3))
    box.set_index(last_uid=5, leaked_cache_records=2)


def check(box, before):
    (was, old), (now, records) = before.index(), box.index()
    assert now["minor_version"] == 17 and now["uidvalidity"] == was["uidvalidity"]
    assert now["last_uid"] == 5 and now["exists"] == 3 and now["quota_mailbox_used"] == was["quota_mailbox_used"]
    assert sorted(records) == [1, 2, 3, 4] and box.uids() == [1, 2, 3]
    for uid in (1, 2, 3):
        assert [records[uid][k] for k in ("internaldate", "size", "modseq")] == [
            old[uid][k] for k in ("internaldate", "size", "modseq")]
        assert [f for f in records[uid]["flags"] if f != "\\Seen"] == old[uid]["flags"]
    assert records[4]["system_flags"] & EXPUNGED and records[4]["guid"] == records[3]["guid"]
    assert [f for f in records[4]["flags"] if f != "\\Seen"] == old[3]["flags"]
    assert now["leaked_cache_records"] == 0              # counts cyrus.expunge of 2.3
    assert box.exists(4) and not box.exists(box.in_mailbox("cyrus.expunge"))
