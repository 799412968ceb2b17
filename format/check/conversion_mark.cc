#include "format/check/conversion_mark.h"

#include <algorithm>

#include "format/base/text.h"

namespace cyr::check {

namespace {

constexpr std::string_view mark_name = "cyrkit.conversion";
constexpr std::string_view mark_reason = "conversion-mark";
constexpr std::string_view kWhole = "directory", kMade = "new-directory";
constexpr std::string_view kArchive = "archive", kMadeFromArchive = "new-from-archive";

fs::path mark_of(const store::Store& store) {
  return store.paths().config_directory() / std::string(mark_name);
}

std::string_view kind_of(const DirectoryMove& move) {
  return move.messages_only ? (move.made ? kMadeFromArchive : kArchive) : (move.made ? kMade : kWhole);
}

// What a line cannot hold is no name that a server would accept.
bool fits_a_line(std::string_view text) { return text.find_first_of("\t\n") == std::string_view::npos; }

std::string line_of(std::string_view kind, std::string_view a, std::string_view b, std::string_view c) {
  return fits_a_line(a) && fits_a_line(b) && fits_a_line(c)
             ? std::string(kind) + "\t" + std::string(a) + "\t" + std::string(b) + "\t" + std::string(c) +
                   "\n"
             : std::string();
}

bool is_mailbox_directory(const store::Store& store, const fs::path& path) {
  return path.is_absolute() && path == path.lexically_normal() && store.paths().identify(path).has_value();
}

void take_line(const store::Store& store, std::string_view line, ConversionMark& mark) {
  const auto words = split(line, '\t');
  if (words.size() != 4) {
    return;
  }
  if (words[0] == "id") {
    mark.ids.emplace(words[1], words[2]);
    return;
  }
  DirectoryMove move{std::string(words[1]), std::string(words[2]), std::string(words[3])};
  move.messages_only = words[0] == kArchive || words[0] == kMadeFromArchive;
  move.made = words[0] == kMade || words[0] == kMadeFromArchive;
  if (words[0] == kind_of(move) && is_mailbox_directory(store, move.from) &&
      is_mailbox_directory(store, move.to)) {
    mark.moves.push_back(std::move(move));
  }
}

}  // namespace

Result<std::optional<ConversionMark>> read_conversion_mark(store::Store& store) {
  const auto file = store.io().read_file(mark_of(store));
  if (!file) {
    return file.error().code == Errc::not_found
               ? Result<std::optional<ConversionMark>>(std::optional<ConversionMark>())
               : file.error();
  }
  const auto lines = split(file->text(), '\n');
  const auto form = lines.empty() ? std::nullopt : parse_number<unsigned>(lines.front());
  if (!form || *form > static_cast<unsigned>(meta::ListFormat::keyed_312)) {
    return corrupt("is no mark of a conversion").at(mark_of(store));
  }
  ConversionMark mark;
  mark.from = static_cast<meta::ListFormat>(*form);
  for (const auto& line : lines) {
    take_line(store, line, mark);
  }
  return std::optional(std::move(mark));
}

Status write_conversion_mark(store::Store& store, const ConversionMark& mark, store::SavedCopies& saved) {
  const fs::path path = mark_of(store);
  std::string text = std::to_string(static_cast<unsigned>(mark.from)) + "\n";
  for (const auto& [mailbox, id] : mark.ids) {
    text += line_of("id", mailbox, id, "");
  }
  for (const auto& move : mark.moves) {
    text += line_of(kind_of(move), move.mailbox, move.from.native(), move.to.native());
  }
  CYR_TRY(const bool there, store.io().exists(path));
  CYR_CHECK(there ? saved.before_replace(path, {"", mark_reason})
                  : saved.before_create(path, {"", mark_reason}));
  CYR_CHECK(replace_file(store.io(), path, as_bytes(text), 0600));
  return saved.settle("");
}

Status remove_conversion_mark(store::Store& store, store::SavedCopies& saved) {
  const fs::path path = mark_of(store);
  CYR_TRY(const bool there, store.io().exists(path));
  if (!there) {
    return success();
  }
  CYR_CHECK(saved.before_remove(path, {"", mark_reason}));
  CYR_CHECK(store.io().unlink(path));
  CYR_CHECK(store.io().sync_directory(path.parent_path()));
  return saved.settle("");
}

}  // namespace cyr::check
