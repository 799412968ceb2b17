#include "format/check/other_files.h"

#include <algorithm>
#include <functional>

#include "format/base/crc32.h"
#include "format/check/messages.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/store/saved_copies.h"

namespace cyr::check {

namespace {

constexpr std::size_t kQuickSample = 8;  // records that are compared with message files of each mailbox
constexpr std::size_t kSample = 64;      // and where those do not agree
constexpr std::size_t kMostRuns = 1000;  // saved runs that are looked into

// Some records of an index, and its header; of a damaged one too where checksums tell which records can be
// read.
struct Sample {
  mailbox::IndexHeader header;
  std::vector<mailbox::IndexRecord> records;
};

// At most about `most` records, from all of the file: half a million of them would take 100 MiB. Nothing when
// the file cannot be read at all.
std::optional<Sample> sample_of(Bytes file, std::size_t most) {
  Sample sample;
  unsigned layout = 0;
  if (auto header = mailbox::decode_index_header(file)) {
    sample.header = std::move(*header);
    layout = mailbox::record_layout(sample.header);
  } else {
    auto salvaged = mailbox::salvage_index_header(file);
    sample.header = std::move(salvaged.header);
    layout = mailbox::has_record_crc(salvaged.layout) ? salvaged.layout : 0;
  }
  const std::uint64_t size = sample.header.record_size;
  const std::uint64_t start = sample.header.start_offset;
  if (layout == 0 || size == 0 || start > file.size()) {
    return {};
  }
  const std::uint64_t count = (file.size() - start) / size;
  const std::uint64_t step = std::max<std::uint64_t>(1, count / most);
  for (std::uint64_t i = 0; i < count; i += step) {
    const Bytes raw =
        file.subspan(static_cast<std::size_t>(start + i * size), static_cast<std::size_t>(size));
    auto record =
        mailbox::record_crc_ok(raw, layout) ? mailbox::decode_index_record(raw, layout) : corrupt("CRC");
    if (record && record->uid != 0) {
      sample.records.push_back(std::move(*record));
    }
  }
  return sample;
}

// Of a sample of records, how many have a message file of their size among `files`.
struct Fit {
  std::size_t sampled = 0, here = 0;
  [[nodiscard]] bool all() const { return here == sampled; }
  [[nodiscard]] bool better_than(const Fit& other) const {
    return here * other.sampled > other.here * sampled;
  }
};

// The listing tells of the files of the present mailbox, once it is there.
bool has_file_of(Context& context, const store::MailboxFiles& files, const mailbox::IndexRecord& record) {
  const State& state = context.state;
  const bool archived = record.has(mailbox::flag::archived);
  if (&files != &state.files || !state.listed || !context.options.stat_files) {
    const auto info = context.store.io().stat(files.message(record.uid, archived));
    return info && info->size == record.size;
  }
  const bool in_archive = archived && files.has_archive();
  const auto& listed = state.listing.messages;
  for (auto at = find_file(state, record.uid); at != listed.end() && at->uid == record.uid; ++at) {
    if ((at->archived != 0) == in_archive) {
      return at->size == record.size;
    }
  }
  return false;
}

Fit compare_messages(Context& context, const store::MailboxFiles& files, const Sample& sample) {
  Fit fit;
  for (const auto& record : sample.records) {
    if (record.has(mailbox::flag::unlinked)) {
      continue;
    }
    ++fit.sampled;
    fit.here += has_file_of(context, files, record) ? 1 : 0;
  }
  return fit;
}

// Whether at least half of them have one. Nothing without records that have a file.
std::optional<bool> messages_fit(Context& context, const store::MailboxFiles& files, Bytes index,
                                 std::size_t most) {
  const auto sample = sample_of(index, most);
  const Fit fit = sample ? compare_messages(context, files, *sample) : Fit();
  return fit.sampled == 0 ? std::nullopt : std::optional(2 * fit.here >= fit.sampled);
}

bool has_messages(Context& context) {
  const auto& files = context.state.files;
  const auto is_message = [](const DirEntry& entry) {
    return entry.kind == FileKind::regular && entry.name.back() == '.';
  };
  for (const auto* directory : {&files.data, &files.archive}) {
    const auto names = context.store.io().list(*directory);
    if (names && std::any_of(names->begin(), names->end(), is_message)) {
      return true;
    }
  }
  return false;
}

std::uint32_t crc_of_file(Context& context, const fs::path& path) {
  const auto file = context.store.io().read_file(path);
  return file ? crc32(file->bytes()) : 0;
}

std::uint32_t crc_of_header(Context& context) {
  const auto& file = context.header_file();
  return file ? crc32(file->bytes()) : 0;
}

// The unique id in the header that is here, if that names another mailbox.
std::optional<std::string> id_of_foreign_header(Context& context) {
  const auto& file = context.header_file();
  const std::string& own = context.state.entry.uniqueid;
  if (!file || own.empty() || as_text(file->bytes()).find(own) != std::string_view::npos) {
    return {};  // without decoding it: nearly every mailbox comes here
  }
  const auto header = mailbox::decode_header(file->bytes());
  return header && is_foreign_header(context, *header) ? std::optional(header->uniqueid) : std::nullopt;
}

// Of the mailbox's own header: the one that is here or, when that is another mailbox's, the one that was
// found elsewhere. 0: not known.
std::uint32_t crc_of_own_header(Context& context) {
  auto& known = context.state.own_header_crc;
  if (!known) {
    if (const auto foreign = id_of_foreign_header(context)) {
      const auto own = find_own_header(context, *foreign, false);
      known = own ? crc32(own->file.bytes()) : 0;
    } else {
      known = crc_of_header(context);
    }
  }
  return *known;
}

// Every place where a file of another mailbox may lie: `which` names the file of a mailbox. `wanted` says
// whether an entry is worth a look, `visit` whether the search is over.
using EntryTest = std::function<bool(const meta::MailboxEntry&)>;
using FileTest = std::function<bool(const FoundFile&)>;

class Search {
 public:
  Search(Context& context, fs::path store::MailboxFiles::*which) : context_(context), which_(which) {}

