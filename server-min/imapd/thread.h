// The threading algorithms of RFC 5256: ORDEREDSUBJECT and REFERENCES. Pure: messages in, trees out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cyr::imapd {

struct ThreadMessage {
  std::uint32_t number = 0;             // as it will be printed
  std::int64_t sent = 0;                // seconds; of the Date field, else internaldate
  std::string subject;                  // base subject
  bool is_reply = false;                // its subject said so
  std::string message_id;               // normalised; empty: none
  std::vector<std::string> references;  // oldest first; of References, else the first id of In-Reply-To
};

// A node without a message (number 0) only holds its children together.
struct ThreadNode {
  std::uint32_t number = 0;
  std::vector<ThreadNode> children;
};

// `messages` in any order. Neither may recurse deeper than a constant for hostile reference chains: such
// chains are cut.
[[nodiscard]] std::vector<ThreadNode> thread_by_subject(std::vector<ThreadMessage> messages);
[[nodiscard]] std::vector<ThreadNode> thread_by_references(const std::vector<ThreadMessage>& messages);

// "(2)(3 6 (4 23)(44 7 96))".
[[nodiscard]] std::string print_threads(const std::vector<ThreadNode>& threads);

}  // namespace cyr::imapd
