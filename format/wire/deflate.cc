#include "format/wire/deflate.h"

#include <zlib.h>

namespace cyr::wire {
namespace {

constexpr int raw_window = -15;               // no zlib header, 32 KiB
constexpr std::size_t out_step = 16U << 10U;  // bytes
constexpr std::size_t most_plain = 64U << 10U;

// One direction of zlib; closes itself.
class Stream {
 public:
  explicit Stream(int (*end)(z_stream*)) : end_(end) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (open_) {
      end_(&z_);
    }
  }
  Status opened(int code) {
    open_ = code == Z_OK;
    return open_ ? success() : Status(make_error(Errc::io, "zlib cannot start: no memory"));
  }
  z_stream& z() { return z_; }
  void give(Bytes in) {
    // zlib reads only, although its member is not const.
    z_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));  // NOLINT
    z_.avail_in = static_cast<uInt>(in.size());
  }
  // Room for one step at the end of `out`; settle() takes back what was not used.
  void make_room(Buffer& out) {
    out.resize(out.size() + out_step);
    z_.next_out = reinterpret_cast<Bytef*>(out.data() + out.size() - out_step);  // NOLINT
    z_.avail_out = out_step;
  }
  void settle(Buffer& out) { out.resize(out.size() - z_.avail_out); }

 private:
  int (*end_)(z_stream*);
  z_stream z_{};
  bool open_ = false;
};

class DeflateLayer final : public Layer {
 public:
  DeflateLayer() : out_(deflateEnd), in_(inflateEnd) {}
  Status open() {
    CYR_CHECK(out_.opened(
        deflateInit2(&out_.z(), Z_DEFAULT_COMPRESSION, Z_DEFLATED, raw_window, 8, Z_DEFAULT_STRATEGY)));
    return in_.opened(inflateInit2(&in_.z(), raw_window));
  }

  Status encode(Bytes plain, Buffer& out) override {
    out_.give(plain);
    do {
      out_.make_room(out);
      const int code = deflate(&out_.z(), Z_SYNC_FLUSH);
      out_.settle(out);
      if (code != Z_OK && code != Z_BUF_ERROR) {
        return make_error(Errc::io, "zlib cannot compress");
      }
    } while (out_.z().avail_out == 0);
    return success();
  }

  // A few bytes may stand for a million: what does not fit into one piece waits in `waiting_`.
  Status decode(Bytes in, Buffer& plain, Buffer& /*reply*/) override {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(used_));
    waiting_.insert(waiting_.end(), in.begin(), in.end());
    in_.give(waiting_);
    full_ = false;
    while (true) {
      in_.make_room(plain);
      const int code = inflate(&in_.z(), Z_SYNC_FLUSH);
      full_ = in_.z().avail_out == 0;
      in_.settle(plain);
      if (code != Z_OK && code != Z_BUF_ERROR) {
        return make_error(Errc::io, "what came is no deflate stream");
      }
      if (!full_ || plain.size() >= most_plain) {
        break;
      }
    }
    used_ = waiting_.size() - in_.z().avail_in;
    return success();
  }
  [[nodiscard]] bool has_more() const override { return full_; }

 private:
  Stream out_;
  Stream in_;
  Buffer waiting_;
  std::size_t used_ = 0;  // bytes of waiting_ that inflate has taken
  bool full_ = false;     // inflate stopped because the output was full
};

}  // namespace

Result<std::unique_ptr<Layer>> deflate_layer() {
  auto layer = std::make_unique<DeflateLayer>();
  CYR_CHECK(layer->open());
  return std::unique_ptr<Layer>(std::move(layer));
}

}  // namespace cyr::wire
