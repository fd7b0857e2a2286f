#include "tls/certificate_names.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>

namespace target_eye {
namespace {

std::string Subject(const X509_NAME* name) {
  const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free);
  if (out == nullptr) return {};
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

std::optional<std::string> TextOf(const ASN1_STRING* string) {
  const auto size = static_cast<std::size_t>(ASN1_STRING_length(string));
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes, as OpenSSL gives them
  std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)), size);
  if (text.empty() || text.find('\0') != std::string::npos) return std::nullopt;
  return text;
}

std::string CommonName(const X509_NAME* name) {
  int last = -1;
  for (int i = -1; (i = X509_NAME_get_index_by_NID(name, NID_commonName, i)) >= 0;) last = i;
  if (last < 0) return {};
  unsigned char* bytes = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
  if (size < 0) return {};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes, as OpenSSL gives them
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return text.find('\0') == std::string::npos ? text : std::string();
}

std::optional<std::string> AddressOf(const ASN1_OCTET_STRING* address) {
  const int size = ASN1_STRING_length(address);
  if (size != 4 && size != 16) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text.data(),
                text.size()) == nullptr) {
    return std::nullopt;
  }
  return text.data();
}

void Add(std::optional<std::string> name, std::vector<std::string>& names) {
  if (name) names.push_back(*std::move(name));
}

}  // namespace

PeerCertificate NamesOf(const X509* certificate) {
  const X509_NAME* const name = X509_get_subject_name(certificate);
  PeerCertificate names{.subject = Subject(name),
                        .common_name = CommonName(name),
                        .dns_names = {},
                        .uris = {},
                        .emails = {},
                        .addresses = {}};
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> alternatives(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* const one = sk_GENERAL_NAME_value(alternatives.get(), i);
    switch (one->type) {
      case GEN_DNS:
        Add(TextOf(one->d.dNSName), names.dns_names);
        break;
      case GEN_URI:
        Add(TextOf(one->d.uniformResourceIdentifier), names.uris);
        break;
      case GEN_EMAIL:
        Add(TextOf(one->d.rfc822Name), names.emails);
        break;
      case GEN_IPADD:
        Add(AddressOf(one->d.iPAddress), names.addresses);
        break;
      default:
        break;
    }
  }
  return names;
}

}  // namespace target_eye
