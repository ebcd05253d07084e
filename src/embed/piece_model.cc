#include "embed/piece_model.h"

#include <algorithm>
#include <limits>

#include "embed/unicode.h"

namespace ocellus::embed {
namespace {

// How much worse than the worst piece an unknown character is: SentencePiece's number.
constexpr double kUnknownPenalty = 10.0;

std::vector<std::pair<std::string, std::int32_t>> Entries(
    const std::vector<std::pair<std::string, double>>& pieces) {
  std::vector<std::pair<std::string, std::int32_t>> entries;
  entries.reserve(pieces.size());
  for (const auto& [piece, score] : pieces) {
    entries.emplace_back(piece, static_cast<std::int32_t>(entries.size()));
  }
  return entries;
}

void AddBytes(const ByteIds& bytes, std::string_view text, std::vector<std::int32_t>& ids) {
  for (const char c : text) ids.push_back(bytes[static_cast<unsigned char>(c)]);
}

}  // namespace

UnigramModel::UnigramModel(const std::vector<std::pair<std::string, double>>& pieces,
                           const Options& options)
    : options_(options), trie_(Entries(pieces)) {
  double worst = std::numeric_limits<double>::infinity();
  for (const auto& [piece, score] : pieces) {
    ids_[piece] = static_cast<std::int32_t>(scores_.size());
    scores_.push_back(score);
    worst = std::min(worst, score);
  }
  unknown_score_ = worst - kUnknownPenalty;
}

void UnigramModel::Encode(std::string_view word, std::vector<std::int32_t>& ids) const {
  constexpr std::size_t kNowhere = SIZE_MAX;
  constexpr std::int32_t kUnknown = -1;
  struct Best {  // way from the start to here
    double score = 0;
    std::size_t from = kNowhere;
    std::int32_t id = kUnknown;
  };
  std::vector<Best> best(word.size() + 1);
  for (std::size_t at = 0; at < word.size();) {
    std::size_t next = at;
    unicode::Next(word, next);
    const double score = best[at].score;
    bool has_character = false;
    const auto consider = [&](std::size_t end, double through, std::int32_t id) {
      Best& target = best[end];
      if (target.from == kNowhere || through > target.score) target = {through, at, id};
    };
    trie_.ForEachPrefix(word.substr(at), [&](std::size_t length, std::int32_t id) {
      consider(at + length, scores_[static_cast<std::size_t>(id)] + score, id);
      has_character = has_character || at + length == next;
    });
    if (!has_character) {
      consider(next, unknown_score_ + score, options_.unknown_id.value_or(kUnknown));
    }
    at = next;
  }

  // Backwards; unknown characters side by side are one piece.
  struct Piece {
    std::size_t from;
    std::size_t end;
  };
  std::vector<Piece> pieces;
  bool joins = false;
  for (std::size_t end = word.size(); end > 0;) {
    const Best& piece = best[end];
    const bool unknown = options_.unknown_id.has_value() && piece.id == *options_.unknown_id;
    if (unknown && joins) {
      pieces.back().from = piece.from;
    } else {
      pieces.push_back({piece.from, end});
    }
    joins = unknown;
    end = piece.from;
  }
  for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
    const std::string_view text = word.substr(piece->from, piece->end - piece->from);
    const auto found = ids_.find(text);
    if (found != ids_.end()) {
      ids.push_back(found->second);
    } else if (options_.bytes.has_value()) {
      AddBytes(*options_.bytes, text, ids);
    } else if (options_.unknown_id.has_value()) {
      ids.push_back(*options_.unknown_id);
    }
  }
}

PieceMergeModel::PieceMergeModel(Vocabulary vocabulary, MergeTable merges, const Options& options)
    : options_(options), vocabulary_(std::move(vocabulary)), merges_(std::move(merges)) {}

void PieceMergeModel::Encode(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (options_.whole_words_first) {
    const auto whole = vocabulary_.find(word);
    if (whole != vocabulary_.end()) {
      ids.push_back(whole->second);
      return;
    }
  }
  std::vector<std::int32_t> symbols;
  bool after_unknown = false;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t start = at;
    unicode::Next(word, at);
    const std::string_view character = word.substr(start, at - start);
    const auto found = vocabulary_.find(character);
    const bool unknown = found == vocabulary_.end() && !options_.bytes.has_value();
    if (found != vocabulary_.end()) {
      symbols.push_back(found->second);
    } else if (options_.bytes.has_value()) {
      AddBytes(*options_.bytes, character, symbols);
    } else if (options_.unknown_id.has_value() && !(options_.fuse_unknown && after_unknown)) {
      symbols.push_back(*options_.unknown_id);
    }
    after_unknown = unknown;
  }
  merges_.Apply(symbols, ids);
}

}  // namespace ocellus::embed
