"""cyr_expire was killed after it had copied a message to the archive partition and before the index said so."""
STORE = "modern"
MAILBOX = "user.leena"


def damage(box):
    box.write(box.archive_path(5), box.read(5))


def check(box, before):
    assert box.index() == before.index()
    assert len(box.read(5)) == before.index()[1][5]["size"]
    assert not box.exists(box.archive_path(5))
    assert box.kept_of(box.archive_path(5)) == [box.read(5)]
