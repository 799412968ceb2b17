// What may stand between a connection's buffers and its descriptors: TLS, a SASL security layer, deflate. A
// layer only turns bytes into bytes; Connection does all reading, writing and waiting, so that timeouts and
// limits hold whatever layers there are.
#pragma once

#include "format/base/bytes.h"
#include "format/base/error.h"

namespace cyr::wire {

class Layer {
 public:
  Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  virtual ~Layer() = default;

  // Before the layer is in force: takes what came from the peer (nothing at first), appends what has to be
  // sent to `reply`. True when the layer is ready; what came after that stays inside for decode().
  virtual Result<bool> handshake(Bytes /*in*/, Buffer& /*reply*/) { return true; }
  // Appends the wire form of `plain`, complete, so that the peer can read all of it.
  virtual Status encode(Bytes plain, Buffer& out) = 0;
  // Takes all of `in`; appends at most about 64 KiB to `plain` and keeps the rest (has_more). `reply`: what
  // has to be sent at once.
  virtual Status decode(Bytes in, Buffer& plain, Buffer& reply) = 0;
  // True when decode() with no input would give more.
  [[nodiscard]] virtual bool has_more() const { return false; }
  // The last bytes to send before the connection is closed.
  virtual void finish(Buffer& /*out*/) {}
};

}  // namespace cyr::wire
