#include "format/db/berkeley.h"

#include "format/db/berkeley_settle.h"
#include "format/db/berkeley_view.h"
#include "format/db/berkeley_writer.h"
#include "format/db/file_database.h"
#include "format/db/overlay.h"
#include "format/db/table_view.h"

namespace cyr::db {

namespace {

using namespace berkeley;  // NOLINT(google-build-using-namespace): this file is its door

Result<std::unique_ptr<View>> view_of(Bytes file, Kind kind) {
  CYR_TRY(const Meta meta, decode_meta(file));
  if (meta.is_btree() != (kind == Kind::berkeley)) {
    return corrupt(meta.is_btree() ? "is a btree, not a hash" : "is a hash, not a btree", 12);
  }
  if (meta.is_btree()) {
    return std::unique_ptr<View>(std::make_unique<BtreeView>(file, meta));
  }
  return std::unique_ptr<View>(std::make_unique<HashView>(file, meta));
}

// A file of an older version, seen as the library brought it to the present one in a copy.
class UpgradedView final : public View {
 public:
  static Result<std::unique_ptr<View>> make(Bytes file, Kind kind) {
    auto out = std::make_unique<UpgradedView>();
    CYR_TRY(out->copy_, upgrade(file));
    CYR_TRY(out->content_, posix_io().read_file(out->copy_.file));
    CYR_TRY(out->view_, view_of(out->content_.bytes(), kind));
    return std::unique_ptr<View>(std::move(out));
  }
  [[nodiscard]] Result<std::optional<Entry>> find(std::string_view key,
                                                  const KeyOrder& order) const override {
    return view_->find(key, order);
  }
  Status scan(ScanFrom from, const KeyOrder& order, const EntryVisitor& visit) const override {
    return view_->scan(from, order, visit);
  }
  [[nodiscard]] Result<OrderSet> orders() const override { return view_->orders(); }
  [[nodiscard]] bool stable() const override { return true; }
  [[nodiscard]] Status check() const override { return view_->check(); }

 private:
  Settled copy_;
  FileBytes content_;
  std::unique_ptr<View> view_;
};

class BerkeleyFormat final : public FileFormat {
 public:
  explicit BerkeleyFormat(Kind kind) : kind_(kind) {}

  [[nodiscard]] Kind kind() const override { return kind_; }
  [[nodiscard]] Order default_order() const override { return Order::raw; }
  // A hash has no order of its own; it is read in this one.
  [[nodiscard]] bool fixed_order() const override { return kind_ == Kind::berkeley_hash; }

  [[nodiscard]] Result<std::unique_ptr<View>> view(Bytes file) const override {
    const auto known = recognise(file);
    return known && needs_upgrade(*known) ? UpgradedView::make(file, kind_) : view_of(file, kind_);
  }

  Result<Readiness> prepare(Image& image, const KeyOrder& /*order*/) const override {
    if (!image.bytes().empty()) {
      CYR_TRY(const auto there, view(image.bytes()));
      return Readiness::ready;
    }
    return Readiness::rewrite;  // it has several pages, and must not be there in part
  }

  // There is no log in the file: it is what it is.
  [[nodiscard]] Result<std::unique_ptr<View>> replay(Bytes file, const KeyOrder& /*order*/) const override {
    if (file.empty()) {
      return std::unique_ptr<View>(std::make_unique<TableView>(std::vector<Entry>(), true));
    }
    return view(file);
  }
  [[nodiscard]] Result<std::unique_ptr<Editor>> edit(Image& image, const KeyOrder& order) const override {
    CYR_TRY(auto base, view(image.bytes()));
    return std::unique_ptr<Editor>(std::make_unique<OverlayEditor>(std::move(base), order));
  }
  [[nodiscard]] Result<std::unique_ptr<BulkWriter>> writer(StreamSink& sink,
                                                           std::uint64_t /*generation*/) const override {
    return make_writer(sink, kind_);
  }
  [[nodiscard]] bool wants_repack(Bytes /*file*/) const override { return false; }
  [[nodiscard]] bool replaced_whole() const override { return true; }

 private:
  Kind kind_;
};

}  // namespace

const FileFormat& berkeley_format() {
  static const BerkeleyFormat format(Kind::berkeley);
  return format;
}

const FileFormat& berkeley_hash_format() {
  static const BerkeleyFormat format(Kind::berkeley_hash);
  return format;
}

Result<std::unique_ptr<Database>> berkeley::open(Io& io, const fs::path& path, Kind kind,
                                                 const OpenOptions& options) {
  CYR_TRY(const auto environment, environment_of(io, path, options));
  if (environment) {
    return open_in_environment(io, path, kind, options, *environment);
  }
  CYR_TRY(const bool there, io.exists(path));
  if (!there && options.create && options.environment && !options.environment->empty()) {
    return open_in_environment(io, path, kind, options, *options.environment);
  }
  return FileDatabase::open(io, path, kind == Kind::berkeley ? berkeley_format() : berkeley_hash_format(),
                            options);
}

}  // namespace cyr::db
