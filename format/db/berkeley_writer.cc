#include "format/db/berkeley_writer.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <limits>

#include "format/db/berkeley_format.h"
#include "format/db/berkeley_library.h"
#include "format/db/berkeley_thang.h"
#include "format/db/stream_sink.h"

namespace cyr::db::berkeley {

namespace {

constexpr std::uint32_t page_size = 4096;                      // bytes
constexpr std::uint32_t cache_size = std::uint32_t{16} << 20;  // bytes

// The keys come in the order that the file is to have, whichever that is: what is added is greater than
// everything that is there. (The library compares the key it was given with one of the tree, in this order of
// arguments.) So one writer serves every order, and the tree's parting keys are whole keys, right in all of
// them.
int new_is_greater(DB* /*db*/, const DBT* added, const DBT* there) {
  const bool same = added->size == there->size &&
                    (added->size == 0 || std::memcmp(added->data, there->data, added->size) == 0);
  return same ? 0 : 1;
}

class LibraryWriter final : public BulkWriter {
 public:
  LibraryWriter(StreamSink& sink, Kind kind) : sink_(sink), kind_(kind) {}

  Status open() {
    DB* raw = nullptr;
    CYR_CHECK(library_status(::db_create(&raw, nullptr, 0), "start"));
    db_.reset(raw);
    silence(raw);
    CYR_CHECK(library_status(raw->set_cachesize(raw, 0, cache_size, 1), "set the cache size"));
    CYR_CHECK(library_status(raw->set_pagesize(raw, page_size), "set the page size"));
    if (kind_ == Kind::berkeley) {
      CYR_CHECK(library_status(raw->set_bt_compare(raw, new_is_greater), "set the order"));
    }
    const DBTYPE type = kind_ == Kind::berkeley ? DB_BTREE : DB_HASH;
    return library_status(raw->open(raw, nullptr, nullptr, nullptr, type, DB_CREATE, 0), "create");
  }

  Status add(std::string_view key, std::string_view value) override {
    if (key.size() > max_size || value.size() > max_size) {
      return make_error(Errc::invalid, "Berkeley DB holds no more than 4 GiB in a key or value");
    }
    DBT key_thang = thang(key);
    DBT value_thang = thang(value);
    return library_status(db_->put(db_.get(), nullptr, &key_thang, &value_thang, DB_NOOVERWRITE), "put");
  }

  Status finish() override {
    DB_MPOOLFILE* pages = db_->get_mpf(db_.get());
    db_pgno_t last = 0;
    CYR_CHECK(library_status(pages->get_last_pgno(pages, &last), "count the pages"));
    for (db_pgno_t pgno = 0;; ++pgno) {
      CYR_CHECK(append_page(pages, pgno));
      if (pgno == last) {
        break;
      }
    }
    return sink_.flush();
  }

 private:
  Status append_page(DB_MPOOLFILE* pages, db_pgno_t pgno) {
    void* page = nullptr;
    const int got = pages->get(pages, &pgno, nullptr, 0, &page);
    Buffer copy(page_size);
    if (got != DB_PAGE_NOTFOUND) {  // a bucket that was never used; zeros say so
      CYR_CHECK(library_status(got, "get a page"));
      std::memcpy(copy.data(), page, page_size);
      CYR_CHECK(library_status(pages->put(pages, page, DB_PRIORITY_UNCHANGED, 0), "put a page back"));
    }
    if (pgno == 0) {
      CYR_CHECK(set_uid(copy));
    }
    return sink_.append(copy);
  }

  // Caches and logs know a file by these bytes: no two may have the same.
  static Status set_uid(Buffer& meta) {
    const auto got = ::getrandom(meta.data() + file_id_offset, file_id_size, 0);
    if (got != static_cast<::ssize_t>(file_id_size)) {
      return system_error(errno, "no random numbers");
    }
    return success();
  }

  static constexpr std::size_t max_size = std::numeric_limits<std::uint32_t>::max();
  StreamSink& sink_;
  Kind kind_;
  std::unique_ptr<DB, CloseHandle<DB>> db_;
};

}  // namespace

Result<std::unique_ptr<BulkWriter>> make_writer(StreamSink& sink, Kind kind) {
  auto writer = std::make_unique<LibraryWriter>(sink, kind);
  CYR_CHECK(writer->open());
  return std::unique_ptr<BulkWriter>(std::move(writer));
}

}  // namespace cyr::db::berkeley
