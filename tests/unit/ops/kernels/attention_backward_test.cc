// The backward pass of attention against the same in f64.
#include <algorithm>
#include <cmath>

#include "ops/native/kernels/attention.h"
#include "tests/unit/ops/kernels/kernel_test.h"

namespace sd35::kernels {
namespace {

class AttentionBackwardTest : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Levels, AttentionBackwardTest, testing::ValuesIn(levels_of_this_cpu()),
                         name_of_level);

constexpr std::int64_t kBatch = 2, kHeads = 3;
constexpr float kScale = 0.2f;

struct Stream {
  std::int64_t tokens;
  bool wants_result = true;
};

struct BackwardCase {
  std::vector<Stream> streams;
  std::int64_t head_size;
  bool causal = false;
};

// One stream of a call.
struct Memory {
  Elements qkv, result, dresult;
  std::vector<float> log_sums, dqkv;
};

// A token of a head: where it begins in a row of [batch, tokens, width] and of [batch, tokens, 3 width].
struct Token {
  std::size_t stream;
  std::int64_t place, qkv_place;
  bool is_query;
};

std::vector<Token> tokens_of(const BackwardCase& c, std::int64_t batch, std::int64_t head) {
  const std::int64_t width = kHeads * c.head_size;
  std::vector<Token> tokens;
  for (std::size_t s = 0; s < c.streams.size(); ++s)
    for (std::int64_t t = 0; t < c.streams[s].tokens; ++t) {
      const std::int64_t row = batch * c.streams[s].tokens + t;
      tokens.push_back({s, row * width + head * c.head_size, row * 3 * width + head * c.head_size,
                        c.streams[s].wants_result});
    }
  return tokens;
}

// Adds the gradients of one head to `gradients`, which lie as the streams' qkv.
void backward_twin(const BackwardCase& c, const std::vector<Memory>& memory, std::int64_t batch,
                   std::int64_t head, std::vector<std::vector<double>>& gradients) {
  const std::vector<Token> tokens = tokens_of(c, batch, head);
  const std::int64_t d = c.head_size, width = kHeads * d;
  const auto part = [&](const Token& token, int number, std::int64_t i) {
    return double{memory[token.stream].qkv[token.qkv_place + number * width + i]};
  };
  const auto gradient = [&](const Token& token, int number, std::int64_t i) -> double& {
    return gradients[token.stream][static_cast<std::size_t>(token.qkv_place + number * width + i)];
  };
  for (std::size_t q = 0; q < tokens.size(); ++q) {
    const Token& query = tokens[q];
    if (!query.is_query) continue;
    const std::size_t visible = c.causal ? q + 1 : tokens.size();
    std::vector<double> weights, slopes;
    double sum = 0, mean = 0;
    for (std::size_t k = 0; k < visible; ++k) {
      double score = 0, slope = 0;
      for (std::int64_t i = 0; i < d; ++i) {
        score += kScale * part(query, 0, i) * part(tokens[k], 1, i);
        slope += memory[query.stream].dresult[query.place + i] * part(tokens[k], 2, i);
      }
      weights.push_back(std::exp(score));
      slopes.push_back(slope);
      sum += weights.back();
    }
    for (std::size_t k = 0; k < visible; ++k) mean += (weights[k] /= sum) * slopes[k];
    for (std::size_t k = 0; k < visible; ++k)
      for (std::int64_t i = 0; i < d; ++i) {
        const double by_score = kScale * weights[k] * (slopes[k] - mean);
        gradient(query, 0, i) += by_score * part(tokens[k], 1, i);
        gradient(tokens[k], 1, i) += by_score * part(query, 0, i);
        gradient(tokens[k], 2, i) += weights[k] * memory[query.stream].dresult[query.place + i];
      }
  }
}

std::vector<Memory> run(const BackwardCase& c, Element type) {
  const std::int64_t width = kHeads * c.head_size;
  std::vector<Memory> memory;
  for (const Stream& stream : c.streams) {
    const auto seed = static_cast<unsigned>(memory.size());
    const std::int64_t rows = kBatch * stream.tokens;
    memory.push_back({random_elements(type, rows * 3 * width, 1 + seed), Elements(type, rows * width),
                      random_elements(type, rows * width, 11 + seed),
                      std::vector<float>(static_cast<std::size_t>(rows * kHeads)),
                      std::vector<float>(static_cast<std::size_t>(rows * 3 * width))});
  }
  std::vector<AttentionTokens> tokens;
  std::vector<AttentionGradients> gradients;
  for (std::size_t s = 0; s < memory.size(); ++s) {
    Memory& m = memory[s];
    tokens.push_back({.qkv = m.qkv.in(), .tokens = c.streams[s].tokens});
    gradients.push_back({.dqkv = m.dqkv.data()});
    if (!c.streams[s].wants_result) continue;
    tokens.back().result = m.result.out();
    tokens.back().log_sums = m.log_sums.data();
    gradients.back().dresult = m.dresult.in();
  }
  const AttentionSizes sizes{
      .batch = kBatch, .heads = kHeads, .head_size = c.head_size, .scale = kScale, .causal = c.causal};
  attention(tokens, sizes);
  attention_backward(tokens, gradients, sizes);
  return memory;
}

TEST_P(AttentionBackwardTest, EqualsTheTwin) {
  for (const BackwardCase& c :
       {BackwardCase{{{1}}, 8}, BackwardCase{{{33}}, 32}, BackwardCase{{{65}, {7}}, 64},
        BackwardCase{{{7}, {70, false}}, 40}, BackwardCase{{{300}}, 5}, BackwardCase{{{290}}, 16, true}})
    for (const Element type : kElements) {
      const std::vector<Memory> memory = run(c, type);
      std::vector<std::vector<double>> expected;
      for (const Memory& m : memory) expected.emplace_back(m.dqkv.size());
      for (std::int64_t batch = 0; batch < kBatch; ++batch)
        for (std::int64_t head = 0; head < kHeads; ++head) backward_twin(c, memory, batch, head, expected);
      double error = 0, largest = 0;
      for (std::size_t s = 0; s < memory.size(); ++s)
        for (std::size_t i = 0; i < expected[s].size(); ++i) {
          const double difference = std::abs(expected[s][i] - memory[s].dqkv[i]);
          error = difference <= error ? error : difference;  // a NaN stays
          largest = std::max(largest, std::abs(expected[s][i]));
        }
      EXPECT_LE(error, (type == Element::f32 ? 2e-6 : 2e-2) * largest)
          << c.streams[0].tokens << " tokens, head size " << c.head_size;
    }
}

}  // namespace
}  // namespace sd35::kernels
