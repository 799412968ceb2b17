"""cyr_expire has purged an expunged message from the index, but its file is still there, or a restore brought it back.

Clients have seen the UID vanish, so the message comes back under a new one."""
MAILBOX = "user.leena"


def damage(box):
    box.drop_record(2)


def check(box, before):
    (was, old), (now, records) = before.index(), box.index()
    assert sorted(records) == sorted(set(old) - {2} | {17})
    for uid in set(old) - {2}:
        assert all(records[uid][field] == old[uid][field] for field in ("flags", "internaldate", "guid", "modseq", "savedate"))
    assert records[17]["guid"] == old[2]["guid"] and records[17]["internaldate"] == old[2]["internaldate"]
    assert records[17]["flags"] == [] and records[17]["modseq"] > was["highestmodseq"]
    assert (now["last_uid"], now["exists"]) == (17, was["exists"] + 1) and now["uidvalidity"] == was["uidvalidity"]
    assert len(box.read(17)) == old[2]["size"] and not box.exists(2)
