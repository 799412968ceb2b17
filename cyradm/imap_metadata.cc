// ImapBackend: annotations, by METADATA (RFC 5464) or, on servers up to 3.0, ANNOTATEMORE.
#include "cyradm/imap_backend.h"
#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

constexpr std::string_view private_prefix = "/private";
constexpr std::string_view shared_prefix = "/shared";

// "/shared/comment" in ANNOTATEMORE's words: entry "/comment", attribute "value.shared".
struct OldName {
  std::string entry;
  std::string attribute;
};

Result<OldName> old_name(const std::string& entry) {
  for (const auto& [prefix, attribute] :
       {std::pair(private_prefix, "value.priv"), std::pair(shared_prefix, "value.shared")}) {
    if (entry.starts_with(std::string(prefix) + "/")) {
      return OldName{entry.substr(prefix.size()), attribute};
    }
  }
  return make_error(Errc::invalid, "entry must begin with /shared or /private");
}

Error no_metadata() { return make_error(Errc::unsupported, "Remote does not support METADATA."); }

}  // namespace

Result<std::vector<MetadataEntry>> ImapBackend::metadata(const std::string& mailbox,
                                                         const std::string& pattern) {
  CYR_TRY(const bool modern, has("METADATA"));
  if (!modern) {
    return annotations(mailbox, pattern);
  }
  CYR_TRY(const auto responses,
          ask(
              [&pattern](const Names& names) {
                return ImapCommand("GETMETADATA").quoted(names[0]).open().quoted(pattern).close();
              },
              {mailbox}, "METADATA", Repeat::yes));
  std::vector<MetadataEntry> out;
  for (const auto& response : responses) {
    if (response.values.size() != 2 || !response.values[1].is_list()) {
      continue;  // an unsolicited one, with names only
    }
    const auto& items = response.values[1].items;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      out.push_back({items[i].text, items[i + 1].nstring()});
      if (items[i].text.ends_with("/cyrus-imapd/partition") && items[i + 1].is_string() &&
          std::find(partitions_.begin(), partitions_.end(), items[i + 1].text) == partitions_.end()) {
        partitions_.push_back(items[i + 1].text);
      }
    }
  }
  return out;
}

Result<std::vector<MetadataEntry>> ImapBackend::annotations(const std::string& mailbox,
                                                            const std::string& pattern) {
  CYR_TRY(const bool old, has("ANNOTATEMORE"));
  if (!old) {
    return no_metadata();
  }
  CYR_TRY(const auto name, old_name(pattern));
  CYR_TRY(
      const auto responses,
      ask(
          [&name](const Names& names) {
            return ImapCommand("GETANNOTATION").quoted(names[0]).quoted(name.entry).quoted(name.attribute);
          },
          {mailbox}, "ANNOTATION", Repeat::yes));
  const std::string_view prefix = name.attribute == "value.priv" ? private_prefix : shared_prefix;
  std::vector<MetadataEntry> out;
  for (const auto& response : responses) {
    // mailbox entry (attribute value ...)
    if (response.values.size() != 3 || !response.values[2].is_list()) {
      continue;
    }
    const auto& items = response.values[2].items;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (items[i].text == name.attribute) {
        out.push_back({std::string(prefix) + response.values[1].text, items[i + 1].nstring()});
      }
    }
  }
  return out;
}

Status ImapBackend::set_metadata(const std::string& mailbox, const std::string& entry,
                                 const std::optional<std::string>& value) {
  const auto add_value = [&value](ImapCommand& command) {
    if (value) {
      command.quoted(*value);
    } else {
      command.nil();
    }
  };
  CYR_TRY(const bool modern, has("METADATA"));
  if (modern) {
    return change(
        [&](const Names& names) {
          ImapCommand command("SETMETADATA");
          command.quoted(names[0]).open().quoted(entry);
          add_value(command);
          return command.close();
        },
        {mailbox}, Repeat::yes);
  }
  CYR_TRY(const bool old, has("ANNOTATEMORE"));
  if (!old) {
    return no_metadata();
  }
  CYR_TRY(const auto name, old_name(entry));
  return change(
      [&](const Names& names) {
        ImapCommand command("SETANNOTATION");
        command.quoted(names[0]).quoted(name.entry).open().quoted(name.attribute);
        add_value(command);
        return command.close();
      },
      {mailbox}, Repeat::yes);
}

}  // namespace cyr::cyradm
