// Conversion between index versions: against what 3.6.1's reconstruct -V made of the same mailboxes, and the
// losses.
#include "format/mailbox/convert.h"

#include <algorithm>

#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "tests/support/check.h"
#include "tests/unit/mailbox/corpus.h"

using namespace cyr;
using namespace cyr::mailbox;
using namespace cyr::test;

namespace {

IndexRecord first_record(unsigned version) { return decode_index(index_seed(version)).value().records.at(0); }

IndexRecord there_and_back(const IndexRecord& record, unsigned from, unsigned over) {
  const RecordConversion down = convert_record(record, from, over);
  Buffer raw(index_version(over)->record_size);
  REQUIRE_OK(encode_index_record(down.record, over, MutableBytes(raw)));
  return convert_record(decode_index_record(raw, over).value(), over, from, down.store).record;
}

bool mentions(const std::vector<Loss>& losses, std::string_view what, std::string_view value = {}) {
  return std::any_of(losses.begin(), losses.end(), [&](const Loss& loss) {
    return loss.what == what && (value.empty() || loss.value == value);
  });
}

}  // namespace

TEST_CASE("between v13 and v17 nothing of a record is lost") {
  IndexRecord record = first_record(17);
  record.cid = 0x0123456789ABCDEF;  // a leading zero digit: stock Cyrus loses it
  record.record_crc = 0;
  for (const unsigned over : {13U, 14U, 15U, 16U, 17U}) {
    INFO("over v" << over);
    IndexRecord back = there_and_back(record, 17, over);
    back.record_crc = 0;
    const bool same = back == record;
    CHECK(same);
    CHECK(convert_record(record, 17, over).losses.empty());
  }
}

TEST_CASE("fields move into annotations of Cyrus's names") {
  IndexRecord record;
  record.uid = 9;
  record.cid = 0xABC;
  record.savedate = 1795329482;
  record.createdmodseq = 77;
  const RecordConversion down = convert_record(record, 17, 12);
  REQUIRE(down.store.size() == 3);
  CHECK(down.store[0].entry == "/vendor/cmu/cyrus-imapd/thrid");
  CHECK(down.store[0].value == "0000000000000abc");
  CHECK(down.store[1].value == "1795329482");
  CHECK(down.store[2].value == "77");
  CHECK(down.store[2].uid == 9);
  // The form without padding, as 3.6.1 writes it, is read too.
  const auto up = convert_record(down.record, 12, 17, {{9, "/vendor/cmu/cyrus-imapd/thrid", "abc"}});
  CHECK(up.record.cid == 0xABC);
  CHECK(up.taken == std::vector<std::string>{"/vendor/cmu/cyrus-imapd/thrid"});
}

TEST_CASE("what an old version cannot hold is said") {
  IndexRecord record = first_record(17);
  record.system_flags = flag::seen | flag::expunged | flag::unlinked;
  record.modseq = 42;
  const RecordConversion down = convert_record(record, 17, 6);
  CHECK(mentions(down.losses, "modseq", "42"));
  CHECK(down.losses.size() == 1);  // the GUID is the message's, \Seen goes to the seen database
  CHECK(down.expunged_cannot_stay);
  CHECK(down.record.system_flags == 0);
  CHECK(down.record.content_offset == record.header_size);
  CHECK(convert_record(down.record, 6, 17).needs_parse);
  CHECK(convert_record(down.record, 6, 17).record.modseq == 1);
}

TEST_CASE("nanoseconds of v20 survive as an annotation") {
  IndexRecord record;
  record.uid = 1;
  record.internaldate = 1795329482;
  record.internaldate_nsec = 5;
  record.basecid = 3;
  const IndexRecord back = there_and_back(record, 20, 19);
  CHECK(back.internaldate_nsec == 5);
  CHECK(back.basecid == 3);
  record.size = std::uint64_t{5} << 30;
  CHECK(mentions(convert_record(record, 20, 19).losses, "size above 4 GiB"));
}

TEST_CASE("the header keeps what the version has and names the rest") {
  const auto v17 = decode_index_header(index_seed(17));
  REQUIRE_OK(v17);
  const HeaderConversion down = convert_header(*v17, 13);
  CHECK(down.header.minor_version == 13);
  CHECK(down.header.start_offset == 128);
  CHECK(down.header.record_size == 104);
  CHECK(down.header.uidvalidity == v17->uidvalidity);
  CHECK(down.header.highestmodseq == v17->highestmodseq);
  CHECK(mentions(down.losses, "changes_epoch"));
  REQUIRE_OK(decode_index_header(encode_index_header(down.header).value()));
  const HeaderConversion old = convert_header(*v17, 6);
  CHECK(mentions(old.losses, "highestmodseq"));
  CHECK((old.header.options & ~option::pop3_new_uidl) == 0);
  CHECK(decode_index_header(encode_index_header(old.header).value())->last_uid == v17->last_uid);
}
