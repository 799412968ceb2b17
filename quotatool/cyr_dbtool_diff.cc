// cyr_dbtool diff: what one database has and another one has not, whatever their backends and orders.
#include <fmt/format.h>

#include "format/db/registry.h"
#include "quotatool/cyr_dbtool_printer.h"
#include "quotatool/database_program.h"

namespace cyr::quotatool {

namespace {

struct Counts {
  std::uint64_t left = 0;
  std::uint64_t right = 0;
  std::uint64_t changed = 0;
};

class Diff {
 public:
  Diff(const DbtoolArguments& arguments, db::Database& left, db::Database& right)
      : arguments_(arguments), left_(left), right_(right) {}

  // Looks keys up one by one, so that neither database has to fit into memory. Both are held, so that what is
  // found missing is.
  Result<Counts> run() {
    CYR_TRY(const auto hold_left, left_.hold());
    CYR_TRY(const auto hold_right, right_.hold());
    CYR_CHECK(left_.for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
      CYR_TRY(const auto other, right_.get(key));
      if (!other) {
        ++counts_.left;
        say('-', key, value);
      } else if (*other != value) {
        ++counts_.changed;
        say('-', key, value);
        say('+', key, *other);
      }
      return db::Visit::go_on;
    }));
    CYR_CHECK(right_.for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
      CYR_TRY(const auto other, left_.get(key));
      if (!other) {
        ++counts_.right;
        say('+', key, value);
      }
      return db::Visit::go_on;
    }));
    return counts_;
  }

 private:
  void say(char sign, std::string_view key, std::string_view value) const {
    if (arguments_.json) {
      cli::JsonLine line;
      line.add("in", sign == '-' ? "first" : "second");
      add_bytes(line, arguments_, "key", key);
      add_bytes(line, arguments_, "value", value);
      line.print();
    } else {
      print(fmt::format("{}{}\t{}\n", sign, shown(arguments_, key), shown(arguments_, value)));
    }
  }

  const DbtoolArguments& arguments_;
  db::Database& left_;
  db::Database& right_;
  Counts counts_;
};

}  // namespace

Result<int> diff_databases(const ActionContext& in) {
  if (in.arguments.words.empty()) {
    return make_error(Errc::invalid, "diff needs another database")
        .with_hint("cyr_dbtool FILE BACKEND diff FILE [BACKEND]");
  }
  const fs::path other = in.arguments.words[0];
  const auto named = parse_backend(in.arguments.words.size() > 1 ? in.arguments.words[1] : "auto");
  CYR_TRY(std::optional<db::Kind> kind, named);
  if (kind != db::Kind::quotalegacy) {
    CYR_TRY(const auto found, db::detect(read_only_io(), other));
    kind = found ? found : kind;
  }
  if (!kind) {
    return make_error(Errc::corrupt, "is no database that this program knows")
        .at(other)
        .with_hint("name its backend");
  }
  const auto same = read_only_io().stat(in.arguments.file);
  const auto info = read_only_io().stat(other);
  if (same && info && same->same_file(*info) && info->kind == FileKind::regular) {
    return cli::exit_ok;  // and one file is locked only once
  }
  db::OpenOptions options = in.options;
  options.create = false;
  CYR_TRY(const auto right, db::open(read_only_io(), other, *kind, options));
  CYR_TRY(const Counts counts, Diff(in.arguments, *in.database, *right).run());
  return counts.left + counts.right + counts.changed == 0 ? cli::exit_ok : status_different;
}

}  // namespace cyr::quotatool
