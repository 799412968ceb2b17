"""A restore from a backup that Cyrus 2.3 wrote has brought back cyrus.expunge and the message that it names.

Cyrus since 2.5 would remove that message; here it is an expunged one again, which unexpunge can bring back."""
import struct

import mailboxfile

MAILBOX = "user.leena"
CODES = ["C401"]                                         # the record of 2.3 has no sum of its cache record


def damage(box):
    old = box.index()[1][2]
    head, one = (bytearray(size) for size in mailboxfile.SIZES[10])
    struct.pack_into(">4I", head, 8, 10, len(head), len(one), 1)
    for fields, data, values in ((mailboxfile.HEADER_FIELDS, head, {**box.index()[0], "minor_version": 10}),
                                 (mailboxfile.RECORD_FIELDS, one, {**old, "system_flags": 4})):
        for name, at, form, first, last in fields:
            if first <= 10 <= last and name not in ("minor_version", "start_offset", "record_size", "num_records"):
                value = values[name]
                struct.pack_into(">" + form, data, at, *(value if isinstance(value, tuple) else (value,)))
    box.drop_record(2)
    box.write(box.in_mailbox("cyrus.expunge"), bytes(head + one))


def check(box, before):
    (was, old), (now, records) = before.index(), box.index()
    assert {uid: r for uid, r in records.items() if uid != 2} == {uid: r for uid, r in old.items() if uid != 2}
    back = records[2]
    assert back["system_flags"] & mailboxfile.EXPUNGED and back["flags"] == ["\\Deleted"]
    assert all(back[field] == old[2][field] for field in ("internaldate", "sentdate", "size", "header_size", "guid", "gmtime"))
    assert len(box.read(2)) == back["size"]
    assert (now["last_uid"], now["exists"], now["uidvalidity"]) == (was["last_uid"], was["exists"], was["uidvalidity"])
    assert now["quota_mailbox_used"] == was["quota_mailbox_used"]
    assert not box.exists(box.in_mailbox("cyrus.expunge")) and len(box.kept_of(box.in_mailbox("cyrus.expunge"))) == 1
