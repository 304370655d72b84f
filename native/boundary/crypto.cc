// What a database wants of cryptography: SHA-1 (FIPS 180-4) of the records of its file, and random UUIDs (RFC 9562, version 4). Node has both, behind 17 modules
// of its own that each start would load for these two: 3 ms.
#include <napi.h>
#include <sys/random.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "registrations.h"

namespace weft {
namespace {

constexpr size_t kBlock = 64;
constexpr size_t kLengthBytes = 8;
using State = std::array<uint32_t, 5>;

void add_block(State& state, const uint8_t* at) {
  std::array<uint32_t, 80> w;
  for (size_t i = 0; i < 16; i++, at += 4)
    w[i] = uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | uint32_t{at[3]};
  for (size_t i = 16; i < 80; i++) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  auto [a, b, c, d, e] = state;
  const auto turns = [&](size_t from, uint32_t constant, auto&& mix) {
    for (size_t i = from; i < from + 20; i++) {
      const uint32_t next = std::rotl(a, 5) + mix() + e + constant + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
  };
  turns(0, 0x5a827999, [&] { return (b & c) | (~b & d); });
  turns(20, 0x6ed9eba1, [&] { return b ^ c ^ d; });
  turns(40, 0x8f1bbcdc, [&] { return (b & c) | (b & d) | (c & d); });
  turns(60, 0xca62c1d6, [&] { return b ^ c ^ d; });
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
}

State sha1(const uint8_t* bytes, size_t n) {
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  size_t at = 0;
  for (; n - at >= kBlock; at += kBlock) add_block(state, bytes + at);
  // What is left, a one, zeros, and the length in bits at the end of a block.
  std::array<uint8_t, 2 * kBlock> tail{};
  const size_t left = n - at;
  if (left > 0) std::memcpy(tail.data(), bytes + at, left);
  tail[left] = 0x80;
  const size_t end = left + 1 + kLengthBytes <= kBlock ? kBlock : 2 * kBlock;
  for (size_t i = 0; i < kLengthBytes; i++) tail[end - 1 - i] = static_cast<uint8_t>(uint64_t{n} * 8 >> (8 * i));
  for (size_t i = 0; i < end; i += kBlock) add_block(state, tail.data() + i);
  return state;
}

constexpr char kDigits[] = "0123456789abcdef";

// sha1(bytes): 40 hexadecimal digits, in lower case.
Napi::Value Sha1(const Napi::CallbackInfo& info) {
  const auto bytes = info[0].As<Napi::Uint8Array>();
  std::string text;
  for (const uint32_t word : sha1(bytes.Data(), bytes.ByteLength()))
    for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[word >> shift & 15];
  return Napi::String::New(info.Env(), text);
}

// uuid(): a random one, in lower case.
Napi::Value Uuid(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::array<uint8_t, 16> bytes;
  // So few bytes come in one piece, once the system has any: before, it waits.
  while (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    if (errno != EINTR) throw Napi::Error::New(env, std::string("getrandom: ") + std::strerror(errno));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  std::string text;
  for (size_t i = 0; i < bytes.size(); i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return Napi::String::New(env, text);
}

}  // namespace

void register_crypto(Napi::Env env, Napi::Object exports) {
  exports["sha1"] = Napi::Function::New(env, Sha1);
  exports["uuid"] = Napi::Function::New(env, Uuid);
}

}  // namespace weft
