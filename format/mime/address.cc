// Address lists. Each reading function returns the byte that stopped it, consumed, or '\0' for the end of the
// value.
#include "format/mime/address.h"

#include "format/mime/arena.h"

namespace cyr::mime {

namespace {

constexpr std::string_view kUnspecifiedDomain = "unspecified-domain";

NString nil_if_empty(std::string_view text) { return text.empty() ? NString{} : text; }
std::string_view never_nil(std::string_view text) {
  return text.data() == nullptr ? std::string_view("") : text;
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }

class ListReader {
 public:
  ListReader(std::string_view value, const CacheProfile& profile, Message::Arena& arena, AddressList& out)
      : text_(value), profile_(profile), arena_(arena), out_(out) {}

  void read() {
    char stop = ' ';
    while (stop != '\0') {
      std::string_view phrase;
      stop = read_phrase(in_group_ ? ",@<;" : ",@<:", phrase);
      switch (stop) {
        case ':':
          out_.push_back({{}, {}, never_nil(phrase), {}});
          in_group_ = true;
          break;
        case '@':
          stop = read_bare_address(phrase);
          break;
        case '<':
          stop = read_angle_address(phrase);
          break;
        default:  // ',', ';' or the end
          if (!phrase.empty()) {
            out_.push_back({{}, {}, phrase, kUnspecifiedDomain});
          }
          if (stop == ';') {
            end_group();
          }
      }
    }
    if (in_group_) {
      end_group();
    }
  }

 private:
  char take() { return at_ < text_.size() ? text_[at_++] : '\0'; }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }

  void end_group() {
    out_.emplace_back();
    in_group_ = false;
  }

