// A scratch copy of a store, and mailboxes of it open for changes.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>

#include "format/base/crc32.h"
#include "format/store/mailbox_edit.h"
#include "format/store/select.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"

namespace cyr::test {

struct Bench {
  explicit Bench(const std::string& name, const std::string& expunge_mode = "delayed", Io& which = posix_io())
      : temp(name), io(which) {
    const std::string conf = read_text(temp.conf());
    write_text(temp.conf(), replace_all(conf, "expunge_mode: delayed", "expunge_mode: " + expunge_mode));
    auto opened = store::Store::open(io, temp.conf());
    REQUIRE_OK(opened);
    store = std::move(*opened);
  }

  meta::MailboxEntry entry(const std::string& name) {
    auto selection = store::select_mailboxes(*store, {name}, {});
    REQUIRE_OK(selection);
    REQUIRE(selection->entries.size() == 1);
    return selection->entries.front();
  }
  std::unique_ptr<store::MailboxEdit> open(const std::string& name, std::int64_t now) {
    auto edit = store::MailboxEdit::open(*store, entry(name), locks, now);
    REQUIRE_OK(edit);
    return std::move(*edit);
  }
  store::StagedMessage stage(std::string_view text, store::SourceOf source = store::SourceOf::append) const {
    auto staged = store::StagedMessage::create(*store, "default", source);
    REQUIRE_OK(staged);
    REQUIRE_OK(staged->write(text));
    REQUIRE_OK(staged->finish());
    return std::move(*staged);
  }
  [[nodiscard]] std::string crc(const fs::path& path) const {
    const auto bytes = posix_io().read_file(path);
    return bytes ? fmt::format("{:08x}", crc32(bytes->bytes())) : "none";
  }
  [[nodiscard]] std::size_t messages(const store::MailboxEdit& edit) const {
    std::size_t count = 0;
    const auto listed = posix_io().list(edit.files().data);
    REQUIRE_OK(listed);
    for (const auto& one : *listed) {
      count += one.name.ends_with('.') ? 1 : 0;
    }
    return count;
  }
  [[nodiscard]] std::string quota(const std::string& user) const {
    return read_text(temp / ("config/quota/" + user.substr(0, 1) + "/user." + user));
  }

  TempStore temp;
  Io& io;
  std::unique_ptr<store::Store> store;
  store::UserLocks locks;
};

}  // namespace cyr::test
