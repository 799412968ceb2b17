"""cyrus.header was restored from a backup that is older than the mailbox's quota root: it names none.  What is delivered would
be booked nowhere."""
import zlib

MAILBOX = "bb.sub"
RUN = ["quota", "-f", "-q"]
FILE = "config/quota/b/bb"


def damage(box):
    data = box.read("header")
    assert data.count(b" Q bb ") == 1
    box.write_header_file(data.replace(b" Q bb ", b" "))


def check(box, before):
    (was, records), (now, after) = before.index(), box.index()
    assert box.header() == before.header() and box.header()["quotaroot"] == "bb"
    assert now["header_file_crc"] == zlib.crc32(box.read("header"))
    assert after == records and {**now, "header_crc": 0} == {**was, "header_crc": 0}
    assert box.quota(FILE) == {"S": [221805, None], "M": [17, None], "AS": [0, None], "NF": [3, None]}
    (old,), (index,) = (box.kept("spool/uuid/h/y/hyjtja2ry7cs1c2x0u5isijo/cyrus." + name) for name in ("header", "index"))
    assert b" Q bb " not in old and len(index) == len(box.read("index"))
