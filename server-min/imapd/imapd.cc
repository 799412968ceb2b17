// imapd: IMAP4rev1 on a Cyrus store (server.md 3). One process serves one connection at a time, as a child of
// master or on stdin and stdout (-X).
#include "server-min/imapd/capability.h"
#include "server-min/imapd/connection_source.h"
#include "server-min/imapd/engine.h"

namespace {

using cyr::imapd::capabilities;

void serve(cyr::session::Session& service) {
  cyr::imapd::ConnectionTransport transport(service);
  cyr::imapd::Session imap(service.store(), transport, [&](std::string_view bytes) {
    service.connection().write(bytes);
    return service.connection().flush();
  });
  transport.set_output(&imap.out);
  cyr::imapd::ConnectionSource source(service, imap);
  imap.out.untagged("OK [CAPABILITY {}] {}", capabilities(imap, true), service.banner("IMAP"));
  if (const auto motd = service.motd(); motd) {
    imap.out.untagged("OK [ALERT] {}", *motd);
  }
  cyr::imapd::Engine(imap, source).run();
}

}  // namespace

int main(int argc, char** argv) {
  return cyr::session::run_service(argc, argv,
                                   {.program = "imapd", .protocol = "imap", .letters = "s", .serve = serve});
}
