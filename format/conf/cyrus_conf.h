// cyrus.conf: what master starts (server.md 1.2). The grammar only; what keys mean is master's business.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/base/io.h"

namespace cyr::conf {

enum class CyrusSection : std::uint8_t { start, services, events, daemon };

// One line: `name key=value key="value with blanks"`.
struct CyrusEntry {
  CyrusSection section = CyrusSection::start;
  std::string name;
  std::vector<std::pair<std::string, std::string>> arguments;  // in order, keys as written
  std::size_t line = 0;

  // The first value of `key`, compared without regard to case; `otherwise` when it is not given.
  [[nodiscard]] std::string text(std::string_view key, std::string_view otherwise = {}) const;
  // `otherwise` also for what is no integer.
  [[nodiscard]] int integer(std::string_view key, int otherwise) const;
  // "0", "n", "of", "f" / "1", "y", "on", "t" at the start of the value.
  [[nodiscard]] bool is_on(std::string_view key, bool otherwise) const;
};

// Entries in the order of the file, unknown sections skipped. Errc::config with Cyrus's words, such as
// "bad character '-' in name on line 7"; no line above 4095 bytes, no entry above 64 arguments.
Result<std::vector<CyrusEntry>> parse_cyrus_conf(std::string_view text, const fs::path& file);
// Reads `file`; `prefix` + file first, if that is there ($CYRUS_PREFIX).
Result<std::vector<CyrusEntry>> load_cyrus_conf(Io& io, const fs::path& file, const std::string& prefix = {});

}  // namespace cyr::conf
