// What each boundary file adds to the addon; boundary.cc calls them all.
#pragma once
#include <napi.h>

namespace weft {

void register_exec(Napi::Env env, Napi::Object exports);
void register_datapath(Napi::Env env, Napi::Object exports);
void register_memory(Napi::Env env, Napi::Object exports);
void register_netdev(Napi::Env env, Napi::Object exports);
void register_packet(Napi::Env env, Napi::Object exports);
void register_peer(Napi::Env env, Napi::Object exports);
void register_pktgen(Napi::Env env, Napi::Object exports);
void register_routes(Napi::Env env, Napi::Object exports);
void register_process(Napi::Env env, Napi::Object exports);

}  // namespace weft
