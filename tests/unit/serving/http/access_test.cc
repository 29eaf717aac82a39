#include "serving/http/access.h"

#include <gtest/gtest.h>

#include "serving/http/base64.h"

namespace sd35::serving {
namespace {

Request request(const std::string& method, Headers headers) {
  Request request;
  request.method = method;
  request.headers = std::move(headers);
  return request;
}
int status(const std::optional<Refusal>& refusal) { return refusal ? refusal->status : 0; }

TEST(Access, OnLoopbackOnlyNamesOfThisMachine) {
  AccessRules rules;
  rules.hosts = {"studio"};
  const Access access(rules);
  for (const char* host : {"localhost", "LOCALHOST:7860", "127.0.0.1:80", "[::1]:7860", "[::1]", "studio:1"})
    EXPECT_EQ(status(access.check_host(request("GET", {{"Host", host}}))), 0) << host;
  for (const char* host :
       {"evil.example", "127.0.0.1.evil.example", "localhost.evil", "", "[::1", "[", "0.0.0.0"})
    EXPECT_EQ(status(access.check_host(request("GET", {{"Host", host}}))), 421) << host;
  rules.loopback = false;
  EXPECT_EQ(status(Access(rules).check_host(request("GET", {{"Host", "example.org"}}))), 0);
}

TEST(Access, PagesFromElsewhereMayOnlyLook) {
  AccessRules rules;
  rules.origins = {"https://studio.example"};
  const Access access(rules);
  const auto of = [&](const char* method, const char* origin) {
    return status(access.check_origin(request(method, {{"Host", "localhost:7860"}, {"Origin", origin}})));
  };
  EXPECT_EQ(of("POST", "http://localhost:7860"), 0);
  EXPECT_EQ(of("POST", "https://localhost:7860"), 0);
  EXPECT_EQ(of("POST", "https://studio.example"), 0);
  EXPECT_EQ(of("GET", "https://evil.example"), 0);
  EXPECT_EQ(of("POST", "https://evil.example"), 403);
  EXPECT_EQ(of("DELETE", "null"), 403);
  EXPECT_EQ(of("POST", "http://localhost:7861"), 403);
  EXPECT_EQ(of("POST", "https://studio.example.evil"), 403);
  EXPECT_EQ(status(access.check_origin(request("POST", {{"Host", "localhost"}}))), 0);
}

TEST(Access, TokensOpen) {
  AccessRules rules;
  rules.token = "secret";
  const Access access(rules);
  const auto of = [&](const std::string& authorization) {
    return status(access.check_token(request("GET", {{"Authorization", authorization}})));
  };
  EXPECT_EQ(of("Bearer secret"), 0);
  EXPECT_EQ(of("bearer  secret "), 0);
  EXPECT_EQ(of("Basic " + base64_of(std::string_view("anybody:secret"))), 0);
  EXPECT_EQ(of("Basic " + base64_of(std::string_view("secret"))), 401);
  EXPECT_EQ(of("Basic %%%"), 401);
  EXPECT_EQ(of("Bearer secre"), 401);
  EXPECT_EQ(of("Bearer secretsecret"), 401);
  EXPECT_EQ(of("Bearer "), 401);
  EXPECT_EQ(of("secret"), 401);
  EXPECT_EQ(status(access.check_token(request("GET", {}))), 401);
  EXPECT_EQ(status(Access(AccessRules()).check_token(request("GET", {}))), 0);
}

TEST(Access, ComparesWholeTexts) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abcabc"));
  EXPECT_FALSE(equal_in_constant_time("abc", ""));
  EXPECT_FALSE(equal_in_constant_time("", "a"));
}

TEST(Access, KnowsLoopback) {
  for (const char* address : {"127.0.0.1", "127.1.2.3", "::1", "localhost"})
    EXPECT_TRUE(is_loopback(address));
  for (const char* address : {"0.0.0.0", "::", "192.168.0.1", "128.0.0.1"})
    EXPECT_FALSE(is_loopback(address));
}

TEST(Base64, RoundTrips) {
  for (const char* text : {"", "a", "ab", "abc", "abcd", "\xff\xfe\xfd"})
    EXPECT_EQ(base64_decoded(base64_of(std::string_view(text))), text);
  EXPECT_EQ(base64_of(std::string_view("light w")), "bGlnaHQgdw==");
  EXPECT_EQ(base64_decoded("bGln\r\naHQgdw"), "light w");
  for (const char* text : {"a", "ab=", "ab==c", "ab!d", "====", "abcd=", "ab d"})
    EXPECT_FALSE(base64_decoded(text)) << text;
}

TEST(Base64, TakesPicturesOutOfJson) {
  EXPECT_EQ(bytes_of_data_url("data:image/png;base64,YWJj"), "abc");
  EXPECT_EQ(bytes_of_data_url("YWJj"), "abc");
  EXPECT_FALSE(bytes_of_data_url("https://example.org/a.png"));
  EXPECT_FALSE(bytes_of_data_url("data:image/png,abc"));
}

TEST(Base64, IdsDiffer) {
  const std::string a = random_id(), b = random_id();
  EXPECT_EQ(a.size(), 22u);
  EXPECT_NE(a, b);
  EXPECT_EQ(a.find_first_of("+/="), a.npos);
}

TEST(Headers, ListsAndNames) {
  EXPECT_TRUE(lists("gzip, br;q=0.5", "br"));
  EXPECT_TRUE(lists("GZIP", "gzip"));
  EXPECT_FALSE(lists("gzip;q=0", "gzip"));
  EXPECT_FALSE(lists("x-gzip, gzipped", "gzip"));
  Headers headers{{"A", "1"}, {"a", "2"}};
  EXPECT_EQ(headers.count("A"), 2);
  headers.set("A", "3");
  EXPECT_EQ(headers.count("a"), 1);
  EXPECT_EQ(headers.value("a"), "3");
  EXPECT_EQ(headers.value("b"), "");
}

}  // namespace
}  // namespace sd35::serving
