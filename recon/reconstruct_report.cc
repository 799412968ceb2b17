#include "recon/reconstruct_report.h"

#include <fmt/format.h>

#include <cstdio>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/cli/printer.h"

namespace cyr::recon {

void MailboxReport::hint(std::string_view text) {
  if (!style_.json) {
    out += fmt::format("{}\n", text);
  }
  log(LogLevel::error, "{}", text);
}

void MailboxReport::report(const check::Finding& finding) {
  ++counts[finding.problem];
  const std::string text = check::text_of(finding);
  log(LogLevel::error, "{}", text);
  out += (style_.json ? check::json_of(finding) : text) + "\n";
  if (finding.outcome != check::Outcome::remains || style_.dry_run) {
    if (finding.problem != check::Problem::odd_file || style_.remove_odd) {
      return;
    }
  }
  // Cyrus prints these two after the finding itself.
  if (finding.problem == check::Problem::odd_file || finding.problem == check::Problem::misnamed_file) {
    hint("run reconstruct with -O to remove odd files");
  } else if (finding.problem == check::Problem::guid_mismatch) {
    hint("run reconstruct with -R to fix or -U to remove");
  }
}

void MailboxReport::done(const std::string& internal, const std::string& external,
                         const check::Summary& summary) {
  if (style_.json) {
    cli::JsonLine line;
    line.add("mailbox", internal)
        .add("name", external)
        .add("messages", summary.messages)
        .add("findings", summary.found);
    line.add("fixed", summary.fixed).add("remaining", summary.remaining).add("parsed", summary.parsed);
    line.add("changed", summary.changed);
    out += line.text() + "\n";
  } else if (!style_.quiet) {
    out += printable(external) + "\n";
  }
}

void MailboxReport::failed(const std::string& internal, const std::string& external, const Error& error) {
  log(LogLevel::error, "{}: {}", internal, error.text());
  if (style_.json) {
    cli::JsonLine line;
    line.add("mailbox", internal).add("name", external).add("error", error.text());
    out += line.text() + "\n";
  }
  err += fmt::format("{}: {}\n", printable(internal), printable(error.text()));
  if (!error.hint.empty()) {
    err += fmt::format("{}: hint: {}\n", printable(internal), printable(error.hint));
  }
}

void OrderedOutput::put(std::size_t number, std::string out, std::string err) {
  const std::lock_guard guard(mutex_);
  waiting_.emplace(number, std::pair{std::move(out), std::move(err)});
  for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_;
       first = waiting_.begin()) {
    const auto& [text, problems] = first->second;
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (!problems.empty()) {
      std::fflush(stdout);
      std::fwrite(problems.data(), 1, problems.size(), stderr);
    }
    waiting_.erase(first);
    ++next_;
  }
}

}  // namespace cyr::recon
