#include "quotatool/database_program.h"

#include "format/base/text.h"
#include "format/db/registry.h"

namespace cyr::quotatool {

Result<db::OpenOptions> start_database_program(const cli::CommonOptions& options, std::string_view ident) {
  const bool asked = options.config_file != cli::CommonOptions().config_file;
  db::OpenOptions out;
  if (!asked && conf::prefix_from_environment().empty()) {
    CYR_TRY(const bool there, posix_io().exists(options.config_file));
    if (!there) {
      return out;
    }
  }
  CYR_TRY(const conf::Config config, cli::start_program(options, ident));
  out.full_dir_hash = config.is_on(conf::Option::fulldirhash);
  out.virtual_domains = config.text(conf::Option::virtdomains) != "off";
  out.sql.engine = config.text(conf::Option::sql_engine);
  out.sql.database = config.text(conf::Option::sql_database);
  return out;
}

Result<std::optional<db::Kind>> parse_backend(const std::string& name) {
  if (name == "auto") {
    return std::optional<db::Kind>();
  }
  const auto kind = db::kind_from_name(name);
  if (!kind) {
    return make_error(Errc::config, "cyrusdb backend " + printable(name) + " not supported")
        .with_hint("backends: auto, " + backend_list());
  }
  return kind;
}

std::string backend_list() {
  std::string out;
  for (const db::Backend& backend : db::backends()) {
    out += (out.empty() ? "" : ", ") + std::string(backend.name);
  }
  return out;
}

}  // namespace cyr::quotatool
