#include "format/check/convert_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "format/base/text.h"
#include "format/conf/release.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

using conf::Release;

constexpr std::uint8_t kLastPatch = 255;

// From this release on new mailboxes have the version.
struct VersionOfRelease {
  Release since;
  unsigned minor_version;
};
constexpr std::array kVersionsOfReleases{
    VersionOfRelease{{0, 0, 0}, 2},  VersionOfRelease{{1, 6, 24}, 3},  VersionOfRelease{{2, 1, 4}, 4},
    VersionOfRelease{{2, 1, 16}, 6}, VersionOfRelease{{2, 2, 0}, 4},   VersionOfRelease{{2, 2, 1}, 5},
    VersionOfRelease{{2, 2, 2}, 6},  VersionOfRelease{{2, 3, 0}, 7},   VersionOfRelease{{2, 3, 4}, 8},
    VersionOfRelease{{2, 3, 7}, 9},  VersionOfRelease{{2, 3, 10}, 10}, VersionOfRelease{{2, 4, 0}, 12},
    VersionOfRelease{{2, 5, 0}, 13}, VersionOfRelease{{3, 1, 4}, 14},  VersionOfRelease{{3, 1, 5}, 16},
    VersionOfRelease{{3, 3, 0}, 17}, VersionOfRelease{{3, 9, 0}, 19},  VersionOfRelease{{3, 13, 0}, 20},
};
constexpr Release kNewestRelease{3, 13, kLastPatch};

// The newest release that makes mailboxes of a version. 15 and 18 were between releases.
struct ReleaseOfVersion {
  unsigned minor_version;
  Release release;
};
constexpr std::array kReleasesOfVersions{
    ReleaseOfVersion{2, {1, 6, 0}},   ReleaseOfVersion{3, {2, 1, 3}},   ReleaseOfVersion{4, {2, 1, 15}},
    ReleaseOfVersion{5, {2, 2, 1}},   ReleaseOfVersion{6, {2, 2, 13}},  ReleaseOfVersion{7, {2, 3, 3}},
    ReleaseOfVersion{8, {2, 3, 6}},   ReleaseOfVersion{9, {2, 3, 9}},   ReleaseOfVersion{10, {2, 3, 20}},
    ReleaseOfVersion{12, {2, 4, 22}}, ReleaseOfVersion{13, {3, 0, 18}}, ReleaseOfVersion{14, {3, 1, 4}},
    ReleaseOfVersion{15, {3, 1, 5}},  ReleaseOfVersion{16, {3, 2, 12}}, ReleaseOfVersion{17, {3, 8, 6}},
    ReleaseOfVersion{18, {3, 8, 6}},  ReleaseOfVersion{19, {3, 12, 3}}, ReleaseOfVersion{20, {3, 13, 0}},
};

ConvertTarget target_of(unsigned minor_version, Release release) {
  // Before v6 a record does not say which cache version it has: it is 0.
  const bool cache_is_versioned = mailbox::stored_in(minor_version, &mailbox::IndexRecord::cache_version);
  ConvertTarget target;
  target.minor_version = minor_version;
  target.cache = cache_is_versioned ? &mime::cache_profile_for_release(release.major, release.minor)
                                    : &mime::cache_profile(mime::Series::v2_1);
  target.annotation_modseqs = release >= Release{3, 1, 0};
  return target;
}

std::optional<ConvertTarget> by_release(std::string_view text) {
  auto release = Release::parse(text);
  if (!release || *release > kNewestRelease) {
    return {};
  }
  if (std::count(text.begin(), text.end(), '.') == 1) {
    release->patch = kLastPatch;
  }
  unsigned version = 0;
  for (const auto& row : kVersionsOfReleases) {
    version = row.since <= *release ? row.minor_version : version;
  }
  ConvertTarget target = target_of(version, *release);
  target.header = *release < Release{3, 5, 0} ? mailbox::HeaderForm::text : mailbox::HeaderForm::dlist;
  return target;
}

std::optional<ConvertTarget> by_version(unsigned version) {
  const auto* const row =
      std::find_if(kReleasesOfVersions.begin(), kReleasesOfVersions.end(),
                   [version](const ReleaseOfVersion& one) { return one.minor_version == version; });
  return row == kReleasesOfVersions.end() ? std::nullopt : std::optional(target_of(version, row->release));
}

}  // namespace

Result<ConvertTarget> parse_convert_target(std::string_view text, store::Store& store) {
  std::optional<ConvertTarget> target;
  if (text == "max") {
    const auto list = store.mailbox_list();
    const bool newer = list && (*list)->format() == meta::ListFormat::keyed_312;
    target = by_version(newer ? 19 : 17);
    target->never_down = true;
  } else if (text.find('.') != std::string_view::npos) {
    target = by_release(text);
  } else if (const auto version = parse_number<unsigned>(text)) {
    target = by_version(*version);
  }
  if (!target) {
    return make_error(Errc::invalid, fmt::format("'{}' is no index version or release", printable(text)))
        .with_hint("a version from 2 to 20 (but 11), a release such as 2.4 or 3.6.1, or max");
  }
  return *target;
}

}  // namespace cyr::check
