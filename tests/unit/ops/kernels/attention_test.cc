// Attention against the same in f64, with all its options and at ugly sizes.
#include "ops/native/kernels/attention.h"

#include <algorithm>

#include "core/threads.h"
#include "tests/unit/ops/kernels/kernel_test.h"

namespace sd35::kernels {
namespace {

class AttentionTest : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Levels, AttentionTest, testing::ValuesIn(levels_of_this_cpu()), name_of_level);

// One call of attention with everything it points to.
struct Case {
  Element type = Element::f32, result_type = Element::f32;
  std::int64_t batch = 1, heads = 1, head_size = 64;
  std::vector<std::int64_t> tokens;
  std::vector<bool> wants_result = {true, true};
  bool norms = false, causal = false, bias = false;
  float scale = 0.125f;

  std::vector<Elements> qkv = {};
  std::vector<float> norm_q = {}, norm_k = {}, biases = {};
  std::vector<Elements> results = {};

  std::int64_t width() const { return heads * head_size; }
  std::int64_t total() const {
    std::int64_t sum = 0;
    for (const std::int64_t t : tokens) sum += t;
    return sum;
  }

  void fill(float spread = 1.0f) {
    qkv.clear();
    for (std::size_t s = 0; s < tokens.size(); ++s)
      qkv.push_back(
          random_elements(type, batch * tokens[s] * 3 * width(), static_cast<unsigned>(s + 1), spread));
    if (norms) {
      norm_q = random_floats(head_size, 7, 0.2f, 1.0f);
      norm_k = random_floats(head_size, 8, 0.2f, 1.0f);
    }
    if (bias) biases = random_floats(heads * total() * total(), 9);
  }

  void run() {
    std::vector<AttentionTokens> streams;
    results.clear();
    for (const std::int64_t t : tokens) results.emplace_back(result_type, batch * t * width());
    for (std::size_t s = 0; s < tokens.size(); ++s)
      streams.push_back({qkv[s].in(), tokens[s], norms ? norm_q.data() : nullptr,
                         norms ? norm_k.data() : nullptr, wants_result[s] ? results[s].out() : Out{}});
    attention(streams, {.batch = batch,
                        .heads = heads,
                        .head_size = head_size,
                        .scale = scale,
                        .causal = causal,
                        .bias = bias ? biases.data() : nullptr});
  }

