// Which network addresses a caller's URL may lead to.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ocellus::fetch {

// An IPv6 address, or an IPv4 one in its mapped form ::ffff:a.b.c.d. Network byte order.
using Address = std::array<std::uint8_t, 16>;

// A network in CIDR notation, "10.1.0.0/16" or "fd00::/8"; a bare address is a network of one.
struct Network {
  Address address{};
  int prefix_bits = 128;  // of the 128-bit form

  bool Contains(const Address& candidate) const;
};

// InvalidArgument when the text is no address or network.
Result<Network> ParseNetwork(std::string_view text);

// Whether an address is one of the public internet: not private, loopback, link-local, shared,
// documentation, multicast or reserved (IANA special-purpose address registries, RFC 6890 and its
// updates), nor a cloud's metadata service. IPv4 inside IPv6 (mapped, NAT64, 6to4) is judged by the
// IPv4 address; Teredo is refused.
bool IsPublic(const Address& address);

// IsPublic, or inside one of `opened`.
bool MayConnect(const Address& address, const std::vector<Network>& opened);

}  // namespace ocellus::fetch
