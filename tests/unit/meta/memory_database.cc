#include "tests/unit/meta/memory_database.h"

namespace cyr::test {
namespace {

Status visit_records(const RecordMap& records, std::string_view prefix, const db::Visitor& visit) {
  for (auto at = records.lower_bound(prefix); at != records.end() && at->first.starts_with(prefix); ++at) {
    CYR_TRY(const auto next, visit(at->first, at->second));
    if (next == db::Visit::stop) {
      break;
    }
  }
  return success();
}

std::optional<std::string> find(const RecordMap& records, std::string_view key) {
  const auto at = records.find(key);
  return at == records.end() ? std::nullopt : std::optional(at->second);
}

class MemoryTransaction : public db::Transaction {
 public:
  explicit MemoryTransaction(std::shared_ptr<RecordMap> target)
      : target_(std::move(target)), records_(*target_) {}
  Result<std::optional<std::string>> get(std::string_view key) override { return find(records_, key); }
  Status for_each(std::string_view prefix, const db::Visitor& visit) override {
    return visit_records(records_, prefix, visit);
  }
  Status put(std::string_view key, std::string_view value) override {
    records_.insert_or_assign(std::string(key), std::string(value));
    return success();
  }
  Status erase(std::string_view key) override {
    records_.erase(std::string(key));
    return success();
  }
  Status commit() override {
    *target_ = records_;
    return success();
  }
  Status abort() override { return success(); }

 private:
  std::shared_ptr<RecordMap> target_;
  RecordMap records_;
};

class MemoryDatabase : public db::Database {
 public:
  explicit MemoryDatabase(std::shared_ptr<RecordMap> records) : records_(std::move(records)) {}
  db::Kind kind() const override { return db::Kind::twoskip; }
  Result<std::optional<std::string>> get(std::string_view key) override { return find(*records_, key); }
  Result<std::optional<std::pair<std::string, std::string>>> next(std::string_view key) override {
    const auto at = records_->upper_bound(key);
    std::optional<std::pair<std::string, std::string>> out;
    if (at != records_->end()) {
      out = *at;
    }
    return out;
  }
  Status for_each(std::string_view prefix, const db::Visitor& visit) override {
    return visit_records(*records_, prefix, visit);
  }
  Result<std::unique_ptr<db::Transaction>> begin() override {
    return std::make_unique<MemoryTransaction>(records_);
  }
  Status consistent() override { return success(); }
  Status repack() override { return success(); }
  Result<db::Order> order() override { return db::Order::raw; }

 private:
  std::shared_ptr<RecordMap> records_;
};

}  // namespace

std::unique_ptr<db::Database> memory_database(std::shared_ptr<RecordMap> records) {
  return std::make_unique<MemoryDatabase>(std::move(records));
}

}  // namespace cyr::test
