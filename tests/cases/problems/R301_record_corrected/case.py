"""One octet of the index went wrong on the disk: message 14 has lost its flags.  The record's CRC tells which octet it is and what it was."""
MAILBOX = "user.leena"
VARIES = ["sync_crc"]                                    # the new record has the time of the run


def damage(box):
    at, _, _ = box.record_at(14)
    box.flip("index", at + 35, 0x11)                     # the last octet of system_flags


def check(box, before):
    assert before.index()[1][14]["flags"] == ["\\Answered", "\\Seen"]
    (was, old), (now, new) = before.index(), box.index()
    assert new == old
    own = ("last_repack_time", "header_crc")             # the index was written anew
    assert all(now[k] == v for k, v in was.items() if k not in own)
