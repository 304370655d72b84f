// lockPidFile(path): the pid file as daemons of Open vSwitch keep it. Their tools believe it only while its writer holds a lock on it.
#include <fcntl.h>
#include <napi.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "registrations.h"

namespace weft {
namespace {

Napi::Error file_error(Napi::Env env, int err, const std::string& what) {
  Napi::Error e = Napi::Error::New(env, what + ": " + std::strerror(err));
  e.Set("code", Napi::String::New(env, strerrorname_np(err) ? strerrorname_np(err) : "EIO"));
  return e;
}

// Returns the descriptor that holds the lock; the process keeps it until it ends.
Napi::Value LockPidFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>();
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) throw file_error(env, errno, path);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  char text[32];
  const int n = std::snprintf(text, sizeof text, "%ld\n", static_cast<long>(getpid()));
  if (fcntl(fd, F_SETLK, &lock) != 0 || ftruncate(fd, 0) != 0 || write(fd, text, static_cast<size_t>(n)) != n) {
    const int err = errno;
    close(fd);
    throw file_error(env, err, err == EAGAIN || err == EACCES ? path + ": another switch is running there" : path);
  }
  return Napi::Number::New(env, fd);
}

}  // namespace

void register_process(Napi::Env env, Napi::Object exports) { exports["lockPidFile"] = Napi::Function::New(env, LockPidFile); }

}  // namespace weft
