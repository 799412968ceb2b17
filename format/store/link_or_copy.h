// Message files are never changed, so that two mailboxes may share one.
#pragma once

#include "format/base/file.h"

namespace cyr::store {

enum class Share : bool { no, yes };  // no: always a copy

// A hard link, or a copy with the same time where no link can be made (another file system). A file that an
// interrupted run left under the new name is taken for done. Errc::exists for another one.
Status link_or_copy(Io& io, const fs::path& from, const fs::path& to, Share share = Share::yes);

}  // namespace cyr::store