  // The files of mailboxes that mailboxes.db has.
  std::optional<FoundFile> live(const FileTest& is_it) {
    return first_of([](const meta::MailboxEntry&) { return true; },
                    [&](const fs::path& path) { return look(path, is_it); });
  }

  // Old versions, of mailboxes that `owner` is true for: where a repair of this run or an earlier one has
  // put a file of this mailbox aside.
  std::optional<FoundFile> saved(const EntryTest& owner, const FileTest& is_it) {
    return first_of(owner, [&](const fs::path& path) { return look_at_saved(path, is_it); });
  }

  // One place.
  std::optional<FoundFile> look(const fs::path& path, const FileTest& is_it) {
    auto file = context_.store.io().read_file(path);
    if (!file) {
      return {};
    }
    FoundFile found{path, std::move(*file)};
    return is_it(found) ? std::optional(std::move(found)) : std::nullopt;
  }

  // The old versions of one place.
  std::optional<FoundFile> look_at_saved(const fs::path& path, const FileTest& is_it) {
    for (const auto& root : context_.store.saved_roots()) {
      const fs::path relative = path.lexically_relative(root);
      if (relative.empty() || *relative.begin() == "..") {
        continue;
      }
      for (const auto& id : runs(root)) {
        if (auto found = look(root / std::string(store::saved_directory) / id / relative, is_it)) {
          return found;
        }
      }
    }
    return {};
  }

 private:
  std::optional<FoundFile> first_of(const EntryTest& wanted,
                                    const std::function<std::optional<FoundFile>(const fs::path&)>& look_at) {
    std::optional<FoundFile> found;
    const auto list = context_.store.mailbox_list();
    if (!list) {
      return found;
    }
    (void)(*list)->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
      if (!item.entry || !item.entry->type.local() || item.entry->name == context_.state.entry.name ||
          !wanted(*item.entry)) {
        return db::Visit::go_on;
      }
      if (const auto files = context_.store.files(*item.entry)) {
        found = look_at((*files).*which_);
      }
      return found ? db::Visit::stop : db::Visit::go_on;
    });
    return found;
  }

