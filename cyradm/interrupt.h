// Ctrl-C as a descriptor: while a person is typing, SIGINT does not end the program but whatever it is
// waiting for.
#pragma once

#include "format/base/error.h"

namespace cyr::cyradm {

class Interrupt {
 public:
  // Blocks SIGINT in this process; started programs get it as they should (run_program_in_shell).
  static Result<Interrupt> install();
  Interrupt(Interrupt&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Interrupt& operator=(Interrupt&&) = delete;
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  [[nodiscard]] int fd() const { return fd_; }  // readable after Ctrl-C
  // True when there was one since the last call; forgets it.
  bool take();

 private:
  explicit Interrupt(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace cyr::cyradm
