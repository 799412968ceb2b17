// Messages under the wrong name: files that were renamed, or changed places. A record without its message
// takes the file whose content has its GUID, so that UID, flags and dates stay with the message
// (format/doc/repair.md).
#pragma once

#include <map>
#include <set>
#include <vector>

#include "format/check/message_check.h"

namespace cyr::check {

class MovedMessages {
 public:
  // `strays`: files without a record; `missing`: records without a file. Both are brought up to date.
  MovedMessages(Context& context, MessageCheck& checker, std::vector<store::MessageFile>& strays,
                std::vector<std::size_t>& missing)
      : context_(context),
        state_(context.state),
        checker_(checker),
        strays_(strays),
        missing_(missing),
        wrong_(checker.take_wrong()) {}

  Status run();

 private:
  using Name = std::uint64_t;  // of a message file: its UID, and in which of the two directories it lies
  struct Wanted {
    std::size_t record = 0;
    Name name = 0;
    Guid guid;
  };
  struct Content {
    Guid guid;
    store::MessageFile file;  // where it lies on disk
  };

  void want(std::size_t record);
  Status collect_contents();
  void bring_home_by_date();
  void find_homes();
  void bring_home(Name content, const Wanted& wanted);
  Status copy_twins();
  Status copy_twin(const Wanted& wanted, std::size_t twin);
  Status settle_wrong();
  Status settle_missing();
  void settle_strays();

  Context& context_;
  State& state_;
  MessageCheck& checker_;
  std::vector<store::MessageFile>& strays_;
  std::vector<std::size_t>& missing_;
  std::vector<WrongContent> wrong_;

  std::vector<Wanted> wanted_;
  // Contents are called by the name that they have on disk now.
  std::map<Name, Content> contents_;
  std::map<Name, Name> where_;        // content: the name that it will have
  std::map<Name, Name> at_;           // name: the content that it will have
  std::map<std::size_t, Name> home_;  // record: its content
  std::set<std::size_t> copied_;      // records that got a copy of another one's message
};

}  // namespace cyr::check
