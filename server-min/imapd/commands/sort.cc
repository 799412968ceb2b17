// SORT and THREAD (RFC 5256): what the algorithms need of each message.
#include "server-min/imapd/sort.h"

#include "format/base/log.h"
#include "format/base/text.h"
#include "server-min/imapd/commands/registry.h"
#include "server-min/imapd/commands/search_request.h"
#include "server-min/imapd/envelope.h"
#include "server-min/imapd/search_target.h"
#include "server-min/imapd/sections.h"
#include "server-min/imapd/thread.h"

namespace cyr::imapd {

namespace {

constexpr std::size_t kMaxReferences = 500;  // of one message; the newest ones

std::string address_key(const std::optional<EnvelopeAddress>& address) {
  return address ? upper_ascii(address->mailbox) : std::string();
}

std::string display_key(const std::optional<EnvelopeAddress>& address) {
  if (!address) {
    return {};
  }
  const std::string name = decoded_header(address->name);
  return search_form(name.empty() ? address->mailbox + "@" + address->host : name);
}

std::int64_t sent_time(const mailbox::IndexRecord& record) {
  return static_cast<std::int64_t>(record.gmtime != 0 ? record.gmtime : record.internaldate);
}

void complain(const Selected& selected, const MessageReader& reader, const Error& error) {
  log(LogLevel::error, "{}: message {}: {}", selected.name(), reader.uid(), error.text());
}

// A record that was damaged while the mailbox was open sorts as one without dates and size.
mailbox::IndexRecord record_of(const Selected& selected, MessageReader& reader) {
  const auto record = reader.record();
  if (!record) {
    complain(selected, reader, record.error());
    return {};
  }
  return **record;
}

SortKey index_key(const Selected& selected, MessageReader& reader, SortBy by) {
  if (by == SortBy::modseq) {
    return {.number = reader.modseq()};
  }
  if (by == SortBy::uid) {
    return {.number = reader.uid()};
  }
  const mailbox::IndexRecord record = record_of(selected, reader);
  switch (by) {
    case SortBy::arrival:
      return {.number = record.internaldate};
    case SortBy::date:
      return {.number = static_cast<std::uint64_t>(sent_time(record))};
    default:
      return {.number = record.size};
  }
}

SortKey envelope_key(const EnvelopeView& envelope, SortBy by) {
  switch (by) {
    case SortBy::cc:
      return {.text = address_key(envelope.cc)};
    case SortBy::from:
      return {.text = address_key(envelope.from)};
    case SortBy::to:
      return {.text = address_key(envelope.to)};
    case SortBy::displayfrom:
      return {.text = display_key(envelope.from)};
    case SortBy::displayto:
      return {.text = display_key(envelope.to)};
    default:
      return {.text = search_form(base_subject(decoded_header(envelope.subject)).text)};
  }
}

EnvelopeView envelope_of(Selected& selected, MessageReader& reader, const EnvelopeFields& fields) {
  const auto item = reader.item(mailbox::CacheItem::envelope);
  auto envelope = item ? read_envelope(*item, fields) : Result<EnvelopeView>(item.error());
  if (!envelope) {
    complain(selected, reader, envelope.error());
    return {};
  }
  return std::move(*envelope);
}

EnvelopeFields fields_for(const std::vector<SortCriterion>& criteria) {
  EnvelopeFields fields;
  for (const SortCriterion& criterion : criteria) {
    fields.subject |= criterion.by == SortBy::subject;
    fields.from |= criterion.by == SortBy::from || criterion.by == SortBy::displayfrom;
    fields.to |= criterion.by == SortBy::to || criterion.by == SortBy::displayto;
    fields.cc |= criterion.by == SortBy::cc;
  }
  return fields;
}

SortRow sort_row(Selected& selected, std::uint32_t msgno, const std::vector<SortCriterion>& criteria,
                 const EnvelopeFields& fields) {
  SortRow row{.msgno = msgno, .keys = {}};
  MessageReader reader(selected.view(), selected.row(msgno).recno);
  std::optional<EnvelopeView> envelope;
  for (const SortCriterion& criterion : criteria) {
    if (is_from_index(criterion.by)) {
      row.keys.push_back(index_key(selected, reader, criterion.by));
      continue;
    }
    if (!envelope) {
      envelope = envelope_of(selected, reader, fields);
    }
    row.keys.push_back(envelope_key(*envelope, criterion.by));
  }
  return row;
}

// "<a@b> <c@d>": the ids, oldest first.
std::vector<std::string> message_ids(std::string_view text, std::size_t most) {
  std::vector<std::string> ids;
  for (std::size_t open = text.find('<'); open != std::string_view::npos; open = text.find('<', open + 1)) {
    const std::size_t close = text.find('>', open);
    if (close == std::string_view::npos) {
      break;
    }
    ids.push_back(normal_message_id(text.substr(open + 1, close - open - 1)));
    if (ids.size() > most) {
      ids.erase(ids.begin());
    }
    open = close;
  }
  return ids;
}

ThreadMessage thread_message(Selected& selected, std::uint32_t msgno, bool uid) {
  MessageReader reader(selected.view(), selected.row(msgno).recno);
  const EnvelopeView envelope = envelope_of(selected, reader, {.subject = true, .ids = true});
  ThreadMessage message;
  message.number = number_of(selected, msgno, uid);
  message.sent = sent_time(record_of(selected, reader));
  BaseSubject subject = base_subject(decoded_header(envelope.subject));
  message.subject = search_form(subject.text);
  message.is_reply = subject.is_reply;
  if (auto own = message_ids(envelope.message_id, 1); !own.empty()) {
    message.message_id = std::move(own.front());
  }
  if (const auto header = reader.header_with({"References"}); header) {
    if (const auto references = header_value(*header, "References"); references) {
      message.references = message_ids(*references, kMaxReferences);
    }
  }
  if (message.references.empty()) {
    auto parents = message_ids(envelope.in_reply_to, kMaxReferences);
    if (!parents.empty()) {
      message.references.push_back(std::move(parents.front()));
    }
  }
  return message;
}

}  // namespace

Result<Answer> run_sort(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const ReturnOptions options, take_return(parser));
  CYR_TRY(const auto criteria, parse_sort(parser));
  CYR_CHECK(parser.space());
  CYR_TRY(std::string charset, parser.astring());
  CYR_CHECK(parser.space());
  CYR_TRY(const SearchProgram program, take_program(session, parser, std::move(charset)));
  Selected& selected = *session.selected;
  std::vector<SortRow> rows;
  const EnvelopeFields fields = fields_for(criteria);
  for (const std::uint32_t msgno : search(selected, program, session.saved_result)) {
    rows.push_back(sort_row(selected, msgno, criteria, fields));
  }
  sort_rows(rows, criteria);
  std::vector<std::uint32_t> order;
  for (const SortRow& row : rows) {
    order.push_back(row.msgno);
  }
  if (options.given) {
    write_esearch(invocation, options, order, program.uses_modseq, true);
    return found_messages(order.size());
  }
  std::string& out = session.out.buffer();
  out += "* SORT";
  for (const std::uint32_t msgno : order) {
    fmt::format_to(std::back_inserter(out), " {}", number_of(selected, msgno, invocation.uid));
  }
  if (program.uses_modseq && !order.empty()) {
    fmt::format_to(std::back_inserter(out), " (MODSEQ {})", highest_modseq(selected, order));
  }
  out += "\r\n";
  return found_messages(order.size());
}

Result<Answer> run_thread(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string algorithm, parser.atom());
  const bool by_subject = equal_ignoring_case(algorithm, "ORDEREDSUBJECT");
  if (!by_subject && !equal_ignoring_case(algorithm, "REFERENCES")) {
    return bad("Invalid Thread algorithm " + algorithm);
  }
  CYR_CHECK(parser.space());
  CYR_TRY(std::string charset, parser.astring());
  CYR_CHECK(parser.space());
  CYR_TRY(const SearchProgram program, take_program(session, parser, std::move(charset)));
  Selected& selected = *session.selected;
  std::vector<ThreadMessage> messages;
  for (const std::uint32_t msgno : search(selected, program, session.saved_result)) {
    messages.push_back(thread_message(selected, msgno, invocation.uid));
  }
  const std::size_t count = messages.size();
  const auto threads = by_subject ? thread_by_subject(std::move(messages)) : thread_by_references(messages);
  session.out.untagged("THREAD{}{}", threads.empty() ? "" : " ", print_threads(threads));
  return found_messages(count);
}

}  // namespace cyr::imapd
