"""The first eight octets of a record, UID and internaldate, were overwritten with zeros.
The file 14. has the GUID of the record: it is its message."""
MAILBOX = "user.leena"
VARIES = ["sync_crc"]                                    # the new record has the time of the run


def damage(box):
    data = box.read("index")
    at, _, _ = box.record_at(14)
    box.write("index", data[:at] + bytes(8) + data[at + 8:])


def check(box, before):
    assert before.index()[1][14]["flags"] == ["\\Answered", "\\Seen"]
    assert box.index()[1] == before.index()[1]
    assert box.index()[0]["highestmodseq"] == before.index()[0]["highestmodseq"]
