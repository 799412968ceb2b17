"""The archive partition ran full while cyr_expire copied a message there: half a copy beside the whole message."""
STORE = "modern"
MAILBOX = "user.leena"


def damage(box):
    box.write(box.archive_path(5), box.read(5)[:400])


def check(box, before):
    assert box.index() == before.index()
    assert len(box.read(5)) == before.index()[1][5]["size"]
    assert not box.exists(box.archive_path(5))
    assert box.kept_of(box.archive_path(5)) == [box.read(5)[:400]]