  // White space and comments; an unclosed comment runs to the end.
  void skip_blank() {
    unsigned level = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '(') {
        ++level;
      } else if (level == 0) {
        if (!is_space(c)) {
          return;
        }
      } else if (c == ')') {
        --level;
      } else if (c == '\\') {
        ++at_;
      }
    }
    at_ = std::min(at_, text_.size());
  }

  // Text up to one of `stops`, quotes removed, a run of blanks made one space. `out` views the value where
  // that says the same, else a copy.
  char read_phrase(std::string_view stops, std::string_view& out) {
    skip_blank();
    buffer_.clear();
    for (;;) {
      const std::size_t start = at_;
      const char c = take();
      if (c == '"') {
        if (!read_quoted()) {
          out = profile_.unclosed_quote_is_kept ? arena_.keep(buffer_) : std::string_view("");
          return '\0';
        }
      } else if (at_ > start && (is_space(c) || c == '(')) {
        at_ = start;
        skip_blank();
        buffer_ += ' ';
      } else if (at_ == start || c == '\0' || stops.find(c) != std::string_view::npos) {
        if (!buffer_.empty() && buffer_.back() == ' ') {
          buffer_.pop_back();
        }
        out = buffer_.empty() ? std::string_view("") : arena_.keep(buffer_);
        return c;
      } else {
        buffer_ += c;
      }
    }
  }

  // Behind the opening quote. False if there is no closing one; the value counts as read to its end then.
  bool read_quoted() {
    while (!at_end()) {
      char c = take();
      if (c == '"') {
        return true;
      }
      if (c == '\r' && peek() == '\n') {
        if (peek(1) != ' ' && peek(1) != '\t') {
          break;
        }
        ++at_;
        continue;
      }
      if (c == '\r' || c == '\n') {
        c = ' ';
      } else if (c == '\\') {
        if (at_end()) {
          break;
        }
        if (peek() == '\r' && peek(1) == '\n') {
          continue;
        }
        c = take();
      } else if (is_control(c)) {
        continue;
      }
      buffer_ += c;
    }
    at_ = text_.size();
    return false;
  }

  [[nodiscard]] bool is_domain_byte(char c) const {
    return is_alnum(c) || c == '-' || c == '[' || c == ']' || c == ':' ||
           (c == '@' && profile_.at_sign_in_domain) ||
           (static_cast<unsigned char>(c) >= 0x80 && profile_.eight_bit_domain);
  }

  // `comment` nullptr: inside <>, where comments are only skipped.
  char read_domain(std::string_view& out, std::string_view* comment) {
    skip_blank();
    buffer_.clear();
    char stop = '\0';
    for (;;) {
      const std::size_t start = at_;
      const char c = take();
      const bool dot = c == '.';
      if (dot || is_domain_byte(c)) {
        if (!dot || (!buffer_.empty() && buffer_.back() != '.')) {
          buffer_ += c;
        }
        if (comment != nullptr) {
          *comment = {};
        }
      } else if (c == '(' && comment != nullptr) {
        *comment = read_comment();
      } else if (c == '(') {
        at_ = start;
        skip_blank();
      } else if (at_ == start || !is_space(c)) {
        stop = c;
        break;
      }
    }
    if (!buffer_.empty() && buffer_.back() == '.') {
      buffer_.pop_back();
    }
    out = buffer_.empty() ? kUnspecifiedDomain : arena_.keep(buffer_);
    return stop;
  }

  // Behind the opening parenthesis; nested ones stay in the text.
  std::string_view read_comment() {
    comment_.clear();
    unsigned level = 1;
    while (!at_end()) {
      char c = take();
      if (c == '(') {
        ++level;
      } else if (c == ')') {
        if (--level == 0) {
          break;
        }
      } else if (c == '\\' && !at_end()) {
        c = take();
      }
      comment_ += c;
    }
    return comment_.empty() ? std::string_view{} : arena_.keep(comment_);
  }

  char read_route(std::string_view& out) {
    buffer_.clear();
    char stop = '\0';
    for (;;) {
      skip_blank();
      const std::size_t start = at_;
      const char c = take();
      if (is_alnum(c) || c == '-' || c == '[' || c == ']' || c == ',' || c == '@') {
        buffer_ += c;
      } else if (c == '.' && at_ > start) {
        if (!buffer_.empty() && buffer_.back() != '.') {
          buffer_ += c;
        }
      } else {
        stop = c;
        break;
      }
    }
    while (!buffer_.empty() && (buffer_.back() == '.' || buffer_.back() == ',' || buffer_.back() == '@')) {
      buffer_.pop_back();
    }
    out = buffer_.empty() ? std::string_view{} : arena_.keep(buffer_);
    return stop;
  }

  char read_bare_address(std::string_view mailbox) {
    std::string_view domain;
    std::string_view comment;
    const char stop = read_domain(domain, &comment);
    out_.push_back({nil_if_empty(comment), {}, never_nil(mailbox), domain});
    if (stop == ';' && profile_.semicolon_ends_open_group) {
      end_group();
    }
    return stop;
  }

  char skip_behind_angle(char stop) {
    if (stop == '>' || stop == '\0') {
      return stop;
    }
    const std::size_t angle = text_.find('>', at_);
    at_ = angle == std::string_view::npos ? text_.size() : angle + 1;
    return angle == std::string_view::npos ? '\0' : '>';
  }

  char read_angle_address(std::string_view name) {
    std::string_view mailbox;
    std::string_view route;
    char stop = read_phrase("@>", mailbox);
    if (stop == '@' && mailbox.empty()) {
      --at_;
      stop = read_route(route);
      if (stop != ':') {
        out_.push_back({nil_if_empty(name), nil_if_empty(route), "", kUnspecifiedDomain});
        return skip_behind_angle(stop);
      }
      stop = read_phrase("@>", mailbox);
    }
    if (stop != '@') {
      out_.push_back({nil_if_empty(name), nil_if_empty(route), never_nil(mailbox), kUnspecifiedDomain});
      return stop;
    }
    std::string_view domain;
    stop = read_domain(domain, nullptr);
    out_.push_back({nil_if_empty(name), nil_if_empty(route), never_nil(mailbox), domain});
    return skip_behind_angle(stop);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const CacheProfile& profile_;
  Message::Arena& arena_;
  AddressList& out_;
  bool in_group_ = false;
  std::string buffer_;
  std::string comment_;
};

}  // namespace

void read_address_list(std::string_view value, const CacheProfile& profile, Message::Arena& arena,
                       AddressList& out) {
  ListReader(value, profile, arena, out).read();
}

}  // namespace cyr::mime
