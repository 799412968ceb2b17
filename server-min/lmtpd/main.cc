// lmtpd: mail from an MTA into mailboxes, by LMTP.
#include "server-min/lmtpd/dialogue.h"
#include "server-min/session/service.h"

int main(int argc, char** argv) {
  bool trusted = false;
  return cyr::session::run_service(
      argc, argv,
      {.program = "lmtpd",
       .protocol = "lmtp",
       .letters = "a",
       .option =
           [&trusted](char /*letter*/, const std::string& /*value*/) {
             trusted = true;  // -a: every client, as on a UNIX socket
             return cyr::success();
           },
       .prepare = {},
       .serve = [&trusted](cyr::session::Session& session) { cyr::lmtpd::serve(session, trusted); }});
}
