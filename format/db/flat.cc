// The flat backend as a FileFormat: sorted lines, always replaced as a whole (format/doc/flat.md).
// Subscriptions and user_deny.db; seen state in 2.1.
#include "format/db/flat_format.h"
#include "format/db/overlay.h"
#include "format/db/stream_sink.h"

namespace cyr::db {

namespace {

class FlatWriter final : public BulkWriter {
 public:
  explicit FlatWriter(StreamSink& sink) : sink_(sink) {}

  Status add(std::string_view key, std::string_view value) override {
    if (key.empty()) {
      return make_error(Errc::invalid, "flat cannot hold an empty key");
    }
    line_.clear();
    flat::append_escaped(line_, key);
    line_ += '\t';
    flat::append_escaped(line_, value);
    line_ += '\n';
    return sink_.append(as_bytes(line_));
  }
  Status finish() override { return sink_.flush(); }

 private:
  StreamSink& sink_;
  std::string line_;  // reused
};

class FlatFormat final : public FileFormat {
 public:
  [[nodiscard]] Kind kind() const override { return Kind::flat; }
  [[nodiscard]] Order default_order() const override { return Order::flat; }
  [[nodiscard]] bool fixed_order() const override { return true; }
  [[nodiscard]] bool readers_lock() const override { return false; }

  [[nodiscard]] Result<std::unique_ptr<View>> view(Bytes file) const override {
    // Cyrus reads any file as flat, so that a skiplist file taken for flat is an empty database to it.
    if (as_text(file).starts_with("\xa1\x02\x8b\x0d")) {
      return corrupt("not a flat file", 0);
    }
    return std::unique_ptr<View>(std::make_unique<flat::FlatView>(file));
  }
  Result<Readiness> prepare(Image& image, const KeyOrder& /*order*/) const override {
    CYR_CHECK(flat::FlatView(image.bytes()).check_lines());
    return Readiness::ready;
  }
  [[nodiscard]] Result<std::unique_ptr<View>> replay(Bytes file, const KeyOrder& /*order*/) const override {
    return view(file);
  }
  [[nodiscard]] Result<std::unique_ptr<Editor>> edit(Image& image, const KeyOrder& order) const override {
    CYR_TRY(auto base, view(image.bytes()));
    return std::unique_ptr<Editor>(std::make_unique<OverlayEditor>(std::move(base), order));
  }
  [[nodiscard]] Result<std::unique_ptr<BulkWriter>> writer(StreamSink& sink,
                                                           std::uint64_t /*generation*/) const override {
    return std::unique_ptr<BulkWriter>(std::make_unique<FlatWriter>(sink));
  }
  [[nodiscard]] bool wants_repack(Bytes /*file*/) const override { return false; }
  [[nodiscard]] bool replaced_whole() const override { return true; }
};

}  // namespace

const FileFormat& flat_format() {
  static const FlatFormat format;
  return format;
}

}  // namespace cyr::db
