#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

namespace target_eye {

// For tests: a certificate and its key, signed by itself or by an issuer.
class TestIdentity {
 public:
  struct Options {
    std::string common_name = "localhost";
    std::string alternative_names =
        {};  // As OpenSSL's configuration has them: `DNS:a,IP:10.0.0.1`.
    const TestIdentity* issuer = nullptr;
    bool is_authority = false;
    bool is_rsa = false;
    long valid_seconds = 86400;  // From an hour ago.
    long serial = 1;
  };

  explicit TestIdentity(const Options& options)
      : key_(options.is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), EVP_PKEY_free),
        certificate_(X509_new(), X509_free) {
    X509* const made = certificate_.get();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), options.serial);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), options.valid_seconds);
    X509_set_pubkey(made, key_.get());
    X509_NAME* const name = X509_get_subject_name(made);
    AddName(name, "O", "Example");
    AddName(name, "CN", options.common_name);
    const TestIdentity& issuer = options.issuer == nullptr ? *this : *options.issuer;
    X509_set_issuer_name(made, X509_get_subject_name(issuer.certificate_.get()));
    AddExtension(NID_basic_constraints, options.is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (options.is_authority) AddExtension(NID_key_usage, "critical,keyCertSign,cRLSign");
    if (!options.alternative_names.empty()) {
      AddExtension(NID_subject_alt_name, options.alternative_names);
    }
    EXPECT_GT(X509_sign(made, issuer.key_.get(), EVP_sha256()), 0);
  }

  X509* certificate() const { return certificate_.get(); }
  EVP_PKEY* key() const { return key_.get(); }

  std::string CertificatePem() const {
    return Pem([this](BIO* out) { return PEM_write_bio_X509(out, certificate_.get()); });
  }
  // Encrypted if there is a password.
  std::string KeyPem(const std::string& password = {}) const {
    return Pem([&](BIO* out) {
      return PEM_write_bio_PKCS8PrivateKey(
          out, key_.get(), password.empty() ? nullptr : EVP_aes_256_cbc(), password.data(),
          static_cast<int>(password.size()), nullptr, nullptr);
    });
  }
  // This authority's list of revoked certificates, by their serial numbers.
  std::string RevocationsPem(const std::vector<long>& serials) const {
    const std::unique_ptr<X509_CRL, void (*)(X509_CRL*)> list(X509_CRL_new(), X509_CRL_free);
    X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate_.get()));
    const std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> time(X509_gmtime_adj(nullptr, -3600),
                                                                ASN1_TIME_free);
    X509_CRL_set1_lastUpdate(list.get(), time.get());
    for (const long serial : serials) {
      X509_REVOKED* const entry = X509_REVOKED_new();
      const std::unique_ptr<ASN1_INTEGER, void (*)(ASN1_INTEGER*)> number(ASN1_INTEGER_new(),
                                                                          ASN1_INTEGER_free);
      ASN1_INTEGER_set(number.get(), serial);
      X509_REVOKED_set_serialNumber(entry, number.get());
      X509_REVOKED_set_revocationDate(entry, time.get());
      X509_CRL_add0_revoked(list.get(), entry);
    }
    X509_gmtime_adj(time.get(), 86400);
    X509_CRL_set1_nextUpdate(list.get(), time.get());
    EXPECT_GT(X509_CRL_sign(list.get(), key_.get(), EVP_sha256()), 0);
    return Pem([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()); });
  }

 private:
  static void AddName(X509_NAME* name, const char* field, const std::string& text) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()), -1, 0);
  }

  void AddExtension(int nid, const std::string& value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    ASSERT_NE(extension, nullptr) << value;
    X509_add_ext(certificate_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }

  template <typename Body>
  static std::string Pem(Body body) {
    const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free);
    EXPECT_EQ(body(out.get()), 1);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }

  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
  const std::unique_ptr<X509, void (*)(X509*)> certificate_;
};

}  // namespace target_eye
