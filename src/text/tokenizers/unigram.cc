#include "text/tokenizers/unigram.h"

#include <algorithm>

namespace sd35 {
namespace {

constexpr double kUnknownPenalty = 10.0;

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

}  // namespace

Unigram::Unigram(std::vector<SentencePiece> pieces, std::int32_t unknown_id)
    : pieces_(std::move(pieces)), unknown_id_(unknown_id) {
  double lowest = 0;
  for (std::size_t id = 0; id < pieces_.size(); ++id) {
    lowest = id == 0 ? pieces_[id].score : std::min(lowest, pieces_[id].score);
    longest_piece_ = std::max(longest_piece_, pieces_[id].text.size());
    if (!pieces_[id].text.empty()) ids_.insert_or_assign(pieces_[id].text, static_cast<std::int32_t>(id));
  }
  unknown_score_ = lowest - kUnknownPenalty;
}

std::vector<std::int32_t> Unigram::encode(std::string_view word) const {
  // The best way to reach each byte that ends a character.
  struct Node {
    std::size_t begin = 0;
    std::int32_t id = -1;
    double score = 0;
  };
  std::vector<Node> best(word.size() + 1);
  for (std::size_t begin = 0, next = 0; begin < word.size(); begin = next) {
    next = begin + 1;
    while (next < word.size() && !starts_character(word[next])) ++next;
    const double so_far = best[begin].score;
    const auto reach = [&](std::size_t end, std::int32_t id, double score) {
      if (best[end].id < 0 || so_far + score > best[end].score) best[end] = {begin, id, so_far + score};
    };
    bool single = false;
    for (std::size_t end = next; end <= word.size() && end - begin <= longest_piece_; ++end) {
      if (end < word.size() && !starts_character(word[end])) continue;
      const auto piece = ids_.find(word.substr(begin, end - begin));
      if (piece == ids_.end()) continue;
      reach(end, piece->second, pieces_[static_cast<std::size_t>(piece->second)].score);
      single |= end == next;
    }
    if (!single) reach(next, unknown_id_, unknown_score_);
  }
  std::vector<std::int32_t> ids;
  for (std::size_t end = word.size(); end > 0; end = best[end].begin)
    if (best[end].id != unknown_id_ || ids.empty() || ids.back() != unknown_id_) ids.push_back(best[end].id);
  std::ranges::reverse(ids);
  return ids;
}

}  // namespace sd35
