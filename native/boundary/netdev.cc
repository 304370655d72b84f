// Device functions of the typed page: deviceInfo, deviceSet. Errors carry `code`, the errno's name.
#include <napi.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "../port/netdev.h"
#include "registrations.h"

namespace weft {
namespace {

Napi::Error device_error(Napi::Env env, int err, const char* what, const std::string& name) {
  char why[512];
  explain(why, err, what, name.c_str());
  Napi::Error e = Napi::Error::New(env, why);
  e.Set("code", Napi::String::New(env, strerrorname_np(err) ? strerrorname_np(err) : "EIO"));
  return e;
}

class Socket {
 public:
  Socket() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// deviceInfo(name, netns): {ifindex, mtu, mac: Uint8Array, up, running}
Napi::Value DeviceInfoOf(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].As<Napi::String>();
  const std::string netns = info[1].As<Napi::String>();
  const NetnsScope scope(netns.c_str());
  if (scope.error() != 0) throw device_error(env, scope.error(), "cannot enter network namespace", netns);
  // Every device is asked twice a second: one socket for all of our own namespace.
  static const Socket here;
  std::optional<Socket> there;
  if (!netns.empty()) there.emplace();
  DeviceInfo d{};
  const int err = device_info((there ? *there : here).fd(), name.c_str(), &d);
  if (err != 0) throw device_error(env, err, "cannot look at device", name);
  Napi::Object out = Napi::Object::New(env);
  out["ifindex"] = Napi::Number::New(env, d.ifindex);
  out["mtu"] = Napi::Number::New(env, d.mtu);
  Napi::Uint8Array mac = Napi::Uint8Array::New(env, 6);
  std::memcpy(mac.Data(), d.mac, 6);
  out["mac"] = mac;
  out["up"] = Napi::Boolean::New(env, d.up);
  out["running"] = Napi::Boolean::New(env, d.running);
  return out;
}

Napi::Value modes_of(Napi::Env env, const uint32_t (&words)[DeviceLink::kWords]) {
  Napi::Uint32Array out = Napi::Uint32Array::New(env, DeviceLink::kWords);
  std::memcpy(out.Data(), words, sizeof words);
  return out;
}

// deviceLink(name, netns): {speed, duplex, autonegotiates, connector, supported, advertised, peer, driver, version, firmware}
Napi::Value DeviceLinkOf(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].As<Napi::String>();
  const std::string netns = info[1].As<Napi::String>();
  const NetnsScope scope(netns.c_str());
  if (scope.error() != 0) throw device_error(env, scope.error(), "cannot enter network namespace", netns);
  const Socket sock;
  DeviceLink d{};
  const int err = device_link(sock.fd(), name.c_str(), &d);
  if (err != 0) throw device_error(env, err, "cannot look at device", name);
  Napi::Object out = Napi::Object::New(env);
  out["speed"] = Napi::Number::New(env, d.speed);
  out["duplex"] = Napi::String::New(env, d.full ? "full" : d.half ? "half" : "");
  out["autonegotiates"] = Napi::Boolean::New(env, d.autonegotiates);
  out["connector"] = Napi::String::New(env, d.copper ? "copper" : d.fiber ? "fiber" : "");
  out["supported"] = modes_of(env, d.supported);
  out["advertised"] = modes_of(env, d.advertised);
  out["peer"] = modes_of(env, d.peer);
  out["driver"] = Napi::String::New(env, d.driver);
  out["version"] = Napi::String::New(env, d.version);
  out["firmware"] = Napi::String::New(env, d.firmware);
  return out;
}

// deviceSet(name, netns, what: "up" | "mtu" | "mac", value: number | Uint8Array)
Napi::Value DeviceSet(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = info[0].As<Napi::String>();
  const std::string netns = info[1].As<Napi::String>();
  const std::string what = info[2].As<Napi::String>();
  const NetnsScope scope(netns.c_str());
  if (scope.error() != 0) throw device_error(env, scope.error(), "cannot enter network namespace", netns);
  const Socket sock;
  int err = 0;
  if (what == "up") {
    err = device_set_up(sock.fd(), name.c_str(), info[3].As<Napi::Number>().Uint32Value() != 0);
  } else if (what == "mtu") {
    err = device_set_mtu(sock.fd(), name.c_str(), info[3].As<Napi::Number>().Uint32Value());
  } else {
    const Napi::Uint8Array mac = info[3].As<Napi::Uint8Array>();
    err = mac.ByteLength() == 6 ? device_set_mac(sock.fd(), name.c_str(), mac.Data()) : EINVAL;
  }
  if (err != 0) throw device_error(env, err, ("cannot set " + what + " of device").c_str(), name);
  return env.Undefined();
}

}  // namespace

void register_netdev(Napi::Env env, Napi::Object exports) {
  exports["deviceInfo"] = Napi::Function::New(env, DeviceInfoOf);
  exports["deviceLink"] = Napi::Function::New(env, DeviceLinkOf);
  exports["deviceSet"] = Napi::Function::New(env, DeviceSet);
}

}  // namespace weft
