#include "format/check/parsed_ahead.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "format/base/parallel.h"

namespace cyr::check {

namespace {

// Of cache records of a batch; what is beyond is parsed when asked for.
constexpr std::size_t kMostBytes = std::size_t{8} << 20U;
constexpr std::size_t kLeastMessages = 64;  // messages for which another thread is worth its start

}  // namespace

Result<mime::MessageSummary> parse(const store::MessageReader& reader, const MessageToParse& message,
                                   const mime::ParseOptions& options) {
  CYR_TRY(const auto bytes, reader.read(message.name, message.archived, message.size));
  return mime::summarise(bytes.text(), message.internaldate, options);
}

class ParsedAhead::Batch {
 public:
  Batch(const store::MessageReader& reader, std::vector<MessageToParse> messages, mime::ParseOptions options)
      : reader_(reader),
        messages_(std::move(messages)),
        options_(std::move(options)),
        parsed_(messages_.size()) {}
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch() {
    next_ = messages_.size();  // the threads are not to begin another one
    join();
  }

  void start(std::size_t threads) {
    while (threads_.size() < threads) {
      threads_.emplace_back([this] { work(); });
    }
  }

  void finish() {
    work();
    join();
  }

  std::optional<Result<mime::MessageSummary>> take(const MessageToParse& message) {
    const auto found = std::find_if(messages_.begin() + static_cast<std::ptrdiff_t>(first_), messages_.end(),
                                    [&](const MessageToParse& one) { return one.same_as(message); });
    if (found == messages_.end()) {
      return {};
    }
    first_ = static_cast<std::size_t>(found - messages_.begin());
    auto taken = std::move(parsed_[first_]);
    parsed_[first_].reset();
    ++first_;
    return taken;
  }

 private:
  void work() {
    for (std::size_t i = next_++; i < messages_.size() && kept_ < kMostBytes; i = next_++) {
      parsed_[i] = parse(reader_, messages_[i], options_);
      drop_known_cache(i);
      kept_ += *parsed_[i] ? (*parsed_[i])->cache_record.size() : 0;
    }
  }

  // Here and not by who takes it: memory that another thread frees is waited for.
  void drop_known_cache(std::size_t i) {
    const MessageToParse& message = messages_[i];
    auto& parsed = *parsed_[i];
    if (message.cache_version != 0 && parsed && parsed->cache_crc == message.cache_crc &&
        parsed->cache_version == message.cache_version) {
      parsed->cache_record = std::string();
    }
  }

  void join() {
    for (auto& thread : threads_) {
      thread.join();
    }
    threads_.clear();
  }

  const store::MessageReader& reader_;
  const std::vector<MessageToParse> messages_;
  const mime::ParseOptions options_;
  std::vector<std::optional<Result<mime::MessageSummary>>> parsed_;  // one for each of messages_
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> next_ = 0;  // to be parsed
  std::atomic<std::size_t> kept_ = 0;  // bytes
  std::size_t first_ = 0;              // messages are mostly taken in their order: where to look first
};

void ParsedAhead::Deleter::operator()(Batch* batch) const { delete batch; }

void ParsedAhead::clear() {
  ready_.reset();
  begun_.reset();
}

void ParsedAhead::begin(const store::MessageReader& reader, std::vector<MessageToParse> messages,
                        const mime::ParseOptions& options, unsigned threads) {
  begun_.reset();
  const std::size_t parts = parts_of(messages.size(), kLeastMessages, threads);
  if (parts >= 2) {
    begun_.reset(new Batch(reader, std::move(messages), options));
    begun_->start(parts - 1);
  }
}

void ParsedAhead::step() {
  ready_ = std::move(begun_);
  if (ready_) {
    ready_->finish();
  }
}

std::optional<Result<mime::MessageSummary>> ParsedAhead::take(const MessageToParse& message) {
  return ready_ ? ready_->take(message) : std::nullopt;
}

}  // namespace cyr::check
