// See fetch_writer.h.
#include "server-min/imapd/fetch_writer.h"

#include <algorithm>
#include <array>

#include "server-min/imapd/dates.h"

namespace cyr::imapd {

namespace {

class FetchWriter {
 public:
  FetchWriter(Output& out, Selected& selected, std::uint32_t msgno, const FetchRequest& request)
      : out_(out),
        selected_(selected),
        msgno_(msgno),
        request_(request),
        reader_(selected.view(), selected.row(msgno).recno) {}

  Status run(bool condstore);

 private:
  void begin(std::string_view name) {
    out_.buffer() += first_ ? "" : " ";
    out_.buffer() += name;
    first_ = false;
  }
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    begin("");
    fmt::format_to(std::back_inserter(out_.buffer()), format, std::forward<Args>(args)...);
  }
  void note(const Error& error) {
    if (trouble_) {
      trouble_ = Error(error);
    }
  }
  void write_index_items();
  [[nodiscard]] bool wants_record() const;
  void write_record_items(const mailbox::IndexRecord& record);
  void write_identifiers(const mailbox::IndexRecord& record);
  void write_cache_item(std::string_view name, mailbox::CacheItem item);
  void write_cache_items();
  void write_text(std::string_view name, Result<std::optional<std::string_view>> text,
                  const BodyRequest* body);
  void write_old_items();
  Result<std::optional<std::string_view>> section(const SectionSpec& spec);
  void write_body(const BodyRequest& body);
  void write_binary(const BodyRequest& body);

