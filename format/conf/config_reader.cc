// Lexical rules of imapd.conf (imapd.conf.md, store.md 1.1): continuation, comments, names, values, includes,
// and the ban on repeated options. What the options mean is imapd_conf.cc's business.
//
// Invariant: the lines kept have non-empty values and different names.
#include <cstdlib>
#include <set>

#include "format/base/text.h"
#include "format/conf/option_table.h"

namespace cyr::conf {
namespace {

Error config_error(std::string what) { return make_error(Errc::config, std::move(what)); }

// Physical lines of a file, with continuations joined: a backslash before LF joins the next line as it is.
class LineSplitter {
 public:
  explicit LineSplitter(std::string_view text) : text_(text) {}

  // Nothing at the end of the file.
  std::optional<std::string> next(bool continuations) {
    std::string line;
    bool joined = false;
    while (at_ < text_.size()) {
      ++number_;
      const auto end = text_.find('\n', at_);
      line += text_.substr(at_, end - at_);
      if (end == std::string_view::npos) {
        at_ = text_.size();
        return line;  // a backslash before the end of the file stays
      }
      at_ = end + 1;
      if (!continuations || line.empty() || line.back() != '\\') {
        return line;
      }
      line.pop_back();
      joined = true;
    }
    // Real Cyrus drops a line that is to be continued when the file ends.
    return joined || line.empty() ? std::nullopt : std::optional(line);
  }
  [[nodiscard]] std::size_t number() const { return number_; }  // of the last physical line read

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;
};

bool is_name_char(char c) { return is_alnum(c) || c == '-' || c == '_'; }

}  // namespace

class ConfigReader {
 public:
  ConfigReader(Io& io, Config& config) : io_(io), config_(config) {}

  Status read_file(const fs::path& file, const std::string& prefix) {
    if (!seen_files_.insert(file.string()).second) {
      return config_error("configuration file " + file.string() + " included twice");
    }
    if (seen_files_.size() > max_files) {
      return config_error("more than " + std::to_string(max_files) + " configuration files are included");
    }
    fs::path opened(prefix + file.string());
    auto content = io_.read_file(opened);
    if (!content && !prefix.empty()) {
      opened = file;
      content = io_.read_file(opened);
    }
    if (!content) {
      Error error = config_error("can't open configuration file " + file.string());
      error.sys_errno = content.error().sys_errno;
      if (error.sys_errno == 0) {
        error.what += ": " + content.error().what;
      }
      return std::move(error).with_hint("-C FILE names another configuration file");
    }
    config_.files_.push_back(std::move(opened));
    return read_text(content->text(), file);
  }

  Status read_text(std::string_view text, const fs::path& file) {
    LineSplitter lines(text);
    const bool continuations = config_.release_ >= Release{2, 3, 12};
    while (auto line = lines.next(continuations)) {
      CYR_CHECK(read_line(*line, lines.number(), file));
    }
    return success();
  }

 private:
  static constexpr std::size_t max_files = 256;

  Status read_line(std::string_view line, std::size_t number, const fs::path& file) {
    line = line.substr(0, line.find('\0'));  // real Cyrus handles lines as C strings
    while (!line.empty() && is_space(line.front())) {
      line.remove_prefix(1);
    }
    if (line.empty() || line.front() == '#') {
      return success();
    }
    std::size_t end = line.front() == '@' ? 1 : 0;
    while (end < line.size() && is_name_char(line[end])) {
      ++end;
    }
    if (end >= line.size() || line[end] != ':' || end == 0) {
      return config_error("invalid option name on line " + std::to_string(number) +
                          " of configuration file " + file.string());
    }
    const std::string name = lower_ascii(line.substr(0, end));
    std::string_view value = line.substr(end + 1);
    while (!value.empty() && is_space(value.front())) {
      value.remove_prefix(1);
    }
    while (!value.empty() && is_space(value.back())) {
      value.remove_suffix(1);
    }
    if (value.empty()) {
      return config_error("empty option value on line " + std::to_string(number) + " of configuration file");
    }
    if (name.front() == '@') {
      return directive(name, value, number, file);
    }
    return keep(name, value, number);
  }

  Status directive(std::string_view name, std::string_view value, std::size_t number, const fs::path& file) {
    if (name != "@include") {
      return config_error("invalid directive on line " + std::to_string(number) + " of configuration file " +
                          file.string());
    }
    return read_file(fs::path(std::string(value)), {});
  }

  Status keep(const std::string& name, std::string_view value, std::size_t number) {
    if (!seen_names_.insert(name).second) {
      return config_error("option '" + name +
                          "' was specified twice in config file (second occurrence on line " +
                          std::to_string(number) + ")");
    }
    config_.lines_.push_back({name, std::string(value), number});
    return success();
  }

  Io& io_;
  Config& config_;
  std::set<std::string> seen_files_;
  std::set<std::string> seen_names_;
};

std::string prefix_from_environment() {
  const char* prefix =
      std::getenv("CYRUS_PREFIX");  // NOLINT(concurrency-mt-unsafe): nobody sets the environment
  return prefix != nullptr ? prefix : "";
}

Result<Config> Config::load(Io& io, const fs::path& file, const LoadRequest& request) {
  Config config;
  config.file_ = file;
  config.ident_ = lower_ascii(request.ident);
  config.release_ = request.release;
  CYR_CHECK(
      ConfigReader(io, config).read_file(file, request.release >= v2_4 ? request.prefix : std::string()));
  CYR_CHECK(config.apply(request.release));
  return config;
}

Result<Config> Config::parse(Io& io, std::string_view text, const fs::path& file,
                             const LoadRequest& request) {
  Config config;
  config.file_ = file;
  config.ident_ = lower_ascii(request.ident);
  config.release_ = request.release;
  CYR_CHECK(ConfigReader(io, config).read_text(text, file));
  CYR_CHECK(config.apply(request.release));
  return config;
}

}  // namespace cyr::conf
