// Where mailboxes lie depends on the list's release, which must not be guessed.
#include <boost/filesystem/operations.hpp>

#include "format/base/forward_io.h"
#include "format/store/store.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"

using namespace cyr;

namespace {

// The list cannot be opened, for this reason.
class ListFails final : public ForwardIo {
 public:
  explicit ListFails(int error) : ForwardIo(posix_io()), error_(error) {}
  Result<int> open(const fs::path& path, OpenFlags flags, ::mode_t mode) override {
    if (path.filename() == "mailboxes.db" && error_ != 0) {
      return system_error(error_, "cannot open", path);
    }
    return inner().open(path, flags, mode);
  }
  void heal() { error_ = 0; }

 private:
  int error_;
};

meta::MailboxEntry some_entry() {
  meta::MailboxEntry entry;
  entry.name = "user.bovik";
  entry.partition = "default";
  entry.uniqueid = "abcdefghij";
  return entry;
}

}  // namespace

TEST_CASE("a list that cannot be read now says nothing of where mailboxes lie", "[store]") {
  const test::TempStore temp("old-3.2.12-virt");
  for (const int error : {EIO, EACCES}) {
    ListFails io(error);
    const auto store = store::Store::open(io, temp.conf());
    REQUIRE_OK(store);
    const auto files = (*store)->files(some_entry());
    REQUIRE_FALSE(files);
    CHECK(files.error().sys_errno == error);
    io.heal();
    const auto by_name = (*store)->files(some_entry());
    REQUIRE_OK(by_name);
    CHECK(by_name->place.layout == names::Layout::by_name);
  }
}

TEST_CASE("a list that is lost is one of this release", "[store]") {
  const test::TempStore temp("old-3.2.12-virt");
  const auto store = store::Store::open(posix_io(), temp.conf());
  REQUIRE_OK(store);
  fs::remove((*store)->paths().mailboxes_db());
  const auto files = (*store)->files(some_entry());
  REQUIRE_OK(files);
  CHECK(files->place.layout == names::Layout::by_id);
}
