#include "format/conf/store_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "format/base/text.h"

namespace cyr::conf {

namespace {

struct Weight {
  std::string_view name;
  int points;
};
constexpr Weight config_marks[] = {
    {"mailboxes.db", 8},
    {"db.backup1", 3},
    {"annotations.db", 3},
    {"deliver.db", 3},
    {"statuscache.db", 3},
    {"quotas.db", 3},
    {"quota", 2},
    {"db", 1},
    {"user", 1},
    {"proc", 1},
    {"msg", 1},
    {"log", 1},
    {"socket", 1},
    {"lock", 1},
};
constexpr int config_threshold = 3;  // user/ and db/ alone could be anything

bool is_message(std::string_view name) {
  return name.size() > 1 && name.back() == '.' && name.find_first_not_of("0123456789") == name.size() - 1;
}

// What is known of one possible partition root.
struct Root {
  std::set<std::string> headers, messages;  // directories below it, without hash letters
  bool hashed = false, full_hash = false, by_id = false, domains = false, escaped = false;
};

class Detector {
 public:
  Detector(Io& io, const fs::path& root) : io_(io), root_(root) {}

  Result<StoreLayout> run() {
    CYR_CHECK(walk());
    if (!config_) {
      return make_error(Errc::not_found, "nothing here looks like the configdirectory of Cyrus").at(root_);
    }
    take_shared();
    if (roots_.empty()) {
      return make_error(Errc::not_found, "nothing here looks like a partition of Cyrus").at(root_);
    }
    write_paths();
    write_rules();
    return std::move(out_);
  }

 private:
  Status walk() {
    std::deque<fs::path> open{root_};
    for (std::size_t count = 0; !open.empty() && count < kMostDirectories; ++count) {
      const fs::path directory = std::move(open.front());
      open.pop_front();
      const auto entries = io_.list(directory);
      if (!entries) {
        if (directory == root_) {
          return entries.error();
        }
        out_.notes.push_back(entries.error().text());
        continue;
      }
      look_at(directory, *entries);
      for (const auto& entry : *entries) {
        if (entry.kind == FileKind::directory && !entry.name.ends_with('.') && !entry.name.starts_with('.')) {
          open.push_back(directory / entry.name);
        }
      }
    }
    return success();
  }

  void look_at(const fs::path& directory, const std::vector<DirEntry>& entries) {
    int points = 0;
    bool header = false, message = false;
    for (const auto& entry : entries) {
      header = header || entry.name == "cyrus.header" || entry.name == "cyrus.index";
      message = message || (entry.kind == FileKind::regular && is_message(entry.name));
      for (const auto& mark : config_marks) {
        points += entry.name == mark.name ? mark.points : 0;
      }
    }
    if (header || message) {
      add_mailbox(directory, header, message);
    } else if (points >= config_threshold && points > points_) {
      points_ = points;
      config_ = directory;
    }
  }

  // A mailbox directory tells its root when a user, the deleted hierarchy or a unique id is in its path.
  void add_mailbox(const fs::path& directory, bool header, bool message) {
    std::vector<std::string> parts;
    for (const auto& part : directory.lexically_relative(root_)) {
      parts.push_back(part.native());
    }
    const auto begins = [](const std::string& part) {
      return part == "user" || part == "DELETED" || part == "uuid";
    };
    const auto found = std::find_if(parts.begin(), parts.end(), begins);
    if (found == parts.end()) {
      shared_.push_back({directory, header, message});
      return;
    }
    std::size_t end = static_cast<std::size_t>(found - parts.begin());
    const std::string tail = tail_of(parts, end);
    Root seen;
    seen.by_id = *found == "uuid";
    take_hash(parts, end, seen);
    if (end >= 1 && end >= domain_depth(parts, end)) {
      const std::size_t depth = domain_depth(parts, end);
      seen.domains = depth != 0;
      end -= depth;
    }
    fs::path path = root_;
    for (std::size_t i = 0; i < end; ++i) {
      path /= parts[i];
    }
    merge(path, seen, tail, header, message);
  }

  static std::string tail_of(const std::vector<std::string>& parts, std::size_t from) {
    std::string out;
    for (std::size_t i = from; i < parts.size(); ++i) {
      out += (out.empty() ? "" : "/") + parts[i];
    }
    return out;
  }

  // The letter before user/ or DELETED/.
  static void take_hash(const std::vector<std::string>& parts, std::size_t& end, Root& seen) {
    if (!seen.by_id && end > 0 && parts[end - 1].size() == 1 && is_alpha(parts[end - 1][0])) {
      seen.hashed = true;
      seen.full_hash = parts[end - 1][0] <= 'Z';
      --end;
    }
  }

  // How many of the components before `end` are "domain/NAME" or "domain/d/NAME".
  static std::size_t domain_depth(const std::vector<std::string>& parts, std::size_t end) {
    for (const std::size_t depth : {std::size_t{2}, std::size_t{3}}) {
      if (end >= depth && parts[end - depth] == "domain") {
        return depth;
      }
    }
    return 0;
  }

  void merge(const fs::path& path, const Root& seen, const std::string& tail, bool header, bool message) {
    Root& root = roots_[path];
    root.hashed = root.hashed || seen.hashed;
    root.full_hash = root.full_hash || seen.full_hash;
    root.by_id = root.by_id || seen.by_id;
    root.domains = root.domains || seen.domains;
    root.escaped = root.escaped || tail.find('^') != std::string::npos;
    if (header) {
      root.headers.insert(tail);
    }
    if (message) {
      root.messages.insert(tail);
    }
  }

  struct Shared {
    fs::path directory;
    bool header, message;
  };

