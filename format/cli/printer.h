// Output for people and programs: aligned tables, JSON lines, a progress line.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cyr::cli {

// As ctime(3), without its LF: "Sun Nov 22 06:38:10 2026", in local time.
[[nodiscard]] std::string ctime_text(std::uint64_t seconds);

enum class Align : bool { left, right };

// Collects rows and prints them in columns; for listings of bounded size.
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // Missing cells are empty, surplus ones are dropped.
  void add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // The whole table, one line each, no trailing spaces; control characters in cells made visible.
  [[nodiscard]] std::string text() const;
  void print(std::FILE* out = stdout) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// One JSON object, members in the order they are added. Bytes that are not UTF-8 are replaced.
class JsonLine {
 public:
  JsonLine();
  ~JsonLine();
  JsonLine(JsonLine&&) noexcept;
  JsonLine& operator=(JsonLine&&) noexcept;
  JsonLine& add(std::string_view name, std::string_view value);
  JsonLine& add(std::string_view name, const char* value) { return add(name, std::string_view(value)); }
  JsonLine& add(std::string_view name, std::int64_t value);
  JsonLine& add(std::string_view name, std::uint64_t value);
  JsonLine& add(std::string_view name, int value) { return add(name, std::int64_t{value}); }
  JsonLine& add(std::string_view name, bool value);
  JsonLine& add(std::string_view name, const std::vector<std::string>& values);
  [[nodiscard]] std::string text() const;  // without line feed
  void print(std::FILE* out = stdout) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "reconstruct: 120/4,000 user.bovik" on stderr, rewritten in place, at most ten times a second, and only
// when stderr is a terminal.
class Progress {
 public:
  explicit Progress(std::string_view program, bool enabled = true);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // `total` 0: unknown.
  void show(std::uint64_t done, std::uint64_t total, std::string_view what);
  // Takes the line away, before other output.
  void clear();

 private:
  std::string program_;
  bool enabled_ = false;
  bool visible_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace cyr::cli
