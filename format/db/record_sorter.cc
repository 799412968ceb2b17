#include "format/db/record_sorter.h"

#include <algorithm>
#include <queue>

#include "format/db/record_access.h"

namespace cyr::db {

namespace {

using Emit = std::function<Status(std::string_view, std::string_view)>;

// A record in the scratch file: both lengths (u64), key, value.
struct Stored {
  std::string_view key;
  std::string_view value;
  std::uint64_t end = 0;
};

Result<Stored> read_stored(Bytes file, std::uint64_t offset) {
  const Bytes from = file.subspan(static_cast<std::size_t>(offset));
  begin_record(from);
  Cursor cursor(from, offset);
  const std::uint64_t key_size = cursor.u64();
  const std::uint64_t value_size = cursor.u64();
  Stored out;
  out.key = cursor.text(key_size);
  out.value = cursor.text(value_size);
  out.end = cursor.offset();
  CYR_CHECK(cursor.check("scratch record"));
  return out;
}

// Passes records on and refuses a key that does not come after the one before.
class Ascending {
 public:
  Ascending(const KeyOrder& order, const Emit& emit) : order_(order), emit_(emit) {}
  Status operator()(std::string_view key, std::string_view value) {
    if (any_ && !order_.less(previous_, key)) {
      return corrupt("two keys are the same in the order of the new database");
    }
    any_ = true;
    previous_ = key;
    return emit_(key, value);
  }

 private:
  const KeyOrder& order_;
  const Emit& emit_;
  std::string previous_;
  bool any_ = false;
};

}  // namespace

std::string_view RecordSorter::key_of(const Span& span) const {
  return std::string_view(arena_).substr(span.at, span.key_size);
}
std::string_view RecordSorter::value_of(const Span& span) const {
  return std::string_view(arena_).substr(span.at + span.key_size, span.value_size);
}

Status RecordSorter::add(std::string_view key, std::string_view value) {
  if (!spans_.empty() && arena_.size() + key.size() + value.size() + sizeof(Span) * spans_.size() > memory_) {
    CYR_CHECK(spill());
  }
  spans_.push_back({arena_.size(), key.size(), value.size()});
  arena_.append(key).append(value);
  return success();
}

void RecordSorter::sort_arena() {
  std::sort(spans_.begin(), spans_.end(),
            [&](const Span& a, const Span& b) { return order_.less(key_of(a), key_of(b)); });
}

Status RecordSorter::spill() {
  if (!file_.is_open()) {
    CYR_TRY(file_, File::open(io_, scratch_, {.write = true, .create = true, .truncate = true}));
    CYR_CHECK(io_.unlink(scratch_));
  }
  sort_arena();
  Run run{written_, written_};
  Buffer out;
  const auto flush = [&]() -> Status {
    CYR_CHECK(file_.write(out, written_));
    written_ += out.size();
    out.clear();
    return success();
  };
  for (const Span& span : spans_) {
    append_be(out, span.key_size);
    append_be(out, span.value_size);
    const Bytes both = as_bytes(std::string_view(arena_).substr(span.at, span.key_size + span.value_size));
    out.insert(out.end(), both.begin(), both.end());
    if (out.size() > (std::size_t{1} << 20)) {
      CYR_CHECK(flush());
    }
  }
  CYR_CHECK(flush());
  run.end = written_;
  runs_.push_back(run);
  spans_.clear();
  arena_.clear();
  return success();
}

Status RecordSorter::merge(const Emit& visit) {
  CYR_TRY(const FileBytes scratch, file_.map());
  struct Next {
    Stored record;
    std::size_t run;
  };
  const auto later = [&](const Next& a, const Next& b) { return order_.less(b.record.key, a.record.key); };
  std::priority_queue<Next, std::vector<Next>, decltype(later)> heads(later);
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    CYR_TRY(const Stored first, read_stored(scratch.bytes(), runs_[i].at));
    heads.push({first, i});
  }
  while (!heads.empty()) {
    const Next next = heads.top();
    heads.pop();
    CYR_CHECK(visit(next.record.key, next.record.value));
    if (next.record.end < runs_[next.run].end) {
      CYR_TRY(const Stored after, read_stored(scratch.bytes(), next.record.end));
      heads.push({after, next.run});
    }
  }
  return success();
}

Status RecordSorter::finish(const Emit& visit) {
  const Emit ascending = Ascending(order_, visit);
  if (!runs_.empty()) {
    CYR_CHECK(spill());
    return merge(ascending);
  }
  sort_arena();
  for (const Span& span : spans_) {
    CYR_CHECK(ascending(key_of(span), value_of(span)));
  }
  return success();
}

}  // namespace cyr::db
