#include "recon/reconstruct_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/cli/printer.h"

namespace cyr::recon {

namespace {

constexpr std::size_t kLarge = std::size_t{1} << 18U;  // bytes of text

}  // namespace

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
  if (when_large && out.size() >= kLarge) {
    when_large(out);
  }
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

void OrderedOutput::print_parts(Waiting& report) {
  if (!report.parts) {
    return;
  }
  std::rewind(report.parts.get());
  std::array<char, std::size_t{1} << 16U> block{};
  while (report.parts_size != 0) {
    const std::size_t wanted = std::min(block.size(), report.parts_size);
    const std::size_t got = std::fread(block.data(), 1, wanted, report.parts.get());
    std::fwrite(block.data(), 1, got, stdout);
    if (got == 0) {
      report.err.insert(0,
                        "reconstruct: a part of the report that waited in a temporary file cannot be read\n");
      break;
    }
    report.parts_size -= got;
  }
  report.parts_size = 0;
  report.parts.reset();
}

void OrderedOutput::part(std::size_t number, std::string& text) {
  const std::lock_guard guard(mutex_);
  Waiting& report = waiting_[number];
  if (number == next_) {
    print_parts(report);
    std::fwrite(text.data(), 1, text.size(), stdout);
    text.clear();
    return;
  }
  if (report.no_room) {
    return;
  }
  if (!report.parts) {
    report.parts.reset(std::tmpfile());
  }
  std::FILE* const file = report.parts.get();
  if (file != nullptr && std::fseek(file, static_cast<long>(report.parts_size), SEEK_SET) == 0 &&
      std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0) {
    report.parts_size += text.size();
    text.clear();
  } else {
    report.no_room = true;
  }
}

void OrderedOutput::put(std::size_t number, std::string out, std::string err) {
  const std::lock_guard guard(mutex_);
  Waiting& last = waiting_[number];
  last.out = std::move(out);
  last.err += err;
  last.whole = true;
  for (auto first = waiting_.begin(); first != waiting_.end() && first->first == next_ && first->second.whole;
       first = waiting_.begin()) {
    Waiting& report = first->second;
    print_parts(report);
    std::fwrite(report.out.data(), 1, report.out.size(), stdout);
    if (!report.err.empty()) {
      std::fflush(stdout);
      std::fwrite(report.err.data(), 1, report.err.size(), stderr);
    }
    waiting_.erase(first);
    ++next_;
  }
}

}  // namespace cyr::recon
