// The skiplist backend as a FileFormat: 32-bit file, no checksums, log and list in one
// (format/doc/skiplist.md). Default of most databases from 2.2.3 to 2.4; conversations.db until today.
#include <fmt/format.h>

#include <ctime>

#include "format/db/skiplist_edit.h"
#include "format/db/stream_sink.h"
#include "format/db/table_view.h"

namespace cyr::db {

using namespace skiplist;  // this file is the outside of that namespace

namespace {

constexpr std::uint64_t checkpoint_above = 16834;  // bytes; the odd constant is Cyrus's

std::uint32_t now() { return static_cast<std::uint32_t>(std::time(nullptr)); }

struct NodeFacts {
  std::uint64_t slots = 0;  // offset of the first pointer
};

// DUMMY and INORDER nodes, as a checkpoint leaves a file.
class SkiplistWriter final : public BulkWriter {
 public:
  explicit SkiplistWriter(StreamSink& sink) : sink_(sink) {}

  Status add(std::string_view key, std::string_view value) override {
    if (key.empty()) {
      return make_error(Errc::invalid, "skiplist cannot hold an empty key");
    }
    CYR_CHECK(begin());
    const unsigned level = even_level(++header_.listsize, max_level);
    const std::uint64_t offset = sink_.size();
    const std::uint64_t size = node_size(key, value, level);
    if (offset + size > max_file_size) {
      return make_error(Errc::unsupported, "does not fit into a skiplist file, which ends at 4 GiB");
    }
    header_.curlevel = std::max(header_.curlevel, level);
    CYR_CHECK(links_.add(offset, level, {offset + size - 4 * std::uint64_t{level + 1}}, patch_));
    record_.clear();
    const std::array<std::uint64_t, max_level> next{};
    append_node(record_, RecordType::inorder, key, value, level, next.data());
    return sink_.append(record_);
  }

  Status finish() override {
    CYR_CHECK(begin());
    CYR_CHECK(links_.finish(patch_));
    header_.logstart = static_cast<std::uint32_t>(sink_.size());
    header_.last_recovery = now();
    CYR_CHECK(sink_.patch(0, encode_header(header_)));
    return sink_.flush();
  }

 private:
  using Links = ForwardLinks<NodeFacts, max_level>;

  Status begin() {
    if (sink_.size() != 0) {
      return success();
    }
    CYR_CHECK(sink_.append(empty_file(header_)));
    return links_.add(dummy_offset, max_level, {dummy_offset + 12}, patch_);
  }
  Status patch_pointers(const Links::Waiting& done) {
    pointers_.clear();
    for (unsigned level = 0; level < done.level; ++level) {
      append_be(pointers_, static_cast<std::uint32_t>(done.next[level]));
    }
    return sink_.patch(done.head.slots, pointers_);
  }

  StreamSink& sink_;
  Header header_;
  Links links_;
  const std::function<Status(const Links::Waiting&)> patch_ = [this](const auto& done) {
    return patch_pointers(done);
  };
  Buffer record_;  // reused
  Buffer pointers_;
};

class SkiplistFormat final : public FileFormat {
 public:
  [[nodiscard]] Kind kind() const override { return Kind::skiplist; }
  [[nodiscard]] Order default_order() const override { return Order::signed_char; }

  [[nodiscard]] Result<std::unique_ptr<View>> view(Bytes file) const override {
    CYR_TRY(const Header header, decode_header(file));
    if (ends_with_commit(file, header)) {
      return std::unique_ptr<View>(std::make_unique<SkiplistView>(file, header));
    }
    // A writer died. Pointers already lead to what it did not commit; the log does not lie.
    CYR_TRY(const Order order, order_of(file, header, Order::signed_char));
    return replay(file, KeyOrder(order));
  }

  [[nodiscard]] Result<std::unique_ptr<View>> replay_if_broken(Bytes file, Order likely) const override {
    CYR_TRY(const Header header, decode_header(file));
    if (!ends_with_commit(file, header) || list_is_whole(file, header)) {
      return std::unique_ptr<View>();  // view() replays the first kind itself
    }
    CYR_TRY(const Order order, order_of(file, header, likely));
    auto replayed = replay(file, KeyOrder(order));
    return replayed ? std::move(replayed)
                    : std::unique_ptr<View>();  // damage: the list is then the best there is
  }

  Result<Readiness> prepare(Image& image, const KeyOrder& order) const override {
    if (image.bytes().empty()) {
      Header header;
      header.last_recovery = now();
      CYR_CHECK(image.write(empty_file(header), 0));
      CYR_CHECK(image.sync());
      return Readiness::ready;
    }
    CYR_TRY(const Header header, decode_header(image.bytes()));
    if (ends_with_commit(image.bytes(), header)) {
      return Readiness::ready;
    }
    CYR_TRY(const Replayed log, replay_log(image.bytes(), header, order));
    (void)log;
    return Readiness::rewrite;
  }

  [[nodiscard]] Result<std::unique_ptr<View>> replay(Bytes file, const KeyOrder& order) const override {
    CYR_TRY(const Header header, decode_header(file));
    CYR_TRY(const Replayed log, replay_log(file, header, order));
    std::vector<Entry> entries;
    entries.reserve(log.live.size());
    for (const std::uint64_t offset : log.live) {
      CYR_TRY(const Node node, decode_node(file, offset));
      entries.push_back({node.key, node.value});
    }
    return std::unique_ptr<View>(std::make_unique<TableView>(std::move(entries)));
  }

  [[nodiscard]] Result<std::unique_ptr<Editor>> edit(Image& image, const KeyOrder& order) const override {
    CYR_TRY(const Header header, decode_header(image.bytes()));
    return std::unique_ptr<Editor>(std::make_unique<SkiplistEditor>(image, header, order));
  }

  [[nodiscard]] Result<std::unique_ptr<BulkWriter>> writer(StreamSink& sink,
                                                           std::uint64_t /*generation*/) const override {
    return std::unique_ptr<BulkWriter>(std::make_unique<SkiplistWriter>(sink));
  }

  [[nodiscard]] bool wants_repack(Bytes file) const override {
    const auto header = decode_header(file);
    // Cyrus looks at the end of the log before it appends the COMMIT (4 bytes).
    return header && file.size() > 2 * std::uint64_t{header->logstart} + checkpoint_above + 4;
  }

 private:
  // The order of the keys of the sorted part and of the log's chain, for a file whose list cannot be trusted:
  // the order in which the sorted part stands; `likely` when that says nothing.
  static Result<Order> order_of(Bytes file, const Header& header, Order likely) {
    OrderSet orders;
    std::string_view previous;
    for (std::uint64_t offset = first_record; offset < header.logstart;) {
      CYR_TRY(const Node node, decode_node(file, offset));
      if (offset != first_record) {
        orders.narrow(previous, node.key);
      }
      previous = node.key;
      offset = node.end();
    }
    return orders.pick(likely);
  }
};

}  // namespace

const FileFormat& skiplist_format() {
  static const SkiplistFormat format;
  return format;
}

}  // namespace cyr::db
