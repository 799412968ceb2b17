// The messages of one mailbox as the conversations database of its owner has them: state that a lost index
// record took with it.
#pragma once

#include <vector>

#include "format/check/context.h"
#include "format/meta/conversations.h"

namespace cyr::check {

class ConversationsEvidence {
 public:
  // Never fails: a database that is absent, damaged or of another release says nothing, or what could be read
  // of it.
  static ConversationsEvidence load(Context& context);

  // The message of the same content under the same UID; nullptr when there was none.
  [[nodiscard]] const meta::ConversationMessage* find(const mailbox::IndexRecord& record) const;
  // Gives a new record the conversation id, the system flags, EXPUNGED and the internaldate that a message of
  // the same content had under the same UID. False, and nothing done, when there was none.
  [[nodiscard]] bool apply(const Context& context, mailbox::IndexRecord& record) const;
  // Puts right what the database knows of a damaged record: conversation id and flags. True when that changed
  // it.
  [[nodiscard]] bool restore(mailbox::IndexRecord& record) const;

 private:
  std::vector<meta::ConversationMessage> messages_;  // of this folder, ascending UIDs
};

}  // namespace cyr::check
