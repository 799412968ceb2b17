// Strings that a parsed message owns: unfolded values, upper-case names. They live and die together.
#pragma once

#include <algorithm>
#include <memory_resource>
#include <string_view>

#include "format/base/text.h"
#include "format/mime/message.h"

namespace cyr::mime {

class Message::Arena {
 public:
  Arena() = default;

  // Room for `size` characters; never null, so that an empty string is not NIL.
  char* take(std::size_t size) {
    return static_cast<char*>(pool_.allocate(std::max<std::size_t>(size, 1), 1));
  }
  std::string_view keep(std::string_view text) {
    char* const to = take(text.size());
    std::copy(text.begin(), text.end(), to);
    return {to, text.size()};
  }
  // `text` itself if it has no lower-case letter.
  std::string_view upper(std::string_view text) {
    if (std::none_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; })) {
      return text.data() == nullptr ? std::string_view("") : text;
    }
    char* const to = take(text.size());
    std::transform(text.begin(), text.end(), to, ascii_upper);
    return {to, text.size()};
  }

 private:
  std::pmr::monotonic_buffer_resource pool_;
};

}  // namespace cyr::mime
