// Routes and addresses of the kernel for the typed page.
#include <napi.h>

#include <cerrno>
#include <cstring>

#include "../port/routes.h"
#include "registrations.h"

namespace weft {
namespace {

Napi::Value bytes_of(Napi::Env env, const IpAddress& a) {
  if (a.size == 0) return env.Undefined();
  auto out = Napi::Uint8Array::New(env, a.size);
  std::memcpy(out.Data(), a.bytes, a.size);
  return out;
}

void check(Napi::Env env, int err) {
  if (err == 0) return;
  Napi::Error e = Napi::Error::New(env, std::string("cannot ask the kernel for routes: ") + strerror(err));
  e.Set("code", Napi::String::New(env, strerrorname_np(err) ? strerrorname_np(err) : "EIO"));
  throw e;
}

Napi::Object object_of(Napi::Env env, const KernelRoute& r) {
  auto out = Napi::Object::New(env);
  out["prefix"] = bytes_of(env, r.prefix);
  out["length"] = Napi::Number::New(env, r.length);
  out["gateway"] = bytes_of(env, r.gateway);
  out["source"] = bytes_of(env, r.source);
  out["local"] = Napi::Boolean::New(env, r.local);
  out["priority"] = Napi::Number::New(env, r.priority);
  out["mtu"] = Napi::Number::New(env, r.mtu);
  out["device"] = Napi::String::New(env, r.device);
  return out;
}

Napi::Value Routes(const Napi::CallbackInfo& info) {
  std::vector<KernelRoute> routes;
  check(info.Env(), kernel_routes(&routes));
  auto out = Napi::Array::New(info.Env(), routes.size());
  for (uint32_t i = 0; i < routes.size(); i++) out[i] = object_of(info.Env(), routes[i]);
  return out;
}

Napi::Value Addresses(const Napi::CallbackInfo& info) {
  std::vector<KernelAddress> addresses;
  check(info.Env(), kernel_addresses(&addresses));
  auto out = Napi::Array::New(info.Env(), addresses.size());
  for (uint32_t i = 0; i < addresses.size(); i++) {
    auto a = Napi::Object::New(info.Env());
    a["device"] = Napi::String::New(info.Env(), addresses[i].device);
    a["address"] = bytes_of(info.Env(), addresses[i].address);
    a["length"] = Napi::Number::New(info.Env(), addresses[i].length);
    out[i] = a;
  }
  return out;
}

// (to, mark) → a route, or undefined when there is none.
Napi::Value RouteTo(const Napi::CallbackInfo& info) {
  auto to = info[0].As<Napi::Uint8Array>();
  IpAddress address;
  if (to.ByteLength() != 4 && to.ByteLength() != 16) throw Napi::RangeError::New(info.Env(), "an address has 4 or 16 bytes");
  address.size = static_cast<uint8_t>(to.ByteLength());
  std::memcpy(address.bytes, to.Data(), address.size);
  KernelRoute route{};
  if (kernel_route(address, info[1].As<Napi::Number>().Uint32Value(), &route) != 0) return info.Env().Undefined();
  return object_of(info.Env(), route);
}

class Watch : public Napi::ObjectWrap<Watch> {
 public:
  explicit Watch(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Watch>(info) {}
  Napi::Value Changed(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), watch_.changed()); }

 private:
  RouteWatch watch_;
};

}  // namespace

void register_routes(Napi::Env env, Napi::Object exports) {
  exports["kernelRoutes"] = Napi::Function::New(env, Routes);
  exports["kernelAddresses"] = Napi::Function::New(env, Addresses);
  exports["kernelRoute"] = Napi::Function::New(env, RouteTo);
  exports["RouteWatch"] = Watch::DefineClass(env, "RouteWatch", {Watch::InstanceMethod<&Watch::Changed>("changed")});
}

}  // namespace weft
