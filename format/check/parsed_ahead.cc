#include "format/check/parsed_ahead.h"

#include <algorithm>
#include <atomic>

#include "format/base/parallel.h"

namespace cyr::check {

namespace {

constexpr std::size_t kMostBytes = std::size_t{16}
                                   << 20U;  // of cache records; what is beyond is parsed when asked for
constexpr std::size_t kLeastMessages = 64;  // messages for which another thread is worth its start

}  // namespace

Result<mime::MessageSummary> parse(const store::MessageReader& reader, const MessageToParse& message,
                                   const mime::ParseOptions& options) {
  CYR_TRY(const auto bytes, reader.read(message.name, message.archived, message.size));
  return mime::summarise(bytes.text(), message.internaldate, options);
}

void ParsedAhead::clear() {
  messages_.clear();
  parsed_.clear();
  next_ = 0;
}

void ParsedAhead::prepare(const store::MessageReader& reader, std::vector<MessageToParse> messages,
                          const mime::ParseOptions& options, unsigned threads) {
  clear();
  const std::size_t parts = parts_of(messages.size(), kLeastMessages, threads);
  if (parts < 2) {
    return;
  }
  messages_ = std::move(messages);
  parsed_.resize(messages_.size());
  std::atomic<std::size_t> kept = 0;  // bytes
  for_parts(messages_.size(), parts, [&](const Part& part) {
    for (std::size_t i = part.begin; i < part.end && kept < kMostBytes; ++i) {
      parsed_[i] = parse(reader, messages_[i], options);
      kept += *parsed_[i] ? (*parsed_[i])->cache_record.size() : 0;
    }
  });
}

std::optional<Result<mime::MessageSummary>> ParsedAhead::take(const MessageToParse& message) {
  const auto found = std::find_if(messages_.begin() + static_cast<std::ptrdiff_t>(next_), messages_.end(),
                                  [&](const MessageToParse& one) { return one.same_as(message); });
  if (found == messages_.end()) {
    return {};
  }
  next_ = static_cast<std::size_t>(found - messages_.begin());
  auto taken = std::move(parsed_[next_]);
  parsed_[next_].reset();
  ++next_;
  return taken;
}

}  // namespace cyr::check
