// The by-name rule on bare components, for lock names, which are no mailbox names. Private to the room.
#pragma once

#include "format/names/paths.h"

namespace cyr::names {

// As mailbox_directory_by_name; the last component may become a file name.
Result<fs::path> directory_of_components(std::string_view domain, const std::vector<std::string>& components,
                                         const Namespace& ns);

}  // namespace cyr::names
