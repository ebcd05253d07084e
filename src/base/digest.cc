#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
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

std::string HmacSha256Hex(std::string_view key, std::string_view text) {
  std::array<std::uint8_t, 32> code{};
  const Bytes bytes = AsBytes(text);
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(),
           code.data(), nullptr) == nullptr) {
    std::abort();  // as for SHA-256
  }
  return Hex(code);
}

std::string GitBlobHex(Bytes bytes) {
  const std::string header = "blob " + std::to_string(bytes.size()) + std::string(1, '\0');
  std::array<std::uint8_t, 20> digest{};
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool done = context != nullptr && EVP_DigestInit_ex(context, EVP_sha1(), nullptr) == 1 &&
                    EVP_DigestUpdate(context, header.data(), header.size()) == 1 &&
                    EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1 &&
                    EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1;
  EVP_MD_CTX_free(context);
  if (!done) std::abort();  // as above
  return Hex(digest);
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
