#include "format/check/evidence.h"

#include <algorithm>
#include <array>
#include <limits>

#include "format/base/text.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/index_file.h"
#include "format/store/message_files.h"

namespace cyr::check {

namespace {

// The highest minor version among some mailboxes of the list: the one that the store's release makes.
unsigned usual_index_version(Context& context) {
  constexpr int enough = 40;
  unsigned highest = 0;
  int seen = 0;
  const auto list = context.store.mailbox_list();
  if (!list) {
    return 17;
  }
  const auto look = [&](const meta::ListItem& item) -> Result<db::Visit> {
    if (!item.entry || !item.entry->type.local() || item.entry->name == context.state.entry.name) {
      return db::Visit::go_on;
    }
    const auto files = context.store.files(*item.entry);
    if (!files) {
      return db::Visit::go_on;
    }
    const auto file = File::open(context.store.io(), files->index);
    const auto header = file ? mailbox::read_index_header(*file) : Result<mailbox::IndexHeader>(file.error());
    if (header) {
      highest = std::max(highest, header->minor_version);
      ++seen;
    }
    return seen < enough ? db::Visit::go_on : db::Visit::stop;
  };
  (void)(*list)->for_each("", look);
  return highest == 0 ? 17 : highest;
}

// Highest UID that has an annotation.
std::uint32_t highest_annotated(Context& context) {
  std::uint32_t highest = 0;
  const auto database =
      context.store.open_database(context.state.files.annotations, conf::Option::annotation_db);
  if (!database) {
    return 0;
  }
  (void)(*database)->for_each("", [&highest](std::string_view key, std::string_view) -> Result<db::Visit> {
    if (const auto decoded = mailbox::decode_annotation_key(as_bytes(key))) {
      highest = std::max(highest, mailbox::annotation_uid(*decoded).value_or(0));
    }
    return db::Visit::go_on;
  });
  return highest;
}

// Of the message files, whatever stands in them.
std::uint32_t highest_file(Context& context) {
  const auto highest_of = [](const store::DirectoryListing& listing) {
    return listing.messages.empty() ? 0U : listing.messages.back().uid;
  };
  if (context.state.listed) {
    return highest_of(context.state.listing);
  }
  const auto listing =
      store::list_message_files(context.store.io(), context.state.files, store::StatFiles::no);
  return listing ? highest_of(*listing) : 0;
}

}  // namespace

std::optional<CachedStatus> cached_status(store::Store& store, std::string_view internal_name) {
  const auto database = store.open_database(store.paths().statuscache_db(), conf::Option::statuscache_db);
  if (!database) {
    return {};
  }
  const auto value = (*database)->get(std::string(internal_name) + "%");
  // "I 8 (messages uidnext uidvalidity options size createdmodseq highestmodseq)"; 3.10 appends two numbers.
  if (!value || !*value || !(*value)->starts_with("I ")) {
    return {};
  }
  const std::string_view text = **value;
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return {};
  }
  CachedStatus status;
  const std::array fields{&status.messages, &status.uidnext,       &status.uidvalidity,  &status.options,
                          &status.size,     &status.createdmodseq, &status.highestmodseq};
  const auto words = split(text.substr(open + 1, close - open - 1), ' ');
  if (words.size() < fields.size()) {
    return {};
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto number = parse_number<std::uint64_t>(words[i]);
    if (!number) {
      return {};
    }
    *fields[i] = *number;
  }
  return status;
}

IndexEvidence gather_index_evidence(Context& context) {
  const meta::MailboxEntry& entry = context.state.entry;
  IndexEvidence out;
  out.minor_version = usual_index_version(context);
  out.uidvalidity = entry.uidvalidity;
  out.createdmodseq = entry.createdmodseq;
  out.highestmodseq = std::max<std::uint64_t>({1, entry.foldermodseq, entry.createdmodseq});
  out.last_uid = std::max(highest_annotated(context), highest_file(context));
  auto status = cached_status(context.store, entry.name);
  if (status && entry.uidvalidity != 0 && status->uidvalidity != entry.uidvalidity) {
    status.reset();  // about a mailbox of this name that is gone
  }
  if (status) {
    out.uidvalidity = static_cast<std::uint32_t>(status->uidvalidity);
    out.last_uid =
        std::max(out.last_uid, status->uidnext == 0 ? 0U : static_cast<std::uint32_t>(status->uidnext - 1));
    out.highestmodseq = std::max(out.highestmodseq, status->highestmodseq);
    out.exists = status->messages;
    out.bytes = status->size;
  } else {
    out.last_uid =
        std::min(out.last_uid, std::numeric_limits<std::uint32_t>::max() - 1 - kUnknownGap) + kUnknownGap;
    out.highestmodseq += kUnknownGap;
  }
  if (out.uidvalidity == 0) {
    out.uidvalidity = static_cast<std::uint32_t>(context.now);
  }
  return out;
}

}  // namespace cyr::check
