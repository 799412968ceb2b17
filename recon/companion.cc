#include "recon/companion.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>

#include "format/base/text.h"
#include "format/cli/common.h"
#include "format/mailbox/index_layout.h"

namespace cyr::recon {

namespace {

struct Field {
  std::string_view label;   // in the block
  std::string_view member;  // in JSON
  mailbox::CacheItem item;
};
constexpr std::array fields{
    Field{"From", "from", mailbox::CacheItem::from}, Field{"To  ", "to", mailbox::CacheItem::to},
    Field{"Cc  ", "cc", mailbox::CacheItem::cc}, Field{"Bcc ", "bcc", mailbox::CacheItem::bcc},
    Field{"Subj", "subject", mailbox::CacheItem::subject}};

// An item as Cyrus prints it: its bytes, here made safe for a terminal but for the line end of a literal.
std::string shown(std::string_view item) {
  const std::size_t end = item.starts_with('{') ? item.find("}\r\n") : std::string_view::npos;
  const std::size_t literal = end == std::string_view::npos ? 0 : end + 3;
  return std::string(item.substr(0, literal)) + printable(item.substr(literal));
}

std::vector<std::string> flags_of(const store::MailboxEdit& mailbox, const mailbox::IndexRecord& record) {
  constexpr std::uint32_t client_flags = mailbox::flag::answered | mailbox::flag::flagged |
                                         mailbox::flag::deleted | mailbox::flag::draft | mailbox::flag::seen;
  auto names = mailbox::system_flag_names(record.system_flags & client_flags);
  const auto& user_flags = mailbox.header().flags;
  for (std::size_t bit = 0; bit < user_flags.size(); ++bit) {
    if (record.user_flag(bit) && !user_flags[bit].empty()) {
      names.push_back(user_flags[bit]);
    }
  }
  return names;
}

}  // namespace

std::string message_block(store::MailboxEdit& mailbox, const mailbox::IndexRecord& record, bool expunged) {
  std::string out = fmt::format("UID: {}\n\tSize: {}\n\tSent: {}\n\tRecv: {}\n", record.uid, record.size,
                                cli::ctime_text(record.sentdate), cli::ctime_text(record.internaldate));
  if (expunged) {
    out += fmt::format("\tExpg: {}\n", cli::ctime_text(record.last_updated));
  }
  const auto cached = mailbox.cached(record);
  if (!cached) {
    return out + "\tERROR: cache record missing or corrupt, not printing cache details\n\n";
  }
  for (const Field& field : fields) {
    out += fmt::format("\t{}: {}\n", field.label, shown(cached->item(field.item)));
  }
  return out + "\n";
}

cli::JsonLine message_json(store::MailboxEdit& mailbox, const mailbox::IndexRecord& record, bool expunged) {
  cli::JsonLine line;
  line.add("mailbox", mailbox.entry().name).add("uid", std::uint64_t{record.uid}).add("size", record.size);
  line.add("sentdate", record.sentdate).add("internaldate", record.internaldate);
  if (expunged) {
    line.add("expunged", record.last_updated);
  }
  line.add("flags", flags_of(mailbox, record));
  if (const auto cached = mailbox.cached(record)) {
    for (const Field& field : fields) {
      line.add(field.member, cached->item(field.item));
    }
  } else {
    line.add("cache", cached.error().text());
  }
  return line;
}

void ConversationWarnings::note(const store::MailboxEdit& mailbox) {
  if (mailbox.conversations_stale()) {
    users_.insert(mailbox.files().user.text());
  }
}

void ConversationWarnings::print(std::string_view program) const {
  for (const auto& user : users_) {
    cli::print_warning(program,
                       fmt::format("the conversations database of {} does not know of these changes; "
                                   "run ctl_conversationsdb -R {}",
                                   user.empty() ? "the shared mailboxes" : user, user));
  }
}

std::optional<std::int64_t> parse_interval(std::string_view text, std::string_view units) {
  constexpr std::string_view letters = "smhdw";
  constexpr std::array<double, 5> seconds{1, 60, 3600, 86400, 604800};
  char unit = units.empty() ? 's' : units.front();
  if (!text.empty() && is_alpha(text.back())) {
    unit = text.back();
    text.remove_suffix(1);
    if (units.find(unit) == std::string_view::npos) {
      return {};
    }
  }
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos) {
    return {};
  }
  const std::string digits(text);
  char* end = nullptr;
  const double number = std::strtod(digits.c_str(), &end);
  const double value = number * seconds[letters.find(unit)];
  if (end != digits.c_str() + digits.size() || !(value < 4e9)) {
    return {};
  }
  return static_cast<std::int64_t>(value);
}

}  // namespace cyr::recon
