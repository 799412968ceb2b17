#include "cyradm/session.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cyradm/dry_run.h"
#include "format/base/text.h"
#include "format/text/mutf7.h"

namespace cyr::cyradm {
namespace {

constexpr std::size_t shown_matches = 20;
constexpr std::size_t most_identifiers = 1000;

// Names that stand in the tree only because others lie below them.
bool holds_nothing(const MailboxRow& row) {
  return std::any_of(row.attributes.begin(), row.attributes.end(), [](const std::string& attribute) {
    return equal_ignoring_case(attribute, "\\Noselect") || equal_ignoring_case(attribute, "\\NonExistent") ||
           equal_ignoring_case(attribute, "\\PlaceHolder");
  });
}

}  // namespace

Error prefixed(Error error, const std::string& subject) {
  Error out = make_error(error.code, subject + ": " + error.text());
  out.hint = std::move(error.hint);
  return out;
}

Result<Backend*> Session::backend() {
  if (backend_ == nullptr) {
    return make_error(Errc::invalid, "no connection to server");
  }
  return backend_.get();
}

void Session::set_backend(std::unique_ptr<Backend> backend) {
  if (backend != nullptr && settings_.dry_run) {
    backend = std::make_unique<DryRunBackend>(std::move(backend),
                                              [this](const std::string& line) { out().print("{}\n", line); });
  }
  backend_ = std::move(backend);
}

Status Session::connect(const std::string& server, bool log_in) {
  if (!connector_) {
    return make_error(Errc::unsupported, "there is no server with --local");
  }
  CYR_TRY(auto backend, connector_(server, log_in));
  set_backend(std::move(backend));
  return success();
}

std::string Session::prompt_name() const { return backend_ != nullptr ? backend_->name() : "cyradm"; }

void Session::print_json(const nlohmann::ordered_json& object) {
  out().print("{}\n", object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

bool Session::confirm(const std::string& question) {
  if (!settings_.interactive || settings_.yes || !question_) {
    return true;
  }
  (void)out().flush();
  return question_(question);
}

std::string Session::mailbox_name(const std::string& word) const {
  if (text::check_mutf7(word)) {
    return word;
  }
  auto encoded = text::utf8_to_mutf7(word);
  return encoded ? *encoded : word;  // what is no name at all is for the server to refuse
}

std::string Session::shown_name(const std::string& mailbox) const {
  if (settings_.utf8_names) {
    if (auto decoded = text::mutf7_to_utf8(mailbox)) {
      return printable(*decoded);
    }
  }
  return printable(mailbox);
}

bool Session::is_pattern(std::string_view word) { return word.find_first_of("*%") != std::string_view::npos; }

Result<std::vector<std::string>> Session::matching(const std::string& pattern) {
  CYR_TRY(auto* const store, backend());
  std::vector<std::string> names;
  CYR_CHECK(store->list({.pattern = pattern}, [&names](MailboxRow row) {
    if (!holds_nothing(row)) {
      names.push_back(std::move(row.name));
    }
    return success();
  }));
  std::sort(names.begin(), names.end());  // as listmailbox shows them, whatever the order of the server
  return names;
}

Result<bool> Session::confirm_matches(const std::vector<std::string>& matches, std::string_view verb) {
  if (!settings_.interactive || settings_.yes || matches.empty()) {
    return true;
  }
  for (std::size_t i = 0; i < std::min(matches.size(), shown_matches); ++i) {
    out().print("  {}\n", shown_name(matches[i]));
  }
  if (matches.size() > shown_matches) {
    out().print("  ... and {} more\n", matches.size() - shown_matches);
  }
  if (!confirm(fmt::format("{} {} mailbox{}?", verb, matches.size(), matches.size() == 1 ? "" : "es"))) {
    return make_error(Errc::cancelled, "nothing was changed");
  }
  return true;
}

Status Session::for_each_mailbox(const std::string& word, std::string_view verb,
                                 const std::function<Status(const std::string& mailbox)>& act) {
  const std::string name = mailbox_name(word);
  if (!is_pattern(name)) {
    return act(name);
  }
  CYR_TRY(const auto matches, matching(name));
  CYR_TRY([[maybe_unused]] const bool go_on, confirm_matches(matches, verb));
  if (matches.empty() && settings_.interactive) {
    err().print("no mailbox matches {}\n", printable(word));
  }
  for (const auto& mailbox : matches) {
    if (settings_.dry_run) {
      CYR_CHECK(act(mailbox));  // which says itself what it would do
      continue;
    }
    out().print("{} {}...", verb, shown_name(mailbox));
    if (auto done = act(mailbox); !done) {
      out().print("{}\n", printable(done.error().text()));
      return reported(prefixed(std::move(done).error(), mailbox));
    }
    out().write("OK.\n");
  }
  return success();
}

void Session::undo_hint(const std::vector<std::string>& words) {
  if (wants_undo()) {
    (void)out().flush();
    err().print("{}\n", err().styled(style_faint, "undo: " + printable(quote_words(words))));
  }
}

void Session::print_error(std::string_view text) {
  (void)out().flush();
  for (const auto line : split(text, '\n')) {
    err().print("{}\n", err().styled(style_error, printable(line)));
  }
  (void)err().flush();
}

Error Session::reported(Error error) {
  reported_ = true;
  return error;
}

void Session::remember_identifier(const std::string& id) {
  if (identifiers_.size() < most_identifiers &&
      std::find(identifiers_.begin(), identifiers_.end(), id) == identifiers_.end()) {
    identifiers_.push_back(id);
  }
}

}  // namespace cyr::cyradm