  bool in_bf16() const { return type == Element::bf16 && has_bf16_instructions(); }
  std::string text() const {
    std::string text = type == Element::f32 ? "f32" : "bf16";
    for (const auto& [name, value] :
         {std::pair{" batch ", batch}, {", heads ", heads}, {", head size ", head_size}})
      text.append(name).append(std::to_string(value));
    text.append(", tokens");
    for (const std::int64_t t : tokens) text.append(" ").append(std::to_string(t));
    for (const auto& [name, is_on] : {std::pair{", norms", norms}, {", causal", causal}, {", bias", bias}})
      if (is_on) text.append(name);
    return text;
  }
};

// Part 0, 1, 2 (q, k, v) of all tokens of one head, [total, head_size], after the norms.
std::vector<double> part_of(const Case& c, std::int64_t batch, std::int64_t head, int part) {
  const std::int64_t d = c.head_size;
  std::vector<double> rows;
  for (std::size_t s = 0; s < c.tokens.size(); ++s)
    for (std::int64_t t = 0; t < c.tokens[s]; ++t) {
      const std::int64_t first = ((batch * c.tokens[s] + t) * 3 + part) * c.width() + head * d;
      double factor = 1, squares = 0;
      for (std::int64_t i = 0; i < d; ++i) squares += double{c.qkv[s][first + i]} * c.qkv[s][first + i];
      if (c.norms && part < 2) factor = 1 / std::sqrt(squares / static_cast<double>(d) + 1e-6f);
      const std::vector<float>& norm = part == 0 ? c.norm_q : c.norm_k;
      for (std::int64_t i = 0; i < d; ++i)
        rows.push_back(c.qkv[s][first + i] * factor *
                       (c.norms && part < 2 ? norm[static_cast<std::size_t>(i)] : 1.0));
    }
  return rows;
}

// One query's attention. A weight is off by what its score is: by roundings of the products, which walk at
// random (so the root of the sum of their squares counts, three times over), and by those of softmax itself.
void attend_twin(const Case& c, const double* q, const std::vector<double>& k, const std::vector<double>& v,
                 const float* bias, std::int64_t visible, double* result, double* tolerance) {
  const std::int64_t d = c.head_size;
  std::vector<double> scores;
  double largest = -HUGE_VAL, products = 0;
  for (std::int64_t j = 0; j < visible; ++j) {
    double score = 0, squares = 0;
    for (std::int64_t i = 0; i < d; ++i) {
      const double product = q[i] * k[static_cast<std::size_t>(j * d + i)] * c.scale;
      score += product;
      squares += product * product;
    }
    if (bias != nullptr) score += bias[j];
    scores.push_back(score);
    largest = std::max(largest, score);
    if (score > -HUGE_VAL) products = std::max(products, std::sqrt(squares) + 0.1 * std::abs(score));
  }
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  const double steps = std::sqrt(static_cast<double>(std::max(d, visible)));
  const double relative =
      c.in_bf16() ? kBf16Rounding * (3 * products + 2) : kF32Rounding * (2 * steps * (1 + products) + 16);
  for (std::int64_t i = 0; i < d; ++i) {
    double value = 0, magnitude = 0;
    for (std::int64_t j = 0; j < visible; ++j) {
      const double term = scores[static_cast<std::size_t>(j)] / sum * v[static_cast<std::size_t>(j * d + i)];
      value += term;
      magnitude += std::abs(term);
    }
    result[i] = value;
    tolerance[i] = relative * magnitude;
  }
}

std::vector<Expected> twin(const Case& c) {
  const std::int64_t d = c.head_size, total = c.total();
  std::vector<Expected> expected(c.tokens.size());
  for (std::size_t s = 0; s < c.tokens.size(); ++s) {
    expected[s].values.resize(static_cast<std::size_t>(c.batch * c.tokens[s] * c.width()));
    expected[s].tolerances.resize(expected[s].values.size());
  }
  for (std::int64_t b = 0; b < c.batch; ++b)
    for (std::int64_t h = 0; h < c.heads; ++h) {
      const std::vector<double> q = part_of(c, b, h, 0), k = part_of(c, b, h, 1), v = part_of(c, b, h, 2);
      std::int64_t query = 0;
      for (std::size_t s = 0; s < c.tokens.size(); ++s)
        for (std::int64_t t = 0; t < c.tokens[s]; ++t, ++query) {
          const auto at = static_cast<std::size_t>((b * c.tokens[s] + t) * c.width() + h * d);
          attend_twin(c, q.data() + query * d, k, v,
                      c.bias ? c.biases.data() + (h * total + query) * total : nullptr,
                      c.causal ? query + 1 : total, &expected[s].values[at], &expected[s].tolerances[at]);
        }
    }
  return expected;
}

void check(Case& c) {
  c.run();
  const std::vector<Expected> expected = twin(c);
  for (std::size_t s = 0; s < c.tokens.size(); ++s)
    if (c.wants_result[s])
      expect_close(c.results[s], expected[s], c.text() + ", stream " + std::to_string(s));
    else
      EXPECT_EQ(c.results[s], Elements(c.result_type, c.results[s].count())) << c.text();
}

TEST_P(AttentionTest, OfAllSizes) {
  std::vector<std::int64_t> counts{63, 64, 65};
  for (std::int64_t t = 1; t <= 17; ++t) counts.push_back(t);
  for (const Element type : kElements)
    for (const std::int64_t d : {1, 7, 8, 16, 24, 32, 33, 64, 128, 512})
      for (const std::int64_t t : counts) {
        Case c{.type = type, .batch = 1 + t % 3, .heads = 2, .head_size = d, .tokens = {t}};
        c.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(d)));
        c.fill();
        check(c);
      }
}

TEST_P(AttentionTest, OverSeveralBlocks) {
  for (const Element type : kElements)
    for (const Element result : kElements)
      for (const std::int64_t d : {33, 64}) {
        Case c{
            .type = type, .result_type = result, .heads = 3, .head_size = d, .tokens = {333}, .norms = true};
        c.fill();
        check(c);
      }
  Case wide{.type = Element::bf16, .head_size = 512, .tokens = {600}, .scale = 0.044f};
  wide.fill();
  check(wide);
}