  // The newest first.
  std::vector<std::string> runs(const fs::path& root) {
    std::vector<std::string> ids;
    if (const auto names = context_.store.io().list(root / std::string(store::saved_directory))) {
      for (const auto& entry : *names) {
        ids.push_back(entry.name);
      }
    }
    std::sort(ids.rbegin(), ids.rend());
    ids.resize(std::min(ids.size(), kMostRuns));
    return ids;
  }

  Context& context_;
  fs::path store::MailboxFiles::*which_;
};

}  // namespace

bool misses_its_messages(Context& context, Bytes index) {
  const auto& files = context.state.files;
  const auto quick = messages_fit(context, files, index, kQuickSample);
  return quick && !*quick && !messages_fit(context, files, index, kSample).value_or(true) &&
         has_messages(context);
}

bool names_this_mailbox(Context& context, Bytes index) {
  const auto header = mailbox::decode_index_header(index);
  const std::uint32_t listed = context.state.entry.uidvalidity;
  return header && mailbox::has_record_crc(header->minor_version) && header->header_file_crc != 0 &&
         (listed == 0 || header->uidvalidity == listed) &&
         header->header_file_crc == crc_of_own_header(context);
}

namespace {

Fit fit_of(Context& context, Bytes index) {
  const auto sample = sample_of(index, kSample);
  return sample ? compare_messages(context, context.state.files, *sample) : Fit();
}

// The header that is here is another mailbox's. The index may be, too; then the own one, which lies
// elsewhere, has more of the messages. Where both are at home with the messages, all of the other mailbox
// lies here.
bool came_with_header(Context& context, Bytes index) {
  const Fit here = fit_of(context, index);
  if (here.all()) {
    return false;
  }
  const auto own = find_own_index(context, index);
  return own && fit_of(context, own->file.bytes()).better_than(here);
}

}  // namespace

bool names_another_header(Context& context, Bytes index) {
  const auto header = mailbox::decode_index_header(index);
  const bool proves =
      header && mailbox::has_record_crc(header->minor_version) && header->header_file_crc != 0;
  if (proves && header->header_file_crc == crc_of_own_header(context)) {
    return false;
  }
  if (id_of_foreign_header(context)) {
    return came_with_header(context, index);
  }
  const std::uint32_t listed = context.state.entry.uidvalidity;
  const bool other_mailbox = header && listed != 0 && header->uidvalidity != listed;
  if (!proves) {  // such as one that ends with its header, in a version without CRC
    return other_mailbox && fit_of(context, index).here == 0 && find_own_index(context, index);
  }
  return (other_mailbox || !fit_of(context, index).all()) &&
         (owner_of_index(context, index) || (other_mailbox && find_own_index(context, index)));
}

namespace {

// Whether an index that lies elsewhere is that of this mailbox.
bool is_own_index(Context& context, const FoundFile& found) {
  const std::uint32_t wanted = context.state.entry.uidvalidity;
  const std::uint32_t header_crc = crc_of_own_header(context);
  const auto header = mailbox::decode_index_header(found.file.bytes());
  if (header && wanted != 0 && header->uidvalidity != wanted) {
    return false;
  }
  const bool proven = header && mailbox::has_record_crc(header->minor_version) && header_crc != 0;
  if (proven && header->header_file_crc != header_crc) {
    return false;
  }
  const Fit fit = fit_of(context, found.file.bytes());
  if (proven || (header && !mailbox::has_record_crc(header->minor_version))) {
    return fit.sampled != 0 && 2 * fit.here >= fit.sampled;
  }
  // Our header is lost, or that of the index: its messages must all be here, and it not be where it
  // belongs.
  const bool at_home =
      header && header->header_file_crc == crc_of_file(context, found.path.parent_path() / "cyrus.header");
  return fit.sampled != 0 && fit.all() && !at_home && (header || wanted != 0);
}

}  // namespace

