// The class PeerSocket of the typed page: a connected stream socket that is asked directly, without a stream's queues between.
#include <fcntl.h>
#include <napi.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <memory>

#include "registrations.h"

namespace weft {
namespace {

int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

class PeerSocket final : public Napi::ObjectWrap<PeerSocket> {
 public:
  static void define(Napi::Env env, Napi::Object exports) {
    exports["PeerSocket"] = DefineClass(env, "PeerSocket",
                                        {
                                            InstanceMethod<&PeerSocket::read>("read"),
                                            InstanceMethod<&PeerSocket::write>("write"),
                                            InstanceMethod<&PeerSocket::watch>("watch"),
                                            InstanceMethod<&PeerSocket::shut>("shut"),
                                            InstanceMethod<&PeerSocket::close>("close"),
                                            StaticMethod<&PeerSocket::displaced>("displaced"),
                                        });
  }

  // (fd, into, ready)
  explicit PeerSocket(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PeerSocket>(info) {
    const Napi::Env env = info.Env();
    if (napi_get_uv_event_loop(env, &loop_) != napi_ok) throw Napi::Error::New(env, "there is no event loop");
    auto into = info[1].As<Napi::Uint8Array>();
    into_ = Napi::Persistent(into.As<Napi::Object>());
    data_ = into.Data();
    bytes_ = into.ByteLength();
    ready_ = Napi::Persistent(info[2].As<Napi::Function>());
    context_ = std::make_unique<Napi::AsyncContext>(env, "weft peer");
    fd_ = fcntl(info[0].As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 0);
    if (fd_ < 0) throw Napi::Error::New(env, "the descriptor cannot be doubled");
    poll_ = new uv_poll_t{};
    const int err = uv_poll_init(loop_, poll_, fd_);  // makes it non-blocking, too
    if (err != 0) {
      delete poll_;
      poll_ = nullptr;
      end();
      throw Napi::Error::New(env, uv_strerror(err));
    }
    poll_->data = this;
  }

  void Finalize(Napi::Env) override { end(); }

 private:
  void end() {
    if (poll_) {
      uv_poll_stop(poll_);
      uv_close(reinterpret_cast<uv_handle_t*>(poll_), [](uv_handle_t* h) { delete reinterpret_cast<uv_poll_t*>(h); });
      poll_ = nullptr;
    }
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  // Whether the peer's bytes are there before `ns` are over, or before the event loop has something else to do.
  bool await(int64_t ns) const {
    pollfd both[2] = {{fd_, POLLIN, 0}, {uv_backend_fd(loop_), POLLIN, 0}};
    const int64_t until = now_ns() + ns;
    do {
      if (::poll(both, 2, 0) < 0) return false;
      if (both[0].revents) return true;
      if (both[1].revents) return false;
    } while (now_ns() < until);
    return false;
  }

  Napi::Value read(const Napi::CallbackInfo& info) {
    ssize_t n = ::recv(fd_, data_, bytes_, 0);
    if (n < 0 && errno == EAGAIN) {
      const auto ns = info[0].As<Napi::Number>().Int64Value();
      if (ns > 0 && await(ns)) n = ::recv(fd_, data_, bytes_, 0);
      else errno = EAGAIN;
    }
    return result(info, n);
  }

  Napi::Value write(const Napi::CallbackInfo& info) {
    const auto from = info[0].As<Napi::Uint8Array>();
    return result(info, ::send(fd_, from.Data(), from.ByteLength(), MSG_NOSIGNAL));
  }

  static Napi::Value result(const Napi::CallbackInfo& info, ssize_t n) {
    if (n >= 0) return Napi::Number::New(info.Env(), static_cast<double>(n));
    return Napi::Number::New(info.Env(), errno == EAGAIN || errno == EINTR ? -1 : -1 - errno);
  }

  void watch(const Napi::CallbackInfo& info) {
    if (!poll_) return;
    const int events = info[0].As<Napi::Number>().Int32Value();
    if (events == 0) uv_poll_stop(poll_);
    else uv_poll_start(poll_, events, PeerSocket::happened);
    // Who is watched for stays, whoever else forgot it.
    if (events != 0 && !watched_) Ref();
    if (events == 0 && watched_) Unref();
    watched_ = events != 0;
  }

  static void happened(uv_poll_t* handle, int status, int events) {
    auto* self = static_cast<PeerSocket*>(handle->data);
    const Napi::Env env = self->Env();
    const Napi::HandleScope scope(env);
    // What is wrong with the socket, reading or writing it will say.
    const int told = status < 0 ? UV_READABLE | UV_WRITABLE : events;
    try {
      self->ready_.MakeCallback(env.Global(), {Napi::Number::New(env, told)}, *self->context_);
    } catch (const Napi::Error& e) {
      napi_fatal_exception(env, e.Value());
    }
  }

  void shut(const Napi::CallbackInfo&) {
    if (fd_ >= 0) ::shutdown(fd_, SHUT_WR);
  }

  void close(const Napi::CallbackInfo&) {
    end();
    if (watched_) Unref();
    watched_ = false;
    // `ready` leads to who holds us: as long as we hold it, neither ever goes. The context stays, for we may be in a call of it.
    ready_.Reset();
    into_.Reset();
  }

  static Napi::Value displaced(const Napi::CallbackInfo& info) {
    rusage u{};
    getrusage(RUSAGE_THREAD, &u);
    return Napi::Number::New(info.Env(), static_cast<double>(u.ru_nivcsw));
  }

  uv_loop_t* loop_ = nullptr;
  uv_poll_t* poll_ = nullptr;  // its own memory: the loop may hold it a while longer
  int fd_ = -1;
  uint8_t* data_ = nullptr;  // of into_
  size_t bytes_ = 0;
  bool watched_ = false;
  Napi::ObjectReference into_;
  Napi::FunctionReference ready_;
  std::unique_ptr<Napi::AsyncContext> context_;
};

}  // namespace

void register_peer(Napi::Env env, Napi::Object exports) { PeerSocket::define(env, exports); }

}  // namespace weft
