"""The index has another CRC of cyrus.header than the file: it was edited by hand, or the index restored from a backup."""
MAILBOX = "user.leena"


def damage(box):
    box.set_index(header_file_crc=0x12345678)
