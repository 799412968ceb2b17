"""A message was copied within its mailbox, and the file of the copy is gone; that of the original is still there."""
import struct
import zlib

import mailboxfile

MAILBOX = "user.leena"


def damage(box):
    head, records = box.index()
    new = {**records[5], "uid": 17, "modseq": 19, "createdmodseq": 19}
    at, size, _ = box.record_at(5)
    data = box.read("index")
    box.write("index", data + struct.pack(">I", 17) + data[at + 4:at + size])
    basic = "17 19 %d (0) %d %s" % (new["last_updated"], new["internaldate"], new["guid"].hex())
    annotations = ["17 /vendor/cmu/cyrus-imapd/%s  %d" % (name, new[name]) for name in ("savedate", "createdmodseq")]
    box.set_index(num_records=17, last_uid=17, exists=head["exists"] + 1, unseen=head["unseen"] + 1, highestmodseq=19,
                  quota_mailbox_used=head["quota_mailbox_used"] + new["size"],
                  sync_crc_basic=head["sync_crc_basic"] ^ zlib.crc32(basic.encode()),
                  sync_crc_annot=head["sync_crc_annot"] ^ zlib.crc32(annotations[0].encode()) ^ zlib.crc32(annotations[1].encode()))
    box.set_record(17, modseq=19, createdmodseq=19)


def check(box, before):
    (was, old), (now, records) = before.index(), box.index()
    assert {uid: r for uid, r in records.items() if uid != 17} == old
    assert box.read(17) == box.read(5)
    assert records[17]["guid"] == old[5]["guid"] and records[17]["modseq"] == 19 and records[17]["flags"] == old[5]["flags"]
    assert not records[17]["system_flags"] & mailboxfile.EXPUNGED
    assert (now["last_uid"], now["exists"]) == (17, was["exists"] + 1) and now["deletedmodseq"] == was["deletedmodseq"]
