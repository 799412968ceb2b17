// The conversation with a POP3 client.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "format/base/file.h"
#include "server-min/pop3d/command.h"
#include "server-min/pop3d/maildrop.h"
#include "server-min/session/session.h"

namespace cyr::pop3d {

void serve(session::Session& session);

class Dialogue {
 public:
  explicit Dialogue(session::Session& session) : session_(session), connection_(session.connection()) {}
  void run();

 private:
  void ok(std::string_view text = {});
  void err(std::string_view text);
  // False when the connection shall end.
  bool serve_command(const Command& command);
  bool before_login(const Command& command);
  bool after_login(const Command& command);
  void capabilities();
  bool start_tls();
  void user(std::string_view name);
  bool pass(const std::string& password);
  bool apop(const std::string& argument);
  bool auth(const std::string& argument);
  // After a verdict: opens the maildrop, answers.
  bool answer(const session::Verdict& verdict);
  bool open_maildrop();
  Status lock_maildrop();
  [[nodiscard]] std::string too_early() const;
  void stat();
  void list(const std::string& argument);
  void uidl(const std::string& argument);
  void listing(const std::string& argument, std::string_view title,
               const std::function<std::string(const Message&)>& item);
  void retrieve(const std::string& argument);
  void top(const std::string& argument);
  void remove(const std::string& argument);
  void send(Message& message, std::uint64_t lines);
  bool quit();

  session::Session& session_;
  wire::Connection& connection_;
  std::string user_;
  std::string folder_;  // popsubfolders
  std::unique_ptr<Maildrop> maildrop_;
  File lock_;  // pop_exclusive
  int errors_ = 0;
};

}  // namespace cyr::pop3d
