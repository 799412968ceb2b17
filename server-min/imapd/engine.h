// The loop of a session: one command after the other, its answer, and what is to be told in between.
#pragma once

#include "server-min/imapd/imap_session.h"

namespace cyr::imapd {

class Engine {
 public:
  Engine(Session& session, CommandSource& source);

  // Commands until the client logs out or goes away. The greeting has been sent. Errc::cancelled and I/O
  // errors of the connection are the normal ends and no error.
  void run();
  // One command. False: the session is over.
  bool step();

 private:
  void answer(const std::string& tag, const Answer& answer);
  Answer execute(const std::string& tag);
  Answer execute_command(const std::string& tag, std::string_view name, bool uid);
  [[nodiscard]] ParserLimits limits() const;
  Session& session_;
  CommandParser parser_;
};

}  // namespace cyr::imapd
