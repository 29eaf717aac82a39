#include "core/type_names.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace sd35 {
namespace {

TEST(TypeNames, NamesOfOtherPrograms) {
  for (const char* name : {"bf16", "BF16", "bfloat16", "torch.bfloat16"})
    EXPECT_EQ(compute_type_from_name(name), DType::bf16) << name;
  for (const char* name : {"f32", "fp32", "float32", "FLOAT32", "float"})
    EXPECT_EQ(compute_type_from_name(name), DType::f32) << name;
  for (const char* name : {"f16", "fp16", "float16", "half", "torch.half"})
    EXPECT_EQ(dtype_from_name(name, {DType::f16}), DType::f16) << name;
  for (const char* name : {"f16", "int8", "", "f32 ", "torch."}) try {
      compute_type_from_name(name);
      ADD_FAILURE() << name;
    } catch (const ArgumentError& error) {
      EXPECT_TRUE(std::string(error.what()).ends_with("possible are f32, bf16")) << error.what();
    }
}

}  // namespace
}  // namespace sd35
