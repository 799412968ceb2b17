// cyr_dbtool show, get, set, delete.
#include <cstdio>

#include "format/base/text.h"
#include "quotatool/cyr_dbtool_printer.h"

namespace cyr::quotatool {

Result<int> show_records(const ActionContext& in) {
  const RecordPrinter printer(in.arguments);
  std::string prefix;
  if (!in.arguments.words.empty()) {
    CYR_TRY(prefix, from_argument(in.arguments, in.arguments.words[0]));
  }
  std::unique_ptr<db::Hold> one_state;
  if (in.arguments.one_transaction) {
    CYR_TRY(one_state, in.database->hold());
  }
  CYR_CHECK(
      in.database->for_each(prefix, [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
        printer.record(key, value);
        return std::ferror(stdout) != 0 ? db::Visit::stop : db::Visit::go_on;
      }));
  return cli::exit_ok;
}

Result<int> get_records(const ActionContext& in) {
  const RecordPrinter printer(in.arguments);
  int status = cli::exit_ok;
  CYR_CHECK(for_each_pair(in.arguments, [&](const Pair& pair) -> Status {
    CYR_TRY(const auto value, in.database->get(pair.key));
    if (value) {
      printer.value(pair.key, *value);
    } else if (in.arguments.compat_exit) {
      print("\n");
    } else {
      cli::print_error(
          dbtool_name,
          make_error(Errc::not_found, "no key \"" + printable(pair.key) + "\"").at(in.arguments.file));
      status = status_absent;
    }
    return success();
  }));
  return status;
}

namespace {

// set and delete: all in one transaction with -T, else each in its own.
Result<int> change(const ActionContext& in,
                   const std::function<Status(db::Transaction&, const Pair&)>& step) {
  std::unique_ptr<db::Transaction> transaction;
  const auto one = [&](const Pair& pair) -> Status {
    if (!transaction) {
      CYR_TRY(transaction, in.database->begin());
    }
    CYR_CHECK(step(*transaction, pair));
    if (in.arguments.one_transaction) {
      return success();
    }
    Status done = transaction->commit();
    transaction.reset();
    return done;
  };
  CYR_CHECK(for_each_pair(in.arguments, one));
  if (transaction) {
    CYR_CHECK(transaction->commit());
  }
  return cli::exit_ok;
}

}  // namespace

Result<int> set_records(const ActionContext& in) {
  if (in.arguments.words.size() == 1) {
    return make_error(Errc::invalid, "set KEY needs a VALUE too")
        .with_hint("without both, they are read from standard input");
  }
  return change(in, [](db::Transaction& transaction, const Pair& pair) {
    return transaction.put(pair.key, pair.value.value_or(""));
  });
}

Result<int> delete_records(const ActionContext& in) {
  return change(in,
                [](db::Transaction& transaction, const Pair& pair) { return transaction.erase(pair.key); });
}

}  // namespace cyr::quotatool
