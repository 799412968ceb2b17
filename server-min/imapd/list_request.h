// LIST and its extensions (RFC 3501 6.3.8, 5258, 5819, 6154, 8440), parsed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server-min/imapd/parser.h"
#include "server-min/imapd/status_items.h"

namespace cyr::imapd {

enum class ListMode : std::uint8_t { list, lsub, xlist };

struct ListRequest {
  ListMode mode = ListMode::list;
  bool extended = false;
  // Selection.
  bool subscribed = false;
  bool recursive_match = false;
  bool special_use_only = false;
  std::string reference;
  std::vector<std::string> patterns;
  // What is told of each.
  bool return_subscribed = false;
  bool return_children = false;
  bool return_special_use = false;
  bool return_myrights = false;
  std::optional<StatusItems> return_status = {};
};

Result<ListRequest> parse_list(CommandParser& parser, ListMode mode);

}  // namespace cyr::imapd
