#include "tests/support/temp_store.h"

#include <fmt/format.h>

#include <boost/filesystem/fstream.hpp>
#include <boost/filesystem/operations.hpp>
#include <iterator>
#include <stdexcept>

#include "tests/support/process.h"

namespace cyr::test {
namespace {

constexpr std::string_view original_root = "/srv/cyrus";

// "$ mbexamine 'user/bovik' 'a b'" into words. The golden files quote every argument and none holds a quote.
std::vector<std::string> command_words(std::string_view line) {
  std::vector<std::string> out;
  std::string word;
  bool quoted = false;
  bool any = false;
  for (const char c : line) {
    if (c == '\'') {
      quoted = !quoted;
      any = true;
    } else if (c == ' ' && !quoted) {
      if (any) {
        out.push_back(word);
      }
      word.clear();
      any = false;
    } else {
      word += c;
      any = true;
    }
  }
  if (any) {
    out.push_back(word);
  }
  return out;
}

}  // namespace

const std::vector<std::string>& stores_of_3_6_1() {
  static const std::vector<std::string> names = {"default",  "classic", "virt",
                                                 "skiplist", "modern",  "versions"};
  return names;
}

const std::vector<std::string>& all_stores() {
  static const std::vector<std::string> names = {"default",
                                                 "classic",
                                                 "virt",
                                                 "skiplist",
                                                 "modern",
                                                 "versions",
                                                 "old-2.1.12-classic",
                                                 "old-2.2.13-classic",
                                                 "old-2.3.20-classic",
                                                 "old-2.4.22-default",
                                                 "old-2.5.17-skiplist",
                                                 "old-3.0.18-default",
                                                 "old-3.2.12-virt",
                                                 "old-3.8.6-modern",
                                                 "old-3.10.3-classic",
                                                 "old-3.12.3-default"};
  return names;
}

fs::path data_file(std::string_view name) {
  return fs::path(CYRKIT_SOURCE_DIR) / "tests/data" / std::string(name);
}

void unpack_archive(const fs::path& archive, const fs::path& directory) {
  fs::create_directories(directory);
  const std::vector<std::string> argv = {"tar", "--zstd",        "--no-same-owner", "-C", directory.string(),
                                         "-xf", archive.string()};
  const RunResult result = run_command(argv);
  if (result.status != 0) {
    throw std::runtime_error(describe(argv, result));
  }
}

void write_text(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  fs::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) {
    throw std::runtime_error("cannot write " + path.string());
  }
}

std::string read_text(const fs::path& path) {
  fs::ifstream in(path, std::ios::binary);
  if (!in) {
    throw std::runtime_error("cannot read " + path.string());
  }
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t at = 0;
  for (std::size_t hit = 0; (hit = text.find(from, at)) != std::string_view::npos; at = hit + from.size()) {
    out.append(text.substr(at, hit - at)).append(to);
  }
  return out.append(text.substr(at));
}

TempStore::TempStore(std::string name) : name_(std::move(name)), root_(dir_ / "cyrus") {
  unpack_archive(data_file("stores/" + name_ + ".tar.zst"), dir_.path());
  for (const char* made : {"run/lock", "run/proc", "config/socket", "config/proc", "config/log"}) {
    fs::create_directories(root_ / made);
  }
  write_text(conf(), from_golden(read_text(conf())));
}

fs::path TempStore::golden_dir() const {
  const fs::path directory = dir_ / "golden";
  if (!fs::exists(directory)) {
    unpack_archive(data_file("stores/" + name_ + ".golden.tar.zst"), directory);
  }
  return directory;
}

std::string TempStore::golden(const fs::path& file) const { return read_text(golden_dir() / file); }

std::string TempStore::to_golden(std::string_view text) const {
  return replace_all(text, root_.string(), original_root);
}

std::string TempStore::from_golden(std::string_view text) const {
  return replace_all(text, original_root, root_.string());
}

std::map<std::string, std::string> TempStore::target(std::string_view target) const {
  std::map<std::string, std::string> out;
  const fs::path file = golden_dir() / "damaged" / std::string(target) / "target.txt";
  fs::ifstream in(file);
  if (!in) {
    throw std::runtime_error("no target " + file.string());
  }
  for (std::string line; std::getline(in, line);) {
    const auto blank = line.find(' ');
    out[line.substr(0, blank)] = blank == std::string::npos ? "" : line.substr(blank + 1);
  }
  return out;
}

std::string TempStore::damage(std::string_view damage, std::string_view target) const {
  const auto where = this->target(target);
  std::vector<std::string> argv = {"python3",           data_file("damage.py").string(),
                                   std::string(damage), "--root",
                                   root_.string(),      "--dir",
                                   where.at("dir"),     "--meta",
                                   where.at("meta")};
  if (const auto quota = where.find("quota");
      quota != where.end() && !quota->second.empty() && quota->second != "None") {
    argv.insert(argv.end(), {"--quota", quota->second});
  }
  const RunResult result = run_command(argv);
  constexpr int not_applicable = 3;
  if (result.status == not_applicable) {
    return {};
  }
  if (result.status != 0) {
    throw std::runtime_error(describe(argv, result));
  }
  return result.out;
}

std::vector<GoldenCommand> parse_golden(std::string_view text) {
  std::vector<GoldenCommand> out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    constexpr std::string_view exit_mark = "# exit ";
    if (line.substr(0, 2) == "$ ") {
      out.push_back({command_words(line.substr(2)), {}, {}});
    } else if (!out.empty() && line.substr(0, exit_mark.size()) == exit_mark) {
      out.back().status = line.substr(exit_mark.size());
    } else if (!out.empty()) {
      out.back().output.append(line).append("\n");
    }
  }
  return out;
}

}  // namespace cyr::test
