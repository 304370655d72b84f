// What the switch is as a process: the lock on its pid file, its user and capabilities, a datagram socket to the system's log.
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <napi.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "registrations.h"

namespace weft {
namespace {

// Standard streams, and the pipe to whom started us detached.
constexpr int kInheritedFds = 4;
constexpr int kLastCapability = 63;

Napi::Error file_error(Napi::Env env, int err, const std::string& what) {
  Napi::Error e = Napi::Error::New(env, what + ": " + std::strerror(err));
  e.Set("code", Napi::String::New(env, strerrorname_np(err) ? strerrorname_np(err) : "EIO"));
  return e;
}

// Returns the descriptor that holds the lock; the process keeps it until it ends. Tools of Open vSwitch believe a pid file only while its writer has a
// lock on it.
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

uint64_t mask_of(const Napi::Value& numbers) {
  uint64_t mask = 0;
  const auto list = numbers.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) mask |= uint64_t{1} << (list.Get(i).As<Napi::Number>().Uint32Value() & 63);
  return mask;
}

std::vector<std::string> strings_of(const Napi::Value& v) {
  const auto list = v.As<Napi::Array>();
  std::vector<std::string> out;
  for (uint32_t i = 0; i < list.Length(); i++) out.push_back(list.Get(i).As<Napi::String>());
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& of) {
  std::vector<char*> out;
  for (auto& s : of) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

uint64_t permitted() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  return syscall(SYS_capget, &header, data) == 0 ? data[0].permitted | uint64_t{data[1].permitted} << 32 : 0;
}

// Of the calling thread: it has these at most from here on, and may pass them on. False: errno says why.
bool set_capabilities(uint64_t mask) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const auto low = static_cast<uint32_t>(mask), high = static_cast<uint32_t>(mask >> 32);
  __user_cap_data_struct data[2] = {{low, low, low}, {high, high, high}};
  return syscall(SYS_capset, &header, data) == 0;
}

// No program that is started from here on gets others, whoever owns it. Those that the kernel does not know are nothing to take away.
void bound_capabilities(uint64_t mask) {
  for (int c = 0; c <= kLastCapability; c++)
    if ((mask >> c & 1) == 0) prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
}

// dropCapabilities(keep): what this thread, and all that it starts, may do. Threads that run already keep what they have.
Napi::Value DropCapabilities(const Napi::CallbackInfo& info) {
  const uint64_t keep = mask_of(info[0]) & permitted();
  bound_capabilities(keep);
  if (!set_capabilities(keep)) throw file_error(info.Env(), errno, "cannot give capabilities up");
  return info.Env().Undefined();
}

struct Identity {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
};

// "USER", "USER:GROUP", ":GROUP"; the texts are those of ovs-vswitchd(8).
Identity identity_of(Napi::Env env, const std::string& user, const std::string& group) {
  Identity who{getuid(), getgid(), {}};
  std::string name = user;
  if (!user.empty()) {
    const passwd* p = getpwnam(user.c_str());
    if (p == nullptr) throw Napi::Error::New(env, "user " + user + " not found, aborting.");
    who.uid = p->pw_uid;
    who.gid = p->pw_gid;
  } else if (const passwd* p = getpwuid(who.uid)) {
    name = p->pw_name;
  }
  if (!group.empty()) {
    const struct group* g = getgrnam(group.c_str());
    if (g == nullptr) throw Napi::Error::New(env, "group " + group + " not found, aborting.");
    who.gid = g->gr_gid;
  }
  int n = 64;
  who.groups.resize(static_cast<size_t>(n));
  if (getgrouplist(name.c_str(), who.gid, who.groups.data(), &n) < 0) n = 64;
  who.groups.resize(static_cast<size_t>(n));
  return who;
}

// becomeUser(user, group, keep, argv, env): the program argv[0] takes this process's place, as that user with these capabilities. Returns only by throwing.
//
// A process has threads by now (the engine's), and each has credentials of its own; starting a program anew ends them and gives the caller's to all.
// Ambient capabilities are what a program that is not root's gets from its starter.
Napi::Value BecomeUser(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Identity who = identity_of(env, info[0].As<Napi::String>(), info[1].As<Napi::String>());
  const uint64_t keep = mask_of(info[2]) & permitted();
  std::vector<std::string> argv = strings_of(info[3]), vars = strings_of(info[4]);
  bound_capabilities(keep);
  prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  // Not the library's functions: these would change the other threads, which need not be changed and could refuse.
  if (who.uid != getuid() || who.gid != getgid()) {
    if (syscall(SYS_setgroups, who.groups.size(), who.groups.data()) != 0) throw file_error(env, errno, "cannot set the groups of the user");
    if (syscall(SYS_setresgid, who.gid, who.gid, who.gid) != 0) throw file_error(env, errno, "cannot become another group");
    if (syscall(SYS_setresuid, who.uid, who.uid, who.uid) != 0) throw file_error(env, errno, "cannot become another user");
  }
  if (!set_capabilities(keep)) throw file_error(env, errno, "cannot give capabilities up");
  if (who.uid != 0) {
    for (unsigned long c = 0; c <= kLastCapability; c++)
      if ((keep >> c & 1) != 0) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0);
  }
  for (int fd = 0; fd < kInheritedFds; fd++) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags >= 0) fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
  }
  execve(argv.at(0).c_str(), pointers(argv).data(), pointers(vars).data());
  throw file_error(env, errno, argv[0]);
}

// openDatagram(path): a descriptor on which each write is a message to the socket there.
Napi::Value OpenDatagram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = info[0].As<Napi::String>();
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.size() >= sizeof to.sun_path) throw file_error(env, ENAMETOOLONG, path);
  std::memcpy(to.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw file_error(env, errno, path);
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    const int err = errno;
    close(fd);
    throw file_error(env, err, path);
  }
  return Napi::Number::New(env, fd);
}

}  // namespace

void register_process(Napi::Env env, Napi::Object exports) {
  exports["lockPidFile"] = Napi::Function::New(env, LockPidFile);
  exports["dropCapabilities"] = Napi::Function::New(env, DropCapabilities);
  exports["becomeUser"] = Napi::Function::New(env, BecomeUser);
  exports["openDatagram"] = Napi::Function::New(env, OpenDatagram);
}

}  // namespace weft
