"""A message was expunged and its file is gone, but notes on it stayed: they count for nobody's quota and hang on no message."""
MAILBOX = "user.fred.Trash"


def damage(box):
    box.set_index(last_uid=9)
    box.edit_annotations("twoskip", {(9, b"/comment", b""): b"forgotten", (9, b"/comment", b"[.OwNeR.]"): b"mine"})


def check(box, before):
    assert sorted(box.database("annotations")) == [
        b"1\0/comment\0\0", b"1\0/comment\0[.OwNeR.]\0", b"2\0/comment\0[.OwNeR.]\0"]
    was, now = before.index(), box.index()
    assert now[1] == was[1] and now[0]["last_uid"] == 9
    assert all(now[0][f] == was[0][f] for f in ("quota_annot_used", "sync_crc_annot", "exists"))
