// APPEND, several messages at once too (RFC 3501 6.3.11, RFC 3502, RFC 4315 APPENDUID, RFC 3516 literal8).
#include <algorithm>

#include "format/store/quota_limits.h"
#include "server-min/imapd/commands/message_set.h"
#include "server-min/imapd/commands/registry.h"
#include "server-min/imapd/commands/target.h"
#include "server-min/imapd/dates.h"

namespace cyr::imapd {

namespace {

constexpr std::size_t kMaxMessages = 1000;  // of one command

struct Upload {
  FlagList flags;
  std::optional<std::int64_t> internaldate;
  std::optional<store::StagedMessage> message;
};

// Flags and date of one message, up to its literal.
Result<Upload> take_attributes(CommandParser& parser) {
  Upload upload;
  if (parser.peek() == '(') {
    CYR_TRY(upload.flags, take_flags(parser, "Invalid flag in Append command"));
    CYR_CHECK(parser.space());
  }
  if (parser.peek() == '"') {
    CYR_TRY(const std::string date, parser.string());
    upload.internaldate = parse_date_time(date);
    if (!upload.internaldate) {
      return bad_argument("Invalid date-time in Append command");
    }
    CYR_CHECK(parser.space());
  }
  return upload;
}

// Streams the literal into a stage file. The bytes are read to their end whatever happens.
Status take_message(Session& session, CommandParser& parser, const std::string& partition, Upload& upload) {
  if (parser.peek() == '"') {
    return bad_argument("Missing required argument to Append");
  }
  CYR_TRY(const LiteralStart start, parser.literal_start());
  if (start.size > parser.limits().message || start.size == 0) {
    CYR_CHECK(parser.skip_literal(start));
    return refuse(start.size == 0 ? "Zero-length message literal"
                                  : "[TOOBIG] Message size exceeds fixed limit");
  }
  const auto source = start.binary ? store::SourceOf::binary : store::SourceOf::append;
  auto staged = store::StagedMessage::create(session.store, partition, source);
  if (!staged) {
    CYR_CHECK(parser.skip_literal(start));
    return std::move(staged).error();
  }
  CYR_CHECK(parser.read_literal(start, [&](Bytes piece) { return staged->write(as_text(piece)); }));
  CYR_CHECK(staged->finish());
  if (staged->fault() != store::MessageFault::none) {
    return refuse(std::string(store::fault_text(staged->fault())));
  }
  upload.message.emplace(std::move(*staged));
  return success();
}

Result<Answer> append_all(Session& session, const meta::MailboxEntry& entry, std::vector<Upload>& uploads) {
  store::QuotaDemand demand = store::no_quota_demand;
  demand[static_cast<std::size_t>(meta::Resource::storage)] = 0;
  demand[static_cast<std::size_t>(meta::Resource::message)] = static_cast<std::int64_t>(uploads.size());
  for (const Upload& upload : uploads) {
    demand[static_cast<std::size_t>(meta::Resource::storage)] +=
        static_cast<std::int64_t>(upload.message->size());
  }
  CYR_TRY(const auto edit, store::MailboxEdit::open(session.store, entry, session.locks, session.now()));
  edit->act_for(session.caller->id());
  CYR_TRY(const auto full, edit->over_quota(demand));
  if (full) {
    return no("Over quota");
  }
  const acl::Rights rights = session.caller->rights(entry);
  text::SequenceSet uids;
  for (Upload& upload : uploads) {
    narrow(upload.flags, rights);
    CYR_TRY(const std::uint32_t uid, edit->append(*upload.message, {.system_flags = upload.flags.system,
                                                                    .user_flags = upload.flags.keywords,
                                                                    .internaldate = upload.internaldate}));
    uids.add(uid);
  }
  CYR_CHECK(edit->commit());
  if (!rights.has('r')) {
    return ok();
  }
  return ok(fmt::format("[APPENDUID {} {}] Completed", edit->index().uidvalidity, uids.print()));
}

}  // namespace

Result<Answer> run_append(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string name, parser.astring());
  CYR_CHECK(parser.space());
  CYR_TRY(const Upload first, take_attributes(parser));
  // A mailbox that will not take it is refused before the message is sent.
  auto entry = find_target(session, name);
  if (entry) {
    CYR_CHECK(check_not_full(session, *entry));
  }
  if (!entry) {
    return std::move(entry).error();
  }
  std::vector<Upload> uploads;
  uploads.push_back(Upload{first.flags, first.internaldate, std::nullopt});
  while (true) {
    CYR_CHECK(take_message(session, parser, entry->partition, uploads.back()));
    if (!parser.accept(' ')) {
      break;
    }
    if (uploads.size() >= kMaxMessages) {
      return bad("Too many messages in Append");
    }
    CYR_TRY(Upload next, take_attributes(parser));
    uploads.push_back(std::move(next));
  }
  CYR_CHECK(parser.end());
  return append_all(session, *entry, uploads);
}

}  // namespace cyr::imapd
