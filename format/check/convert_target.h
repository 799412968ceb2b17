// What `reconstruct -V` asks for: an index version, and the release whose bytes the cache gets
// (mailbox.md 3.1, 5.3).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "format/base/error.h"
#include "format/mailbox/header.h"
#include "format/mime/profile.h"
#include "format/store/store.h"

namespace cyr::check {

struct ConvertTarget {
  unsigned minor_version = 17;
  const mime::CacheProfile* cache = nullptr;  // never null
  bool never_down = false;                    // max: mailboxes of a newer version stay
  // A release was named: cache records of another one are made anew even where the version is right already,
  // and cyrus.header gets the form of that release.
  std::optional<mailbox::HeaderForm> header;
  bool annotation_modseqs = true;  // annotations are written with a modseq (3.1 and later)
};

// "17": a version, with the cache of the newest release that writes it. "2.3" or "3.6.1": what that release
// writes; without a third number the last one of its series. "max": 17, or 19 in a store of 3.12, and never
// down. Errc::invalid for anything else.
Result<ConvertTarget> parse_convert_target(std::string_view text, store::Store& store);

}  // namespace cyr::check