TEST_P(AttentionTest, OfTwoStreams) {
  for (const Element type : kElements)
    for (const auto& [first, second] : {std::pair{1, 1}, {5, 3}, {64, 13}, {70, 33}, {17, 300}, {100, 0}})
      for (const bool second_wants : {true, false})
        for (const std::int64_t batch : {1, 3}) {
          Case c{.type = type, .batch = batch, .heads = 2, .tokens = {first, second}, .norms = true};
          c.wants_result = {true, second_wants};
          c.fill();
          check(c);
        }
}

TEST_P(AttentionTest, Causal) {
  for (const Element type : kElements)
    for (const std::int64_t t : {1, 2, 17, 64, 65, 77, 333}) {
      Case c{.type = type, .batch = 2, .heads = 2, .head_size = 32, .tokens = {t}, .causal = true};
      c.fill();
      check(c);
    }
}

TEST_P(AttentionTest, WithBias) {
  for (const Element type : kElements)
    for (const bool causal : {false, true})
      for (const std::int64_t t : {1, 15, 64, 77, 333}) {
        Case c{.type = type, .heads = 2, .tokens = {t}, .causal = causal, .bias = true, .scale = 0.1f};
        c.fill();
        check(c);
      }
}

TEST_P(AttentionTest, WithABiasThatHidesTheFirstBlockOfKeys) {
  for (const Element type : kElements) {
    Case c{.type = type, .head_size = 16, .tokens = {333}, .bias = true};
    c.fill();
    for (std::int64_t query = 0; query < 333; ++query)
      for (std::int64_t key = 0; key < 320; ++key)
        c.biases[static_cast<std::size_t>(query * 333 + key)] = -HUGE_VALF;
    check(c);
  }
}

// Every key scores higher than the one before, so the running maximum moves again and again, by little or by
// more than f32 could exponentiate.
TEST_P(AttentionTest, OfEverRisingScores) {
  for (const Element type : kElements)
    for (const float step : {0.3f, 3.0f}) {
      Case c{.type = type, .head_size = 8, .tokens = {333}, .scale = 1.0f};
      c.fill();
      for (std::int64_t t = 0; t < 333; ++t)
        for (std::int64_t i = 0; i < 8; ++i) {
          c.qkv[0].set(t * 24 + i, i == 0 ? 1.0f : 0.0f);
          c.qkv[0].set(t * 24 + 8 + i, i == 0 ? step * static_cast<float>(t) : 0.0f);
        }
      check(c);
    }
}

TEST_P(AttentionTest, OfScoresBeyondTheRangeOfTheExponential) {
  Case c{.head_size = 16, .tokens = {65}, .scale = 1.0f};
  c.fill(300.0f);
  check(c);
}

TEST_P(AttentionTest, NanReachesTheResult) {
  constexpr std::int64_t tokens = 70, d = 16;
  const float nan = std::nanf("");
  for (const Element type : kElements)
    for (const std::int64_t place : {0, 40, 69}) {
      Case c{.type = type, .head_size = d, .tokens = {tokens}};
      c.fill();
      c.qkv[0].set(place * 3 * d + 5, nan);  // one query
      c.run();
      for (std::int64_t i = 0; i < tokens * d; ++i)
        ASSERT_EQ(std::isnan(c.results[0][i]), i / d == place) << c.text() << ", element " << i;
      c.fill();
      c.qkv[0].set(place * 3 * d + d + 5, nan);  // a key, so every query
      c.run();
      for (std::int64_t i = 0; i < tokens * d; ++i) ASSERT_TRUE(std::isnan(c.results[0][i])) << c.text();
      c.fill();
      c.qkv[0].set(place * 3 * d + 2 * d + 5, nan);  // one element of a value
      c.run();
      for (std::int64_t i = 0; i < tokens * d; ++i)
        ASSERT_EQ(std::isnan(c.results[0][i]), i % d == 5) << c.text() << ", element " << i;
    }
}

TEST_P(AttentionTest, ThreadsDoNotChangeABit) {
  for (const Element type : kElements)
    for (const std::int64_t heads : {1, 3, 17}) {
      Case c{.type = type, .batch = 2, .heads = heads, .head_size = 32, .tokens = {150, 33}, .norms = true};
      c.fill();
      const ThreadCount one(1);
      c.run();
      const std::vector<Elements> alone = c.results;
      for (const int threads : {2, 3, 5}) {
        const ThreadCount several(threads);
        c.run();
        EXPECT_EQ(c.results, alone) << c.text() << ", " << threads << " threads";
      }
    }
}

}  // namespace
}  // namespace sd35::kernels
