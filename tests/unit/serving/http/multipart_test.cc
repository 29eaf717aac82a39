#include "serving/http/multipart.h"

#include <gtest/gtest.h>

namespace sd35::serving {
namespace {

std::string part(const std::string& disposition, const std::string& content) {
  return "--b\r\nContent-Disposition: " + disposition + "\r\n\r\n" + content + "\r\n";
}

TEST(Multipart, ReadsFormsOfClients) {
  const std::string body =
      part("form-data; name=\"prompt\"", "a red cube") +
      "--b\r\nContent-Type: image/png\r\ncontent-disposition: form-data; name=image; filename=\"a \\\"b\\\".png\"\r\n\r\n\x89PNG\r\n--\r\n" +
      "\r\n" + part("form-data; name=\"empty\"", "") + "--b--\r\n";
  const auto parts = multipart_parts(body, "b");
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[0].name, "prompt");
  EXPECT_EQ((*parts)[0].content, "a red cube");
  EXPECT_EQ((*parts)[1].name, "image");
  EXPECT_EQ((*parts)[1].file_name, "a \"b\".png");
  EXPECT_EQ((*parts)[1].content, "\x89PNG\r\n--\r\n");
  EXPECT_EQ((*parts)[2].content, "");
}

TEST(Multipart, RefusesWhatIsNoForm) {
  const std::string good = part("form-data; name=\"a\"", "x");
  EXPECT_TRUE(multipart_parts(good + "--b--", "b"));
  EXPECT_TRUE(multipart_parts("a preamble\r\n" + good + "--b--", "b"));
  EXPECT_TRUE(multipart_parts("--b--", "b").value().empty());
  for (const std::string& wrong :
       {std::string(), std::string("--b"), good, good + "--c--", part("form-data", "x") + "--b--",
        part("attachment; name=\"a\"", "x") + "--b--", part("form-data; name=\"a", "x") + "--b--",
        std::string("--b\r\n\r\nx\r\n--b--"),
        std::string("--bc\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b--"),
        "--b\r\nX: " + std::string(5000, 'x') + "\r\n\r\nx\r\n--b--"})
    EXPECT_FALSE(multipart_parts(wrong, "b")) << wrong;
  std::string many;
  for (int i = 0; i < 101; ++i) many += good;
  EXPECT_FALSE(multipart_parts(many + "--b--", "b"));
}

TEST(Multipart, FindsTheBoundary) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(multipart_boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\""), "a b");
  for (const char* wrong : {"multipart/mixed; boundary=abc", "multipart/form-data",
                            "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a"})
    EXPECT_FALSE(multipart_boundary(wrong)) << wrong;
  EXPECT_FALSE(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'a')));
}

}  // namespace
}  // namespace sd35::serving
