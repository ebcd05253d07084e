#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cstdlib>

namespace ocellus {
namespace {

std::string Hex(Bytes bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::array<std::uint8_t, 32> Sha256(Bytes bytes) {
  std::array<std::uint8_t, 32> digest{};
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    std::abort();  // only without memory or without the algorithm: nothing sensible is left to do
  }
  return digest;
}

}  // namespace

std::string Sha256Hex(Bytes bytes) {
  return Hex(Sha256(bytes));
}

bool EqualSecrets(std::string_view a, std::string_view b) {
  // Digests have one length, so that the secret's length does not show either.
  const auto digest_a = Sha256(AsBytes(a));
  const auto digest_b = Sha256(AsBytes(b));
  return CRYPTO_memcmp(digest_a.data(), digest_b.data(), digest_a.size()) == 0;
}

std::string RandomHex(int count) {
  std::array<std::uint8_t, 64> bytes{};
  if (RAND_bytes(bytes.data(), count) != 1) std::abort();  // no entropy: never go on with a guess
  return Hex(Bytes(bytes).first(static_cast<std::size_t>(count)));
}

}  // namespace ocellus
