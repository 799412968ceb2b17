// pop3d: mail from an INBOX to a client, by POP3.
#include "server-min/pop3d/dialogue.h"
#include "server-min/session/service.h"

int main(int argc, char** argv) {
  return cyr::session::run_service(
      argc, argv,
      {.program = "pop3d",
       .protocol = "pop",
       .letters = "sk",
       .option = [](char /*letter*/, const std::string& /*value*/) -> cyr::Status {
         return cyr::make_error(cyr::Errc::invalid,
                                "-k is for KPOP, which belongs to Kerberos 4; it is not supported")
             .with_hint("GSSAPI through AUTH does the same today");
       },
       .prepare = {},
       .serve = cyr::pop3d::serve});
}
