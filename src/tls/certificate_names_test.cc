#include "tls/certificate_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/testing/certificates.h"

namespace target_eye {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(CertificateNamesTest, EachKindOfNameIsGiven) {
  const TestIdentity identity({.common_name = "ci",
                               .alternative_names =
                                   "DNS:ci.example,DNS:*.ci.example,URI:spiffe://example/ci,"
                                   "email:ci@example.org,IP:10.1.2.3,IP:2001:db8::1,RID:1.2.3.4"});
  const PeerCertificate names = NamesOf(identity.certificate());
  EXPECT_EQ(names.subject, "CN=ci,O=Example");
  EXPECT_EQ(names.common_name, "ci");
  EXPECT_THAT(names.dns_names, ElementsAre("ci.example", "*.ci.example"));
  EXPECT_THAT(names.uris, ElementsAre("spiffe://example/ci"));
  EXPECT_THAT(names.emails, ElementsAre("ci@example.org"));
  EXPECT_THAT(names.addresses, ElementsAre("10.1.2.3", "2001:db8::1"));
}

TEST(CertificateNamesTest, WithoutAlternativeNamesThereAreNone) {
  const TestIdentity identity({.common_name = "ci"});
  const PeerCertificate names = NamesOf(identity.certificate());
  EXPECT_THAT(names.dns_names, IsEmpty());
  EXPECT_THAT(names.uris, IsEmpty());
  EXPECT_THAT(names.emails, IsEmpty());
  EXPECT_THAT(names.addresses, IsEmpty());
}

TEST(CertificateNamesTest, ACommaInASubjectCannotForgeAnotherField) {
  const TestIdentity identity({.common_name = "ci,CN=admin"});
  EXPECT_EQ(NamesOf(identity.certificate()).subject, "CN=ci\\,CN=admin,O=Example");
}

TEST(CertificateNamesTest, NamesAreUtf8InTheCommonNameAndEscapedInTheSubject) {
  const TestIdentity identity({.common_name = "b\xC3\xA4r"});
  EXPECT_EQ(NamesOf(identity.certificate()).common_name, "b\xC3\xA4r");
  EXPECT_EQ(NamesOf(identity.certificate()).subject, "CN=b\\C3\\A4r,O=Example");
}

TEST(CertificateNamesTest, ACommonNameWithANulIsNone) {
  const TestIdentity identity({.common_name = std::string("admin\0.evil.example", 19)});
  EXPECT_EQ(NamesOf(identity.certificate()).common_name, "");
}

TEST(CertificateNamesTest, AnAlternativeNameWithANulIsLeftOut) {
  const TestIdentity identity({.common_name = "ci"});
  GENERAL_NAMES* const all = GENERAL_NAMES_new();
  for (const std::string& text : {std::string("admin\0.evil", 11), std::string("ci.example")}) {
    GENERAL_NAME* const one = GENERAL_NAME_new();
    ASN1_IA5STRING* const value = ASN1_IA5STRING_new();
    ASN1_STRING_set(value, text.data(), static_cast<int>(text.size()));
    GENERAL_NAME_set0_value(one, GEN_DNS, value);
    sk_GENERAL_NAME_push(all, one);
  }
  X509_add1_ext_i2d(identity.certificate(), NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT);
  GENERAL_NAMES_free(all);
  EXPECT_THAT(NamesOf(identity.certificate()).dns_names, ElementsAre("ci.example"));
}

TEST(CertificateNamesTest, TheLastCommonNameCounts) {
  const TestIdentity identity({.common_name = "first"});
  X509_NAME* const name = X509_get_subject_name(identity.certificate());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>("last"), -1, -1, 0);
  EXPECT_EQ(NamesOf(identity.certificate()).common_name, "last");
}

}  // namespace
}  // namespace target_eye
