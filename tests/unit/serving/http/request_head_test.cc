#include "serving/http/request_head.h"

#include <gtest/gtest.h>

#include "serving/http/target.h"

namespace sd35::serving {
namespace {

std::string head_of(const std::string& line, const std::string& fields) {
  return line + "\r\n" + fields + "\r\n";
}
std::string get(const std::string& fields) { return head_of("GET /a HTTP/1.1", fields); }
int refused(const std::string& bytes) {
  const HeadOrRefusal parsed = parse_request_head(bytes);
  return parsed.head ? 0 : parsed.refusal.status;
}

TEST(RequestHead, ReadsWhatBrowsersSend) {
  const std::string bytes = head_of("POST /api/v1/jobs?model=a%20b&x=1+2 HTTP/1.1",
                                    "Host: localhost:7860\r\nContent-Length: 12\r\nX-A:  b \r\n");
  const HeadOrRefusal parsed = parse_request_head(bytes);
  ASSERT_TRUE(parsed.head) << parsed.refusal.message;
  const Request& request = parsed.head->request;
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/api/v1/jobs");
  EXPECT_EQ(request.query.at("model"), "a b");
  EXPECT_EQ(request.query.at("x"), "1 2");
  EXPECT_EQ(request.headers.value("x-a"), "b");
  EXPECT_EQ(parsed.head->content_length, 12u);
  EXPECT_TRUE(parsed.head->keep_alive);
  EXPECT_FALSE(parsed.head->expects_continue);
}

TEST(RequestHead, EndsWhereTheEmptyLineIs) {
  EXPECT_EQ(head_size("GET / HTTP/1.1\r\nHost: a\r\n"), 0u);
  EXPECT_EQ(head_size("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody"), 27u);
  EXPECT_EQ(head_size("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nbody"), 31u);
  EXPECT_EQ(head_size("\r\n\r\n"), 0u);
}

TEST(RequestHead, ConnectionsStayOrNot) {
  const auto kept = [](const std::string& bytes) {
    return parse_request_head(bytes).head.value().keep_alive;
  };
  EXPECT_TRUE(kept(get("Host: a\r\n")));
  EXPECT_FALSE(kept(get("Host: a\r\nConnection: close\r\n")));
  EXPECT_FALSE(kept(head_of("GET / HTTP/1.0", "Host: a\r\n")));
  EXPECT_TRUE(kept(head_of("GET / HTTP/1.0", "Host: a\r\nConnection: keep-alive\r\n")));
}

TEST(RequestHead, RefusesWhatTwoProgramsCouldReadDifferently) {
  EXPECT_EQ(refused(get("Host: a\r\n")), 0);
  EXPECT_EQ(refused(get("")), 400);
  EXPECT_EQ(refused(get("Host: a\r\nHost: b\r\n")), 400);
  EXPECT_EQ(refused(get("Host:\r\n")), 400);
  EXPECT_EQ(refused(get("Host: a\r\n folded\r\n")), 400);
  EXPECT_EQ(refused(get("Host: a\r\nX: b\r\n\tfolded\r\n")), 400);
  EXPECT_EQ(refused(get("Host: a\r\nX : b\r\n")), 400);
  EXPECT_EQ(refused(get("Host: a\nX: b\r\n")), 400);
  EXPECT_EQ(refused(get("Host: a\r\nX: b\rY: c\r\n")), 400);
  EXPECT_EQ(refused(get(std::string("Host: a\r\nX: b\0c\r\n", 16))), 400);
  EXPECT_EQ(refused(get("Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n")), 400);
  EXPECT_EQ(refused(get("Host: a\r\nContent-Length: +5\r\n")), 400);
  EXPECT_EQ(refused(get("Host: a\r\nContent-Length: 5, 5\r\n")), 400);
  EXPECT_EQ(refused(get("Host: a\r\nContent-Length: 99999999999999999999\r\n")), 400);
  EXPECT_EQ(refused(get("Host: a\r\nTransfer-Encoding: chunked\r\n")), 411);
  EXPECT_EQ(refused(get("Host: a\r\nTransfer-Encoding: xchunked\r\n")), 411);
  EXPECT_NE(refused(get("Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n")), 0);
  EXPECT_NE(refused(get("Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n")), 0);
  EXPECT_EQ(refused(get("Host: a\r\nExpect: 200-fine\r\n")), 417);
  EXPECT_NE(refused(head_of("GET /a HTTP/2.0", "Host: a\r\n")), 0);
  EXPECT_EQ(refused(head_of("GET a HTTP/1.1", "Host: a\r\n")), 400);
  EXPECT_EQ(refused(head_of("GET /%zz HTTP/1.1", "Host: a\r\n")), 400);
  EXPECT_EQ(refused("nonsense\r\n\r\n"), 400);
}

TEST(RequestHead, HasLimits) {
  std::string fields = "Host: a\r\n";
  for (int i = 0; i < 99; ++i) fields += "X-" + std::to_string(i) + ": b\r\n";
  EXPECT_EQ(refused(get(fields)), 0);
  EXPECT_EQ(refused(get(fields + "Y: b\r\n")), 431);
  EXPECT_EQ(refused(get("Host: a\r\nX: " + std::string(kMostHeadBytes, 'b') + "\r\n")), 431);
}

TEST(RequestHead, ExpectsContinueOnlyBeforeABody) {
  const auto expects = [](const std::string& fields) {
    return parse_request_head(get("Host: a\r\nExpect: 100-continue\r\n" + fields))
        .head.value()
        .expects_continue;
  };
  EXPECT_TRUE(expects("Content-Length: 5\r\n"));
  EXPECT_FALSE(expects(""));
}

TEST(Target, PathsAreDecodedOnce) {
  EXPECT_EQ(target_from_text("/a%2520b").value().path, "/a%20b");
  EXPECT_EQ(target_from_text("http://host/a?b").value().path, "/a");
  EXPECT_EQ(target_from_text("http://host").value().path, "/");
  EXPECT_EQ(target_from_text("/a#b?c=d").value().query.size(), 0u);
  EXPECT_FALSE(target_from_text("/%00"));
  EXPECT_FALSE(target_from_text("/%4"));
  EXPECT_FALSE(target_from_text("/a?b=%g0"));
  EXPECT_FALSE(target_from_text("*"));
  EXPECT_FALSE(target_from_text("/a b"));
}

}  // namespace
}  // namespace sd35::serving
