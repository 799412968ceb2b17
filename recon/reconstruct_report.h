// What reconstruct prints: the words of real Cyrus, or one JSON object per line, in list order although
// mailboxes are checked by several threads.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "format/check/checker.h"

namespace cyr::recon {

struct ReportStyle {
  bool json = false;
  bool quiet = false;  // -q: no line per mailbox
  bool dry_run = false;
  bool remove_odd = false;
};

// Collects the lines of one mailbox, and sends findings to syslog as Cyrus does.
class MailboxReport : public check::Reporter {
 public:
  explicit MailboxReport(const ReportStyle& style) : style_(style) {}
  void report(const check::Finding& finding) override;
  // The line that ends a mailbox.
  void done(const std::string& internal, const std::string& external, const check::Summary& summary);
  void failed(const std::string& internal, const std::string& external, const Error& error);

  // Called with `out` whenever it has become large; takes away what it likes.
  std::function<void(std::string&)> when_large;
  std::string out;  // for standard output
  std::string err;  // for standard error
  std::map<check::Problem, std::uint64_t> counts;

 private:
  void hint(std::string_view text);
  const ReportStyle& style_;
};

// Prints reports in order of their number, each as soon as all before it are there. Thread-safe. Half a
// million findings of one mailbox are not kept in memory: they are printed while they are made, or wait in a
// temporary file.
class OrderedOutput {
 public:
  // Takes a part of the text of a report that is still being made.
  void part(std::size_t number, std::string& text);
  // The rest of it.
  void put(std::size_t number, std::string out, std::string err);

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct Waiting {
    std::unique_ptr<std::FILE, CloseFile> parts;  // what part() got; nullptr: nothing
    bool no_room = false;                         // for the file, once: then the text is kept in memory
    std::size_t parts_size = 0;                   // bytes of it that count
    std::string out, err;
    bool whole = false;
  };
  static void print_parts(Waiting& report);
  std::mutex mutex_;
  std::size_t next_ = 0;
  std::map<std::size_t, Waiting> waiting_;
};

}  // namespace cyr::recon