std::optional<FoundFile> find_own_index(Context& context, Bytes foreign) {
  const auto is_it = [&](const FoundFile& found) { return is_own_index(context, found); };
  Search search(context, &store::MailboxFiles::index);
  if (auto found = search.live(is_it)) {
    return found;
  }
  const auto header = mailbox::decode_index_header(foreign);
  const std::uint32_t of_foreign = header ? header->uidvalidity : 0;  // 0: the foreign one is damaged, too
  return search.saved(
      [of_foreign](const meta::MailboxEntry& entry) {
        return of_foreign == 0 || entry.uidvalidity == of_foreign;
      },
      is_it);
}

namespace {

// The header with this CRC, and not that of the present mailbox, which may have changed places with another
// one's.
bool has_header_of_crc(Context& context, const fs::path& path, std::uint32_t wanted) {
  const auto file = context.store.io().read_file(path);
  if (!file || crc32(file->bytes()) != wanted) {
    return false;
  }
  const auto header = mailbox::decode_header(file->bytes());
  return !header || header->uniqueid.empty() || header->uniqueid != context.state.entry.uniqueid;
}

}  // namespace

std::optional<std::string> owner_of_index(Context& context, Bytes foreign) {
  const auto list = context.store.mailbox_list();
  if (!list) {
    return {};
  }
  const auto sound = mailbox::decode_index_header(foreign);
  const bool crc = sound && mailbox::has_record_crc(sound->minor_version);
  const auto id = id_of_foreign_header(context);
  if (id && crc && sound->header_file_crc == crc_of_header(context)) {
    return name_of_listed_id(context, *id);  // it came with the header
  }
  std::optional<std::string> owner;
  (void)(*list)->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
    if (!item.entry || !item.entry->type.local() || item.entry->name == context.state.entry.name) {
      return db::Visit::go_on;
    }
    const auto files = context.store.files(*item.entry);
    if (files && (crc ? has_header_of_crc(context, files->header, sound->header_file_crc)
                      : messages_fit(context, *files, foreign, kQuickSample).value_or(false))) {
      owner = item.entry->name;
    }
    return owner ? db::Visit::stop : db::Visit::go_on;
  });
  return owner;
}

std::optional<FoundFile> find_own_header(Context& context, std::string_view foreign_id, bool crc_known) {
  const State& state = context.state;
  const auto is_it = [&](const FoundFile& found) {
    const auto header = mailbox::decode_header(found.file.bytes());
    return header && header->uniqueid == state.entry.uniqueid &&
           (!crc_known || crc32(found.file.bytes()) == state.index.header_file_crc);
  };
  Search search(context, &store::MailboxFiles::header);
  if (auto found = search.live(is_it)) {
    return found;
  }
  return search.saved([foreign_id](const meta::MailboxEntry& entry) { return entry.uniqueid == foreign_id; },
                      is_it);
}

std::optional<FoundFile> find_stray_index(Context& context) {
  const std::uint32_t wanted = context.state.entry.uidvalidity;
  const auto is_it = [&](const FoundFile& found) { return is_own_index(context, found); };
  Search search(context, &store::MailboxFiles::index);
  for (const auto& stray : context.options.strays->all(context.store)) {
    if (wanted == 0 || stray.uidvalidity != wanted || stray.home == context.state.files.index) {
      continue;
    }
    auto found = search.look(stray.path, is_it);
    if (!found && stray.path == stray.home) {
      found = search.look_at_saved(stray.home, is_it);  // this run has put it aside since
    }
    if (found) {
      return found;
    }
  }
  return {};
}

bool is_foreign_header(Context& context, const mailbox::MailboxHeader& header) {
  const std::string& own = context.state.entry.uniqueid;
  return !header.uniqueid.empty() && !own.empty() && header.uniqueid != own &&
         name_of_listed_id(context, header.uniqueid).has_value();
}

std::optional<std::string> name_of_listed_id(Context& context, std::string_view uniqueid) {
  std::optional<std::string> name;
  if (const auto list = context.store.mailbox_list()) {
    (void)(*list)->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
      if (item.entry && item.entry->type.local() && item.entry->uniqueid == uniqueid) {
        name = item.entry->name;
      }
      return name ? db::Visit::stop : db::Visit::go_on;
    });
  }
  return name;
}

}  // namespace cyr::check
