#include "tests/unit/mime/store_messages.h"

#include <boost/filesystem/operations.hpp>
#include <catch2/catch.hpp>
#include <map>
#include <vector>

#include "format/base/io.h"
#include "format/mailbox/cache_file.h"
#include "format/mailbox/index_file.h"

namespace cyr::test {

namespace {

// The directories that may hold the files of the mailbox whose index lies at `index` (metapartitions apart).
struct MailboxPlaces {
  fs::path meta;
  fs::path spool;
  fs::path archive;
};

MailboxPlaces places_of(const fs::path& store, const fs::path& index) {
  MailboxPlaces out;
  out.meta = index.parent_path();
  const fs::path relative = fs::relative(out.meta, store);
  const std::string top = relative.begin()->string();
  const fs::path below = fs::relative(out.meta, store / top);
  out.spool = top == "meta" ? store / "spool" / below : top == "meta2" ? store / "spool2" / below : out.meta;
  out.archive = store / "archive" / below;
  return out;
}

class MailboxVisitor {
 public:
  MailboxVisitor(const fs::path& store, const fs::path& index,
                 const std::function<void(const StoredMessage&)>& visit)
      : store_(store), places_(places_of(store, index)), index_(index), visit_(visit) {}

  std::size_t run() {
    const auto file = posix_io().read_file(index_);
    REQUIRE(file.has_value());
    const auto image = mailbox::decode_index(file->bytes());
    INFO(index_.string() << (image ? "" : image.error().text()));
    REQUIRE(image.has_value());
    std::size_t count = 0;
    for (const mailbox::IndexRecord& record : image->records) {
      count += visit(record, image->header.minor_version) ? 1 : 0;
    }
    return count;
  }

 private:
  bool visit(const mailbox::IndexRecord& record, unsigned version) {
    const bool archived = version >= 12 && record.has(mailbox::flag::archived);
    const fs::path path = (archived ? places_.archive : places_.spool) / (std::to_string(record.uid) + ".");
    if (!fs::exists(path)) {
      return false;
    }
    const auto message = posix_io().read_file(path);
    REQUIRE(message.has_value());
    const FileBytes& cache = cache_in(archived ? places_.archive : places_.meta);
    const auto cached = mailbox::cache_record_at(cache.bytes(), record.cache_offset);
    INFO(path.string() << (cached ? "" : cached.error().text()));
    REQUIRE(cached.has_value());
    visit_({fs::relative(path, store_).string(), message->text(), record, version, as_text(cached->whole),
            fs::last_write_time(path)});
    return true;
  }

  const FileBytes& cache_in(const fs::path& directory) {
    const auto found = caches_.find(directory.string());
    if (found != caches_.end()) {
      return found->second;
    }
    auto cache = posix_io().read_file(directory / "cyrus.cache");
    REQUIRE(cache.has_value());
    return caches_.emplace(directory.string(), std::move(*cache)).first->second;
  }

  fs::path store_;
  MailboxPlaces places_;
  fs::path index_;
  const std::function<void(const StoredMessage&)>& visit_;
  std::map<std::string, FileBytes> caches_;
};

}  // namespace

std::size_t visit_messages(const fs::path& store, const std::function<void(const StoredMessage&)>& visit) {
  std::vector<fs::path> indexes;
  for (const auto& entry : fs::recursive_directory_iterator(store)) {
    if (entry.path().filename() == "cyrus.index") {
      indexes.push_back(entry.path());
    }
  }
  std::sort(indexes.begin(), indexes.end());
  std::size_t count = 0;
  for (const fs::path& index : indexes) {
    count += MailboxVisitor(store, index, visit).run();
  }
  return count;
}

}  // namespace cyr::test
