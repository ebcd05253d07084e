#include "fetch/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace ocellus::fetch {
namespace {

constexpr int kMappedBits = 96;  // ::ffff:0:0/96 holds IPv4

Address Mapped(const std::uint8_t* ipv4) {
  Address address{};
  address[10] = address[11] = 0xFF;
  std::copy_n(ipv4, 4, address.begin() + 12);
  return address;
}

bool ParseAddress(const std::string& text, Address& address, bool& is_ipv4) {
  std::array<std::uint8_t, 4> ipv4{};
  is_ipv4 = inet_pton(AF_INET, text.c_str(), ipv4.data()) == 1;
  if (is_ipv4) {
    address = Mapped(ipv4.data());
    return true;
  }
  return inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

std::vector<Network> Networks(std::initializer_list<const char*> texts) {
  std::vector<Network> networks;
  for (const char* text : texts) networks.push_back(*ParseNetwork(text));
  return networks;
}

bool AnyContains(const std::vector<Network>& networks, const Address& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.Contains(address); });
}

}  // namespace

bool Network::Contains(const Address& candidate) const {
  const auto whole = static_cast<std::size_t>(prefix_bits / 8);
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole),
                  candidate.begin())) {
    return false;
  }
  const int rest = prefix_bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFF00 >> rest);
  return (address[whole] & mask) == (candidate[whole] & mask);
}

Result<Network> ParseNetwork(std::string_view text) {
  const Status bad(Code::kInvalidArgument,
                   "\"" + std::string(text) + "\" is no address or network such as 10.1.0.0/16");
  const std::size_t slash = text.find('/');
  Network network;
  bool is_ipv4 = false;
  if (!ParseAddress(std::string(text.substr(0, slash)), network.address, is_ipv4)) return bad;
  if (slash == std::string_view::npos) return network;
  const std::string_view digits = text.substr(slash + 1);
  int bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits < 0 ||
      bits > (is_ipv4 ? 32 : 128)) {
    return bad;
  }
  network.prefix_bits = is_ipv4 ? bits + kMappedBits : bits;
  return network;
}

bool IsPublic(const Address& address) {
  static const Network kMapped = *ParseNetwork("::ffff:0:0/96");
  static const Network kNat64 = *ParseNetwork("64:ff9b::/96");
  static const Network k6to4 = *ParseNetwork("2002::/16");
  static const Network kGlobalUnicast = *ParseNetwork("2000::/3");
  static const std::vector<Network> kSpecialIpv4 =
      Networks({"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
                "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
                "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
                // Public by its number, and the metadata service of every machine in Azure.
                "168.63.129.16"});
  static const std::vector<Network> kSpecialIpv6 = Networks(
      {"2001::/23", "2001:db8::/32", "3fff::/20"});  // the first holds Teredo and benchmarking

  if (kMapped.Contains(address)) return !AnyContains(kSpecialIpv4, address);
  if (kNat64.Contains(address)) return IsPublic(Mapped(address.data() + 12));
  if (k6to4.Contains(address)) return IsPublic(Mapped(address.data() + 2));
  return kGlobalUnicast.Contains(address) && !AnyContains(kSpecialIpv6, address);
}

bool MayConnect(const Address& address, const std::vector<Network>& opened) {
  return IsPublic(address) || AnyContains(opened, address);
}

}  // namespace ocellus::fetch
