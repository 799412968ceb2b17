#include <nlohmann/json.hpp>

#include "cyradm/commands/all.h"
#include "cyradm/session.h"
#include "format/base/text.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 1> version_options = {{{"json", {}, "as one JSON object"}}};

void print_json(Session& session, const std::vector<IdField>& fields) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const auto& field : fields) {
    if (field.value) {
      object[field.name] = *field.value;
    } else {
      object[field.name] = nullptr;
    }
  }
  session.print_json(object);
}

// The parts of "environment", one a line below the first.
std::string shown(const IdField& field) {
  std::string out;
  for (const char c : printable(field.value.value_or(""))) {
    if (c == ';' && field.name == "environment") {
      out.append("\n            ");
    } else {
      out.push_back(c);
    }
  }
  return out;
}

Status run_version(Session& session, const Arguments& arguments) {
  session.set_json_once(arguments.has("json"));
  CYR_TRY(auto* const store, session.backend());
  CYR_TRY(const auto fields, store->identify());
  if (session.json()) {
    print_json(session, fields);
    return success();
  }
  if (fields.empty()) {
    session.out().write("no version info returned by server\n");
  }
  for (const auto& field : fields) {
    session.out().print("{:<11}: {}\n", printable(field.name), shown(field));
  }
  return success();
}

}  // namespace

constexpr Command version = {
    .name = "version",
    .aliases = {"ver"},
    .synopsis = "",
    .summary = "display version info of current server",
    .options = version_options,
    .bare_errors = true,
    .examples = "version",
    .run = &run_version,
};

}  // namespace cyr::cyradm::commands
