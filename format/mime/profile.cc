// The table of what each release series does. Every row says everything, so that a row can be read alone.
#include "format/mime/profile.h"

#include <algorithm>

namespace cyr::mime {

namespace {

using text::CharsetNames;
using text::HeaderDecoding;
using text::SearchForm;

constexpr std::array kProfiles{
    CacheProfile{.series = Series::v2_1, .releases = "2.1", .cache_version = 0,
                 .repeated = Repeated::first_wins, .boundary_limit = false, .global_is_message = false,
                 .extended_boundary = false, .short_content_wraps = true, .encoded_content_type = false,
                 .bad_type_is_octet_stream = false, .free_parameter_values = false, .unclosed_quote_is_kept = true,
                 .semicolon_ends_open_group = false, .at_sign_in_domain = false, .eight_bit_domain = false,
                 .pad_resets_base64 = false, .empty_decodes_to_raw = true, .sentdate_hour = 12, .bad_date_is_delivery = true,
                 .negative_dates = false, .size_is_parsed = false, .section = SectionForm::index,
                 .section_has_guid = false, .guid_mixed_with_type = false, .section_has_decoded_size = false,
                 .message_has_encoding = false, .location_in_structure = false, .names_are_quoted = false,
                 .charsets = {CharsetNames::numbered, 22, false}, .header_decoding = HeaderDecoding::words_2_2,
                 .search_form = SearchForm::form_2_1},
    CacheProfile{.series = Series::v2_2, .releases = "2.2", .cache_version = 2,
                 .repeated = Repeated::first_wins, .boundary_limit = false, .global_is_message = false,
                 .extended_boundary = false, .short_content_wraps = true, .encoded_content_type = false,
                 .bad_type_is_octet_stream = false, .free_parameter_values = false, .unclosed_quote_is_kept = true,
                 .semicolon_ends_open_group = false, .at_sign_in_domain = false, .eight_bit_domain = false,
                 .pad_resets_base64 = false, .empty_decodes_to_raw = true, .sentdate_hour = 12, .bad_date_is_delivery = true,
                 .negative_dates = false, .size_is_parsed = false, .section = SectionForm::index,
                 .section_has_guid = false, .guid_mixed_with_type = false, .section_has_decoded_size = false,
                 .message_has_encoding = false, .location_in_structure = false, .names_are_quoted = false,
                 .charsets = {CharsetNames::numbered, 23, false}, .header_decoding = HeaderDecoding::words_2_2,
                 .search_form = SearchForm::form_2_2},
    CacheProfile{.series = Series::v2_3, .releases = "2.3", .cache_version = 2,
                 .repeated = Repeated::first_wins, .boundary_limit = false, .global_is_message = false,
                 .extended_boundary = false, .short_content_wraps = true, .encoded_content_type = false,
                 .bad_type_is_octet_stream = false, .free_parameter_values = false, .unclosed_quote_is_kept = true,
                 .semicolon_ends_open_group = false, .at_sign_in_domain = false, .eight_bit_domain = false,
                 .pad_resets_base64 = false, .empty_decodes_to_raw = true, .sentdate_hour = 12, .bad_date_is_delivery = true,
                 .negative_dates = false, .size_is_parsed = false, .section = SectionForm::index,
                 .section_has_guid = false, .guid_mixed_with_type = false, .section_has_decoded_size = false,
                 .message_has_encoding = false, .location_in_structure = true, .names_are_quoted = false,
                 .charsets = {CharsetNames::numbered, 26, false}, .header_decoding = HeaderDecoding::words_2_3,
                 .search_form = SearchForm::form_2_3},
    CacheProfile{.series = Series::v2_4, .releases = "2.4", .cache_version = 3,
                 .repeated = Repeated::first_wins, .boundary_limit = false, .global_is_message = false,
                 .extended_boundary = false, .short_content_wraps = true, .encoded_content_type = false,
                 .bad_type_is_octet_stream = false, .free_parameter_values = false, .unclosed_quote_is_kept = false,
                 .semicolon_ends_open_group = true, .at_sign_in_domain = false, .eight_bit_domain = false,
                 .pad_resets_base64 = false, .empty_decodes_to_raw = true, .sentdate_hour = 12, .bad_date_is_delivery = false,
                 .negative_dates = false, .size_is_parsed = true, .section = SectionForm::index,
                 .section_has_guid = false, .guid_mixed_with_type = false, .section_has_decoded_size = false,
                 .message_has_encoding = false, .location_in_structure = true, .names_are_quoted = false,
                 .charsets = {CharsetNames::numbered_aliases, 31, false},
                 .header_decoding = HeaderDecoding::words_2_3, .search_form = SearchForm::form_2_4},
    CacheProfile{.series = Series::v2_5, .releases = "2.5", .cache_version = 3,
                 .repeated = Repeated::first_wins, .boundary_limit = true, .global_is_message = false,
                 .extended_boundary = false, .short_content_wraps = true, .encoded_content_type = false,
                 .bad_type_is_octet_stream = false, .free_parameter_values = false, .unclosed_quote_is_kept = false,
                 .semicolon_ends_open_group = true, .at_sign_in_domain = false, .eight_bit_domain = false,
                 .pad_resets_base64 = false, .empty_decodes_to_raw = true, .sentdate_hour = 12, .bad_date_is_delivery = false,
                 .negative_dates = false, .size_is_parsed = true, .section = SectionForm::index_lost,
                 .section_has_guid = false, .guid_mixed_with_type = false, .section_has_decoded_size = false,
                 .message_has_encoding = false, .location_in_structure = true, .names_are_quoted = false,
                 .charsets = {CharsetNames::numbered_aliases, 31, false},
                 .header_decoding = HeaderDecoding::words_2_3, .search_form = SearchForm::none},
    CacheProfile{.series = Series::v3_0, .releases = "3.0", .cache_version = 6,
                 .repeated = Repeated::last_wins, .boundary_limit = true, .global_is_message = false,
                 .extended_boundary = false, .short_content_wraps = true, .encoded_content_type = false,
                 .bad_type_is_octet_stream = false, .free_parameter_values = false, .unclosed_quote_is_kept = false,
                 .semicolon_ends_open_group = true, .at_sign_in_domain = true, .eight_bit_domain = false,
                 .pad_resets_base64 = false, .empty_decodes_to_raw = true, .sentdate_hour = 12, .bad_date_is_delivery = false,
                 .negative_dates = false, .size_is_parsed = false, .section = SectionForm::name,
                 .section_has_guid = true, .guid_mixed_with_type = true, .section_has_decoded_size = false,
                 .message_has_encoding = false, .location_in_structure = true, .names_are_quoted = false,
                 .charsets = {CharsetNames::icu_3_0, 31, false}, .header_decoding = HeaderDecoding::streams,
                 .search_form = SearchForm::none},
    CacheProfile{.series = Series::v3_2, .releases = "3.2", .cache_version = 10,
                 .repeated = Repeated::last_wins, .boundary_limit = true, .global_is_message = false,
                 .extended_boundary = false, .short_content_wraps = true, .encoded_content_type = true,
                 .bad_type_is_octet_stream = false, .free_parameter_values = true, .unclosed_quote_is_kept = false,
                 .semicolon_ends_open_group = true, .at_sign_in_domain = true, .eight_bit_domain = false,
                 .pad_resets_base64 = true, .empty_decodes_to_raw = true, .sentdate_hour = 0, .bad_date_is_delivery = false,
                 .negative_dates = true, .size_is_parsed = false, .section = SectionForm::name,
                 .section_has_guid = true, .guid_mixed_with_type = false, .section_has_decoded_size = true,
                 .message_has_encoding = false, .location_in_structure = true, .names_are_quoted = false,
                 .charsets = {CharsetNames::icu, 31, true}, .header_decoding = HeaderDecoding::streams,
                 .search_form = SearchForm::none},
    CacheProfile{.series = Series::v3_4, .releases = "3.4", .cache_version = 10,
                 .repeated = Repeated::last_wins, .boundary_limit = true, .global_is_message = false,
                 .extended_boundary = true, .short_content_wraps = false, .encoded_content_type = true,
                 .bad_type_is_octet_stream = false, .free_parameter_values = true, .unclosed_quote_is_kept = false,
                 .semicolon_ends_open_group = true, .at_sign_in_domain = true, .eight_bit_domain = false,
                 .pad_resets_base64 = true, .empty_decodes_to_raw = false, .sentdate_hour = 0, .bad_date_is_delivery = false,
                 .negative_dates = true, .size_is_parsed = false, .section = SectionForm::name,
                 .section_has_guid = true, .guid_mixed_with_type = false, .section_has_decoded_size = true,
                 .message_has_encoding = false, .location_in_structure = true, .names_are_quoted = false,
                 .charsets = {CharsetNames::icu, 31, true}, .header_decoding = HeaderDecoding::streams,
                 .search_form = SearchForm::none},
    CacheProfile{.series = Series::v3_6, .releases = "3.6-3.10", .cache_version = 11,
                 .repeated = Repeated::last_wins, .boundary_limit = true, .global_is_message = false,
                 .extended_boundary = true, .short_content_wraps = false, .encoded_content_type = true,
                 .bad_type_is_octet_stream = false, .free_parameter_values = true, .unclosed_quote_is_kept = false,
                 .semicolon_ends_open_group = true, .at_sign_in_domain = true, .eight_bit_domain = false,
                 .pad_resets_base64 = true, .empty_decodes_to_raw = false, .sentdate_hour = 0, .bad_date_is_delivery = false,
                 .negative_dates = false, .size_is_parsed = false, .section = SectionForm::name,
                 .section_has_guid = true, .guid_mixed_with_type = false, .section_has_decoded_size = true,
                 .message_has_encoding = false, .location_in_structure = true, .names_are_quoted = true,
                 .charsets = {CharsetNames::icu, 31, true}, .header_decoding = HeaderDecoding::streams,
                 .search_form = SearchForm::none},
    CacheProfile{.series = Series::v3_12, .releases = "3.12", .cache_version = 13,
                 .repeated = Repeated::last_wins, .boundary_limit = true, .global_is_message = true,
                 .extended_boundary = true, .short_content_wraps = false, .encoded_content_type = true,
                 .bad_type_is_octet_stream = true, .free_parameter_values = true, .unclosed_quote_is_kept = false,
                 .semicolon_ends_open_group = true, .at_sign_in_domain = true, .eight_bit_domain = true,
                 .pad_resets_base64 = true, .empty_decodes_to_raw = false, .sentdate_hour = 0, .bad_date_is_delivery = false,
                 .negative_dates = false, .size_is_parsed = false, .section = SectionForm::name,
                 .section_has_guid = true, .guid_mixed_with_type = false, .section_has_decoded_size = true,
                 .message_has_encoding = true, .location_in_structure = true, .names_are_quoted = true,
                 .charsets = {CharsetNames::icu, 31, true}, .header_decoding = HeaderDecoding::streams,
                 .search_form = SearchForm::none},
};

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
    FirstRelease{0, 0, Series::v2_1}, FirstRelease{2, 2, Series::v2_2},  FirstRelease{2, 3, Series::v2_3},
    FirstRelease{2, 4, Series::v2_4}, FirstRelease{2, 5, Series::v2_5},  FirstRelease{3, 0, Series::v3_0},
    FirstRelease{3, 1, Series::v3_2}, FirstRelease{3, 3, Series::v3_4},  FirstRelease{3, 5, Series::v3_6},
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
  const auto found = std::find_if(kProfiles.rbegin(), kProfiles.rend(),
                                  [&](const CacheProfile& row) { return row.cache_version == cache_version; });
  return found == kProfiles.rend() ? nullptr : &*found;
}

}  // namespace cyr::mime
