// Tables, JSON lines, and the progress line.
#include "format/cli/printer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "format/base/text.h"

namespace cyr::cli {
namespace {

// Columns a terminal needs: bytes that continue a UTF-8 character take none.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string cut_to(std::string_view text, std::size_t columns) {
  std::string out;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U && columns-- == 0) {
      break;
    }
    out += c;
  }
  return out;
}

void write(std::FILE* out, std::string_view text) { std::fwrite(text.data(), 1, text.size(), out); }

constexpr auto progress_interval = std::chrono::milliseconds(100);
constexpr std::size_t progress_columns = 78;

}  // namespace

std::string Table::text() const {
  std::vector<std::vector<std::string>> lines(1);
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) {
    lines[0].push_back(column.title);
    widths.push_back(width_of(column.title));
  }
  for (const auto& row : rows_) {
    auto& line = lines.emplace_back(columns_.size());
    for (std::size_t i = 0; i < std::min(row.size(), columns_.size()); ++i) {
      line[i] = printable(row[i]);
      widths[i] = std::max(widths[i], width_of(line[i]));
    }
  }
  std::string out;
  for (const auto& line : lines) {
    std::string printed;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string padding(widths[i] - width_of(line[i]), ' ');
      printed += i == 0 ? "" : "  ";
      printed += columns_[i].align == Align::right ? padding + line[i] : line[i] + padding;
    }
    printed.erase(printed.find_last_not_of(' ') + 1);
    out += printed + '\n';
  }
  return out;
}

void Table::print(std::FILE* out) const { write(out, text()); }

struct JsonLine::Impl {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
};

JsonLine::JsonLine() : impl_(std::make_unique<Impl>()) {}
JsonLine::~JsonLine() = default;
JsonLine::JsonLine(JsonLine&&) noexcept = default;
JsonLine& JsonLine::operator=(JsonLine&&) noexcept = default;

JsonLine& JsonLine::add(std::string_view name, std::string_view value) {
  impl_->object[std::string(name)] = std::string(value);
  return *this;
}
JsonLine& JsonLine::add(std::string_view name, std::int64_t value) {
  impl_->object[std::string(name)] = value;
  return *this;
}
JsonLine& JsonLine::add(std::string_view name, std::uint64_t value) {
  impl_->object[std::string(name)] = value;
  return *this;
}
JsonLine& JsonLine::add(std::string_view name, bool value) {
  impl_->object[std::string(name)] = value;
  return *this;
}
JsonLine& JsonLine::add(std::string_view name, const std::vector<std::string>& values) {
  impl_->object[std::string(name)] = values;
  return *this;
}

std::string JsonLine::text() const {
  return impl_->object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void JsonLine::print(std::FILE* out) const { write(out, text() + '\n'); }

Progress::Progress(std::string_view program, bool enabled)
    : program_(program), enabled_(enabled && ::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { clear(); }

void Progress::show(std::uint64_t done, std::uint64_t total, std::string_view what) {
  const auto now = std::chrono::steady_clock::now();
  if (!enabled_ || (visible_ && now - last_ < progress_interval)) {
    return;
  }
  last_ = now;
  const std::string count = total != 0 ? fmt::format("{}/{}", done, total) : fmt::format("{}", done);
  // CR, the line, and "erase to the end of the line".
  write(stderr, '\r' + cut_to(fmt::format("{}: {} {}", program_, count, printable(what)), progress_columns) +
                    "\x1B[K");
  std::fflush(stderr);
  visible_ = true;
}

void Progress::clear() {
  if (visible_) {
    write(stderr, "\r\x1B[K");
    std::fflush(stderr);
    visible_ = false;
  }
}

std::string ctime_text(std::uint64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm local{};
  std::array<char, 64> text{};
  if (::localtime_r(&time, &local) == nullptr ||
      std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S %Y", &local) == 0) {
    return std::to_string(seconds);
  }
  return text.data();
}

}  // namespace cyr::cli
