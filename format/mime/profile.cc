// The table of what each release series does: 2.1 in full, then what each later series changed.
#include "format/mime/profile.h"

#include <algorithm>

namespace cyr::mime {

namespace {

using text::CharsetNames;
using text::HeaderDecoding;
using text::SearchForm;

constexpr CacheProfile release_2_1{
    .series = Series::v2_1,
    .releases = "2.1",
    .cache_version = 0,
    .repeated = Repeated::first_wins,
    .boundary_limit = false,
    .global_is_message = false,
    .extended_boundary = false,
    .short_content_wraps = true,
    .encoded_content_type = false,
    .bad_type_is_octet_stream = false,
    .free_parameter_values = false,
    .unclosed_quote_is_kept = true,
    .semicolon_ends_open_group = false,
    .at_sign_in_domain = false,
    .eight_bit_domain = false,
    .pad_resets_base64 = false,
    .empty_decodes_to_raw = true,
    .sentdate_hour = 12,
    .bad_date_is_delivery = true,
    .negative_dates = false,
    .size_is_parsed = false,
    .section = SectionForm::index,
    .section_has_guid = false,
    .guid_mixed_with_type = false,
    .section_has_decoded_size = false,
    .message_has_encoding = false,
    .location_in_structure = false,
    .names_are_quoted = false,
    .charsets = {CharsetNames::numbered, 22, false},
    .header_decoding = HeaderDecoding::words_2_2,
    .search_form = SearchForm::form_2_1,
};

constexpr CacheProfile release_2_2 = [] {
  CacheProfile row = release_2_1;
  row.series = Series::v2_2;
  row.releases = "2.2";
  row.cache_version = 2;
  row.charsets = {CharsetNames::numbered, 23, false};
  row.search_form = SearchForm::form_2_2;
  return row;
}();

constexpr CacheProfile release_2_3 = [] {
  CacheProfile row = release_2_2;
  row.series = Series::v2_3;
  row.releases = "2.3";
  row.location_in_structure = true;
  row.charsets = {CharsetNames::numbered, 26, false};
  row.header_decoding = HeaderDecoding::words_2_3;
  row.search_form = SearchForm::form_2_3;
  return row;
}();

constexpr CacheProfile release_2_4 = [] {
  CacheProfile row = release_2_3;
  row.series = Series::v2_4;
  row.releases = "2.4";
  row.cache_version = 3;
  row.unclosed_quote_is_kept = false;
  row.semicolon_ends_open_group = true;
  row.bad_date_is_delivery = false;
  row.size_is_parsed = true;
  row.charsets = {CharsetNames::numbered_aliases, 31, false};
  row.search_form = SearchForm::form_2_4;
  return row;
}();

constexpr CacheProfile release_2_5 = [] {
  CacheProfile row = release_2_4;
  row.series = Series::v2_5;
  row.releases = "2.5";
  row.boundary_limit = true;
  row.section = SectionForm::index_lost;
  row.search_form = SearchForm::none;
  return row;
}();

constexpr CacheProfile release_3_0 = [] {
  CacheProfile row = release_2_5;
  row.series = Series::v3_0;
  row.releases = "3.0";
  row.cache_version = 6;
  row.repeated = Repeated::last_wins;
  row.at_sign_in_domain = true;
  row.size_is_parsed = false;
  row.section = SectionForm::name;
  row.section_has_guid = true;
  row.guid_mixed_with_type = true;
  row.charsets = {CharsetNames::icu_3_0, 31, false};
  row.header_decoding = HeaderDecoding::streams;
  return row;
}();

constexpr CacheProfile release_3_2 = [] {
  CacheProfile row = release_3_0;
  row.series = Series::v3_2;
  row.releases = "3.2";
  row.cache_version = 10;
  row.encoded_content_type = true;
  row.free_parameter_values = true;
  row.pad_resets_base64 = true;
  row.sentdate_hour = 0;
  row.negative_dates = true;
  row.guid_mixed_with_type = false;
  row.section_has_decoded_size = true;
  row.charsets = {CharsetNames::icu, 31, true};
  return row;
}();

constexpr CacheProfile release_3_4 = [] {
  CacheProfile row = release_3_2;
  row.series = Series::v3_4;
  row.releases = "3.4";
  row.extended_boundary = true;
  row.short_content_wraps = false;
  row.empty_decodes_to_raw = false;
  return row;
}();

constexpr CacheProfile release_3_6 = [] {
  CacheProfile row = release_3_4;
  row.series = Series::v3_6;
  row.releases = "3.6-3.10";
  row.cache_version = 11;
  row.negative_dates = false;
  row.names_are_quoted = true;
  return row;
}();

constexpr CacheProfile release_3_12 = [] {
  CacheProfile row = release_3_6;
  row.series = Series::v3_12;
  row.releases = "3.12";
  row.cache_version = 13;
  row.global_is_message = true;
  row.bad_type_is_octet_stream = true;
  row.eight_bit_domain = true;
  row.message_has_encoding = true;
  return row;
}();

constexpr std::array kProfiles{release_2_1, release_2_2, release_2_3, release_2_4, release_2_5,
                               release_3_0, release_3_2, release_3_4, release_3_6, release_3_12};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kProfiles.size(); ++i) {
    if (static_cast<std::size_t>(kProfiles[i].series) != i) {
      return false;
    }
  }
  return true;
}
static_assert(rows_are_in_order());

struct FirstRelease {
  unsigned major;
  unsigned minor;
  Series series;
};

// From this release (development lines included) up to the next row.
constexpr std::array kFirstReleases{
    FirstRelease{0, 0, Series::v2_1},   FirstRelease{2, 2, Series::v2_2}, FirstRelease{2, 3, Series::v2_3},
    FirstRelease{2, 4, Series::v2_4},   FirstRelease{2, 5, Series::v2_5}, FirstRelease{3, 0, Series::v3_0},
    FirstRelease{3, 1, Series::v3_2},   FirstRelease{3, 3, Series::v3_4}, FirstRelease{3, 5, Series::v3_6},
    FirstRelease{3, 11, Series::v3_12},
};

}  // namespace

std::span<const CacheProfile> cache_profiles() { return kProfiles; }

const CacheProfile& cache_profile(Series series) { return kProfiles[static_cast<std::size_t>(series)]; }

const CacheProfile& cache_profile_for_release(unsigned major, unsigned minor) {
  const auto* best = kFirstReleases.data();
  for (const FirstRelease& row : kFirstReleases) {
    if (row.major < major || (row.major == major && row.minor <= minor)) {
      best = &row;
    }
  }
  return cache_profile(best->series);
}

const CacheProfile* cache_profile_for_version(unsigned cache_version) {
  const auto found = std::find_if(kProfiles.rbegin(), kProfiles.rend(), [&](const CacheProfile& row) {
    return row.cache_version == cache_version;
  });
  return found == kProfiles.rend() ? nullptr : &*found;
}

}  // namespace cyr::mime