  Output& out_;
  Selected& selected_;
  std::uint32_t msgno_;
  const FetchRequest& request_;
  MessageReader reader_;
  std::string scratch_;
  Status trouble_;
  bool first_ = true;
};

void FetchWriter::write_index_items() {
  if (request_.has(FetchItem::uid)) {
    add("UID {}", reader_.uid());
  }
  if (!wants_record()) {
    if (request_.has(FetchItem::modseq)) {
      add("MODSEQ ({})", reader_.modseq());
    }
    return;
  }
  const auto record = reader_.record();
  if (!record) {
    note(record.error());
    return;
  }
  write_record_items(**record);
  write_identifiers(**record);
}

// Whether more is asked for than the view has at hand of every message.
bool FetchWriter::wants_record() const {
  constexpr std::array<FetchItem, 6> kItems{FetchItem::digest_sha1, FetchItem::internaldate,
                                            FetchItem::rfc822_size, FetchItem::emailid,
                                            FetchItem::threadid,    FetchItem::savedate};
  return std::any_of(kItems.begin(), kItems.end(), [&](FetchItem item) { return request_.has(item); });
}

void FetchWriter::write_record_items(const mailbox::IndexRecord& record) {
  if (request_.has(FetchItem::digest_sha1)) {
    add("DIGEST.SHA1 {}", record.guid.hex());
  }
  if (request_.has(FetchItem::internaldate)) {
    add("INTERNALDATE {}", print_date_time(static_cast<std::int64_t>(record.internaldate)));
  }
  if (request_.has(FetchItem::modseq)) {
    add("MODSEQ ({})", record.modseq);
  }
  if (request_.has(FetchItem::rfc822_size)) {
    add("RFC822.SIZE {}", record.size);
  }
}

void FetchWriter::write_identifiers(const mailbox::IndexRecord& record) {
  if (request_.has(FetchItem::emailid)) {
    add("EMAILID (M{})", record.guid.hex().substr(0, 24));
  }
  if (request_.has(FetchItem::threadid)) {
    record.cid == 0 ? add("THREADID NIL") : add("THREADID (T{:016x})", record.cid);
  }
  if (request_.has(FetchItem::savedate)) {
    // Indexes before version 15 do not have it.
    const std::uint64_t savedate = record.savedate != 0 ? record.savedate : record.internaldate;
    add("SAVEDATE {}", print_date_time(static_cast<std::int64_t>(savedate)));
  }
}

void FetchWriter::write_cache_item(std::string_view name, mailbox::CacheItem item) {
  auto text = reader_.item(item);
  begin(name);
  if (!text) {
    note(text.error());
    out_.buffer() += " NIL";
    return;
  }
  out_.buffer() += ' ';
  out_.buffer() += *text;
}

void FetchWriter::write_cache_items() {
  struct Row {
    FetchItem item;
    std::string_view name;
    mailbox::CacheItem from;
  };
  constexpr std::array<Row, 3> kRows{{
      {FetchItem::envelope, "ENVELOPE", mailbox::CacheItem::envelope},
      {FetchItem::bodystructure, "BODYSTRUCTURE", mailbox::CacheItem::bodystructure},
      {FetchItem::body, "BODY", mailbox::CacheItem::body},
  }};
  for (const Row& row : kRows) {
    if (request_.has(row.item)) {
      write_cache_item(row.name, row.from);
    }
  }
}

// The text as a literal, cut to the part that `body` asks for.
void FetchWriter::write_text(std::string_view name, Result<std::optional<std::string_view>> text,
                             const BodyRequest* body) {
  begin(name);
  if (!text) {
    note(text.error());
  }
  if (!text || !*text) {
    out_.buffer() += " NIL";
    return;
  }
  std::string_view bytes = **text;
  if (body != nullptr && body->start) {
    bytes = *body->start >= bytes.size()
                ? std::string_view()
                : bytes.substr(static_cast<std::size_t>(*body->start), static_cast<std::size_t>(body->count));
  }
  out_.buffer() += ' ';
  if (bytes.empty()) {
    out_.buffer() += "\"\"";
  } else {
    out_.literal(bytes, body != nullptr && body->form == BodyForm::binary &&
                            bytes.find('\0') != std::string_view::npos);
  }
}

Result<std::optional<std::string_view>> FetchWriter::section(const SectionSpec& spec) {
  if (spec.numbers.empty() && spec.text == SectionText::header_fields) {
    CYR_TRY(const std::string_view header, reader_.header_with(spec.fields));
    scratch_ = filter_header(header, spec.fields, false);
    return std::optional<std::string_view>(scratch_);
  }
  CYR_TRY(const std::string_view message, reader_.message());
  if (spec.numbers.empty() && spec.text == SectionText::all) {
    return std::optional(message);
  }
  CYR_TRY(const mime::SectionNode* const root, reader_.sections());
  return find_section(spec, *root, message, scratch_);
}

void FetchWriter::write_old_items() {
  if (request_.has(FetchItem::rfc822_header)) {
    write_text("RFC822.HEADER", section({.text = SectionText::header}), nullptr);
  }
  if (request_.has(FetchItem::rfc822_text)) {
    write_text("RFC822.TEXT", section({.text = SectionText::text}), nullptr);
  }
  if (request_.has(FetchItem::rfc822)) {
    write_text("RFC822", section({}), nullptr);
  }
}

void FetchWriter::write_body(const BodyRequest& body) {
  std::string name = "BODY[" + print_section(body.section) + "]";
  if (body.start) {
    name += fmt::format("<{}>", *body.start);
  }
  write_text(name, section(body.section), &body);
}

void FetchWriter::write_binary(const BodyRequest& body) {
  const std::string numbers = print_section(body.section);
  auto message = reader_.message();
  auto root = reader_.sections();
  if (!message || !root) {
    note(!message ? message.error() : root.error());
  }
  const mime::SectionPart* const part = message && root ? find_part(body.section.numbers, **root) : nullptr;
  std::optional<std::string_view> text;
  if (message && body.section.numbers.empty()) {
    text = *message;
  } else if (part != nullptr) {
    auto decoded = decode_part(*part, *message);
    if (decoded) {
      scratch_ = std::move(*decoded);
      text = scratch_;
    } else {
      note(decoded.error());
    }
  }
  if (body.form == BodyForm::binary_size) {
    add("BINARY.SIZE[{}] {}", numbers, text ? text->size() : 0);
    return;
  }
  std::string name = "BINARY[" + numbers + "]";
  if (body.start) {
    name += fmt::format("<{}>", *body.start);
  }
  write_text(name, text, &body);
}

Status FetchWriter::run(bool condstore) {
  MessageRow& row = selected_.row(msgno_);
  const bool changed = selected_.must_tell_flags(row);
  fmt::format_to(std::back_inserter(out_.buffer()), "* {} FETCH (", msgno_);
  if (request_.has(FetchItem::flags) || changed) {
    add("FLAGS ({})", selected_.flags_of(row));
    selected_.told(row);
  }
  if (changed && condstore && !request_.has(FetchItem::modseq)) {
    add("MODSEQ ({})", reader_.modseq());
  }
  write_index_items();
  write_cache_items();
  write_old_items();
  for (const BodyRequest& body : request_.bodies) {
    body.form == BodyForm::body ? write_body(body) : write_binary(body);
  }
  out_.buffer() += ")\r\n";
  out_.relieve();
  return trouble_;
}

}  // namespace

Status write_fetch(Output& out, Selected& selected, std::uint32_t msgno, const FetchRequest& request,
                   bool condstore) {
  return FetchWriter(out, selected, msgno, request).run(condstore);
}

}  // namespace cyr::imapd
