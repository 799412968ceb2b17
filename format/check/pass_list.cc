// Pass 7: the mailbox's records in mailboxes.db against its header and index. Needs: state.index and
// state.header as they will be. Leaves: state.new_entry.
#include <fmt/format.h>

#include "format/check/context.h"
#include "format/store/unique_id.h"

namespace cyr::check {

namespace {

class ListPass {
 public:
  explicit ListPass(Context& context) : context_(context), state_(context.state) {}

  Status run() {
    const auto list = context_.store.mailbox_list();
    if (!list) {
      return success();  // its own problem, reported for the whole store
    }
    check_uidvalidity((*list)->format());
    if (meta::is_keyed((*list)->format()) && !state_.entry.uniqueid.empty()) {
      CYR_CHECK(check_uniqueid_record(**list));
    }
    return success();
  }

 private:
  meta::MailboxEntry& wanted() {
    if (!state_.new_entry) {
      state_.new_entry = state_.entry;
    }
    return *state_.new_entry;
  }

  void check_uidvalidity(meta::ListFormat format) {
    const std::uint32_t in_list = state_.entry.uidvalidity;
    if (format == meta::ListFormat::text || in_list == state_.index.uidvalidity) {
      return;
    }
    if (context_.options.prefer_list && in_list != 0) {
      context_.fix(
          with(context_.of(Problem::uidvalidity_index),
               {.found = std::to_string(state_.index.uidvalidity), .expected = std::to_string(in_list)}));
      state_.index.uidvalidity = in_list;
      state_.write_index = true;
      return;
    }
    context_.fix(
        with(context_.of(Problem::list_uidvalidity),
             {.found = std::to_string(in_list), .expected = std::to_string(state_.index.uidvalidity)}));
    wanted().uidvalidity = state_.index.uidvalidity;
  }

  void differs(std::string_view what, const std::string& found, const std::string& expected) {
    if (found == expected) {
      return;
    }
    context_.fix(with(context_.of(Problem::list_record_differs),
                      {.found = found, .expected = expected, .detail = std::string(what)}));
    wanted();
  }

  Status check_uniqueid_record(meta::MailboxList& list) {
    const auto found = list.find_by_uniqueid(state_.entry.uniqueid);
    if (!found && found.error().code != Errc::corrupt) {
      return found.error();
    }
    if (!found || !*found) {
      const auto by_name = list.find(state_.entry.name);
      if (context_.dry_run() && by_name && !*by_name) {
        return success();  // -f -n: both records would have been made before
      }
      context_.fix(with(context_.of(Problem::list_uniqueid_record), {.expected = state_.entry.uniqueid}));
      wanted();
      return success();
    }
    const meta::MailboxEntry& by_id = **found;
    if (by_id.name != state_.entry.name) {
      return name_clash(list, by_id);
    }
    differs("uidvalidity", std::to_string(by_id.uidvalidity), std::to_string(state_.entry.uidvalidity));
    differs("acl", by_id.acl.value_or(""), state_.entry.acl.value_or(""));
    differs("mbtype", meta::encode_type_letters_36(by_id.type),
            meta::encode_type_letters_36(state_.entry.type));
    differs("partition", by_id.partition, state_.entry.partition);
    differs("server", by_id.server, state_.entry.server);
    return success();
  }

  // The id's record names another mailbox. If that one is gone, the id is ours; if it is there, two mailboxes
  // have one id.
  Status name_clash(meta::MailboxList& list, const meta::MailboxEntry& by_id) {
    CYR_TRY(const auto other, list.find(by_id.name));
    if (!other || !other->type.local() || other->uniqueid != state_.entry.uniqueid) {
      context_.fix(with(context_.of(Problem::list_uniqueid_record), {.expected = state_.entry.uniqueid}));
      wanted();
      return success();
    }
    const Finding clash = with(context_.of(Problem::list_uniqueid_clash), {.found = by_id.name});
    // By id, both names share one directory: only an administrator can tell whose it is.
    if (!context_.options.new_uniqueids || state_.files.place.layout == names::Layout::by_id) {
      context_.note(clash);
    } else if (context_.fix(clash)) {
      wanted().uniqueid = store::make_uniqueid();
      state_.header.uniqueid = wanted().uniqueid;
      state_.write_header = true;
      state_.write_index = true;
      leave_own_annotations();
    }
    return success();
  }

  // They are kept by unique id, and stay with the other mailbox.
  void leave_own_annotations() {
    if (!state_.own_annotations_known || state_.own_annotation_bytes == 0) {
      return;
    }
    std::uint64_t& used = state_.index.quota_annot_used;
    const std::uint64_t rest = used - std::min(used, state_.own_annotation_bytes);
    context_.fix(with(
        context_.of(Problem::total_quota),
        {.found = std::to_string(used), .expected = std::to_string(rest), .detail = "quota_annot_used"}));
    used = rest;
    state_.own_annotation_bytes = 0;
  }

  Context& context_;
  State& state_;
};

}  // namespace

Status pass_list(Context& context) {
  ListPass pass(context);
  return pass.run();
}

}  // namespace cyr::check
