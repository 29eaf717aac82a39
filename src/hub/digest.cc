#include "hub/digest.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/messages.h"

namespace sd35::hub {
namespace {

constexpr std::size_t kBlockBytes = 1 << 20;

std::string digest_of(const std::filesystem::path& file, const EVP_MD* kind, const std::string& before,
                      const std::function<bool()>& patience) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw FileError("cannot read " + in_quotes(file.string()), {}, file);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), kind, nullptr) != 1) throw MemoryError();
  EVP_DigestUpdate(context.get(), before.data(), before.size());
  std::vector<char> block(kBlockBytes);
  while (stream.read(block.data(), static_cast<std::streamsize>(block.size())) || stream.gcount() > 0) {
    if (!patience()) throw Cancelled();
    EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) throw FileError("cannot read " + in_quotes(file.string()), {}, file);
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned count = 0;
  EVP_DigestFinal_ex(context.get(), bytes.data(), &count);
  std::string digits;
  for (unsigned i = 0; i < count; ++i) {
    digits += "0123456789abcdef"[bytes.at(i) / 16];
    digits += "0123456789abcdef"[bytes.at(i) % 16];
  }
  return digits;
}

}  // namespace

std::string sha256_of(const std::filesystem::path& file, const std::function<bool()>& patience) {
  return digest_of(file, EVP_sha256(), "", patience);
}

std::string git_blob_of(const std::filesystem::path& file, const std::function<bool()>& patience) {
  const std::string size = std::to_string(std::filesystem::file_size(file));
  return digest_of(file, EVP_sha1(), "blob " + size + std::string(1, '\0'), patience);
}

}  // namespace sd35::hub
