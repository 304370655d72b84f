#include "kernel_types.h"

#include <fcntl.h>
#include <linux/btf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "bpf.h"

namespace weft {
namespace {

// The kernel's own file, but no length in it is believed.
class Types {
 public:
  explicit Types(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {
    btf_header h;
    if (bytes_.size() < sizeof h) return;
    std::memcpy(&h, bytes_.data(), sizeof h);
    if (h.magic != BTF_MAGIC || uint64_t{h.hdr_len} + h.str_off + h.str_len > bytes_.size() || uint64_t{h.hdr_len} + h.type_off + h.type_len > bytes_.size()) return;
    strings_ = std::string_view(reinterpret_cast<const char*>(bytes_.data()) + h.hdr_len + h.str_off, h.str_len);
    const size_t first = h.hdr_len + h.type_off, end = first + h.type_len;
    for (size_t at = first; at + sizeof(btf_type) <= end;) {
      places_.push_back(at);
      const size_t more = tail(type_at(at));
      if (more > end - at - sizeof(btf_type)) {
        places_.resize(1);
        return;
      }
      at += sizeof(btf_type) + more;
    }
  }

  uint32_t find(uint32_t kind, std::string_view name) const {
    for (uint32_t id = 1; id < places_.size(); id++) {
      const btf_type t = type_at(places_[id]);
      if (BTF_INFO_KIND(t.info) == kind && text(t.name_off) == name) return id;
    }
    return 0;
  }

  // Bit offset of a member, also one of an unnamed struct or union within.
  std::optional<uint32_t> member(uint32_t id, std::string_view name, uint32_t depth = 0) const {
    if (id == 0 || id >= places_.size() || depth > 8) return std::nullopt;
    const btf_type t = type_at(places_[id]);
    if (BTF_INFO_KIND(t.info) != BTF_KIND_STRUCT && BTF_INFO_KIND(t.info) != BTF_KIND_UNION) return std::nullopt;
    for (uint32_t i = 0; i < BTF_INFO_VLEN(t.info); i++) {
      btf_member m;
      std::memcpy(&m, bytes_.data() + places_[id] + sizeof t + i * sizeof m, sizeof m);
      const uint32_t at = BTF_INFO_KFLAG(t.info) ? BTF_MEMBER_BIT_OFFSET(m.offset) : m.offset;
      const std::string_view called = text(m.name_off);
      if (called == name) return at;
      if (!called.empty()) continue;
      if (const auto within = member(m.type, name, depth + 1)) return at + *within;
    }
    return std::nullopt;
  }

 private:
  btf_type type_at(size_t at) const {
    btf_type t;
    std::memcpy(&t, bytes_.data() + at, sizeof t);
    return t;
  }
  std::string_view text(uint32_t at) const {
    if (at >= strings_.size()) return {};
    const std::string_view s = strings_.substr(at);
    return s.substr(0, s.find('\0'));
  }
  static size_t tail(const btf_type& t) {
    const size_t n = BTF_INFO_VLEN(t.info);
    switch (BTF_INFO_KIND(t.info)) {
      case BTF_KIND_INT:
      case BTF_KIND_VAR:
      case BTF_KIND_DECL_TAG:
        return 4;
      case BTF_KIND_ARRAY:
        return sizeof(btf_array);
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        return n * sizeof(btf_member);
      case BTF_KIND_ENUM:
        return n * sizeof(btf_enum);
      case BTF_KIND_FUNC_PROTO:
        return n * sizeof(btf_param);
      case BTF_KIND_DATASEC:
        return n * sizeof(btf_var_secinfo);
      case BTF_KIND_ENUM64:
        return n * sizeof(btf_enum64);
      default:
        return 0;
    }
  }

  std::vector<uint8_t> bytes_;
  std::string_view strings_;
  std::vector<size_t> places_ = {0};  // by id; type 0 is void
};

std::vector<uint8_t> read_all(const char* path) {
  const Fd fd(open(path, O_RDONLY | O_CLOEXEC));
  struct stat st{};
  if (!fd.ok() || fstat(fd.get(), &st) != 0 || st.st_size <= 0) return {};
  std::vector<uint8_t> bytes(static_cast<size_t>(st.st_size));
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t n = read(fd.get(), bytes.data() + at, bytes.size() - at);
    if (n <= 0) return {};
    at += static_cast<size_t>(n);
  }
  return bytes;
}

void read_device_types(const Types& types, uint32_t skb, KernelTypes& k) {
  const uint32_t cast = types.find(BTF_KIND_FUNC, "bpf_rdonly_cast"), net = types.find(BTF_KIND_STRUCT, "net");
  k.list_type = types.find(BTF_KIND_STRUCT, "hlist_head");
  k.device_type = types.find(BTF_KIND_STRUCT, "net_device");
  if (cast == 0 || net == 0 || k.list_type == 0 || k.device_type == 0) return;
  struct Wanted {
    uint32_t type;
    const char* name;
    uint32_t* at;
  };
  const uint32_t device = k.device_type;
  for (const Wanted& w : {Wanted{skb, "dev", &k.device}, {net, "dev_index_head", &k.devices}, {device, "nd_net", &k.device_net}, {device, "index_hlist", &k.device_link},
                          {device, "ifindex", &k.device_number}, {device, "flags", &k.device_flags}, {device, "mtu", &k.device_mtu}, {device, "rx_handler", &k.device_taker}}) {
    const auto bit = types.member(w.type, w.name);
    if (!bit) return;
    *w.at = *bit / 8;
  }
  k.cast_to = cast;
}

std::optional<KernelTypes> read_types() {
  const Types types(read_all("/sys/kernel/btf/vmlinux"));
  KernelTypes k{};
  k.cast_to_kernel = types.find(BTF_KIND_FUNC, "bpf_cast_to_kern_ctx");
  const uint32_t skb = types.find(BTF_KIND_STRUCT, "sk_buff");
  if (k.cast_to_kernel == 0 || skb == 0) return std::nullopt;
  struct Wanted {
    const char* name;
    uint32_t* at;
  };
  for (const Wanted& w : {Wanted{"head", &k.head}, {"data", &k.data}, {"csum_start", &k.csum_start}, {"csum_offset", &k.csum_offset}, {"ip_summed", &k.ip_summed}}) {
    const auto bit = types.member(skb, w.name);
    if (!bit) return std::nullopt;
    *w.at = *bit / 8;
    if (w.at == &k.ip_summed) k.ip_summed_shift = *bit % 8;
  }
  read_device_types(types, skb, k);
  return k;
}

}  // namespace

const KernelTypes* kernel_types() {
  static const std::optional<KernelTypes> types = read_types();
  return types ? &*types : nullptr;
}

}  // namespace weft
