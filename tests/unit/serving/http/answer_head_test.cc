#include "serving/http/answer_head.h"

#include <gtest/gtest.h>

namespace sd35::serving {
namespace {

TEST(AnswerHead, SaysHowTheBodyEnds) {
  const Response response{200, {{"Content-Type", "text/plain"}}, "abc"};
  EXPECT_EQ(
      answer_head(response, BodyEnd::length, 3, true),
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(
      answer_head(response, BodyEnd::chunks, 0, false),
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer_head({204, {}, ""}, BodyEnd::length, 0, true),
            "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

TEST(AnswerHead, ValuesBeginNoFieldsOfTheirOwn) {
  const std::string head = answer_head({200, {{"X", "a\r\nSet-Cookie: b"}}, ""}, BodyEnd::length, 0, true);
  EXPECT_EQ(head.find("\r\nSet-Cookie"), head.npos);
}

}  // namespace
}  // namespace sd35::serving