  // Shared mailboxes lie below roots that users' have told; a store without any user has one root, the
  // directory above the outermost ones.
  void take_shared() {
    for (const auto& shared : shared_) {
      const auto above = std::find_if(roots_.begin(), roots_.end(), [&](const auto& root) {
        const auto relative = shared.directory.lexically_relative(root.first);
        return !relative.empty() && *relative.begin() != "..";
      });
      if (above == roots_.end() && roots_.empty()) {
        merge(shared.directory.parent_path(), {}, shared.directory.filename().native(), shared.header,
              shared.message);
        out_.notes.push_back("no user's mailbox tells where the partition begins; assumed " +
                             shared.directory.parent_path().native());
      }
    }
  }

  [[nodiscard]] static std::size_t common(const std::set<std::string>& a, const std::set<std::string>& b) {
    return static_cast<std::size_t>(
        std::count_if(a.begin(), a.end(), [&](const auto& one) { return b.contains(one); }));
  }

  // The root whose `have` directories are most like those of `want`.
  [[nodiscard]] std::optional<fs::path> partner(const std::set<std::string>& want,
                                                std::set<std::string> Root::*have,
                                                std::set<std::string> Root::*lack) const {
    std::optional<fs::path> best;
    std::size_t most = 0;
    for (const auto& [path, root] : roots_) {
      const std::size_t number = common(want, root.*have);
      if ((root.*lack).empty() && number > most) {
        most = number;
        best = path;
      }
    }
    return best;
  }

  void line(std::string_view name, std::string_view value) {
    out_.text += fmt::format("{}: {}\n", name, value);
  }

  void write_paths() {
    line("configdirectory", config_->native());
    std::vector<fs::path> spools, metas, others;
    for (const auto& [path, root] : roots_) {
      (root.headers.empty() ? others : root.messages.empty() ? metas : spools).push_back(path);
    }
    std::map<fs::path, std::string> names;
    // A root with headers only is the metadata of one with messages only, or a spool without messages.
    for (const auto& meta : metas) {
      const auto spool = partner(roots_[meta].headers, &Root::messages, &Root::headers);
      if (spool) {
        partition(*spool, names);
        line("metapartition-" + names[*spool], meta.native());
        line_once("metapartition_files", "header index cache expunge squat annotations dav archivecache");
      } else {
        partition(meta, names);
      }
    }
    for (const auto& spool : spools) {
      partition(spool, names);
    }
    for (const auto& other : others) {
      const auto spool = names.contains(other) ? std::nullopt : archived_spool(other, spools);
      if (spool) {
        line("archivepartition-" + names[*spool], other.native());
        line_once("archive_enabled", "yes");
      } else {
        partition(other, names);
      }
    }
  }

  [[nodiscard]] std::optional<fs::path> archived_spool(const fs::path& archive,
                                                       const std::vector<fs::path>& spools) {
    const auto best =
        std::max_element(spools.begin(), spools.end(), [&](const fs::path& a, const fs::path& b) {
          return common(roots_[archive].messages, roots_[a].headers) <
                 common(roots_[archive].messages, roots_[b].headers);
        });
    if (best == spools.end() || common(roots_[archive].messages, roots_[*best].headers) == 0) {
      return {};
    }
    return *best;
  }

  void line_once(std::string_view name, std::string_view value) {
    if (once_.insert(std::string(name)).second) {
      line(name, value);
    }
  }

  void partition(const fs::path& path, std::map<fs::path, std::string>& names) {
    if (names.contains(path)) {
      return;
    }
    std::string name = names.empty() ? "default" : "";
    for (const char c : name.empty() ? path.filename().native() : std::string()) {
      name += is_alnum(c) ? std::string(1, ascii_lower(c)) : std::string();
    }
    if (name.empty() || name == "default") {
      name = names.empty() ? "default" : fmt::format("p{}", names.size() + 1);
    }
    line("partition-" + name, path.native());
    if (names.empty()) {
      line("defaultpartition", name);
    } else {
      out_.notes.push_back(fmt::format("the name of partition {} ({}) is assumed", name, path.native()));
    }
    names.emplace(path, name);
  }

  void write_rules() {
    bool hashed = false, full = false, domains = false, escaped = false, by_id = false;
    for (const auto& [path, root] : roots_) {
      hashed = hashed || root.hashed;
      full = full || root.full_hash;
      domains = domains || root.domains;
      escaped = escaped || root.escaped;
      by_id = by_id || root.by_id;
    }
    const auto users = io_.list(*config_ / "user");
    for (const auto& letter : users ? *users : std::vector<DirEntry>{}) {
      full = full || (letter.name.size() == 1 && letter.name[0] >= 'A' && letter.name[0] <= 'Z');
    }
    const auto config_domains = io_.exists(*config_ / "domain");
    domains = domains || (config_domains && *config_domains);
    line("hashimapspool", hashed ? "yes" : "no");
    line("fulldirhash", full ? "yes" : "no");
    line("virtdomains", domains ? "userid" : "off");
    line("unixhierarchysep", escaped || by_id ? "yes" : "no");
    if (!escaped) {
      out_.notes.push_back(
          fmt::format("no name tells the hierarchy separator; assumed {}", by_id ? "/" : "."));
    }
    const auto tree = io_.exists(*config_ / "quotas.db");
    line("quota_db", tree && *tree ? "twoskip" : "quotalegacy");
    line("admins", "cyrus");
  }

  Io& io_;
  const fs::path root_;
  StoreLayout out_;
  std::optional<fs::path> config_;
  int points_ = 0;
  std::map<fs::path, Root> roots_;
  std::vector<Shared> shared_;
  std::set<std::string> once_;
};

}  // namespace

Result<StoreLayout> detect_store_layout(Io& io, const fs::path& root) {
  Detector detector(io, root);
  return detector.run();
}

}  // namespace cyr::conf
