// Reading the parts that the files of all kinds of tokenizers have.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "embed/json_fields.h"
#include "embed/merge_table.h"
#include "embed/tokenizer.h"
#include "embed/vocabulary.h"

namespace ocellus::embed {

// The largest known vocabulary has 2^18.
inline constexpr std::int64_t kMaxTokenId = (std::int64_t{1} << 24) - 1;

// Failures of all of these are InvalidArgument.

// An object of tokens and their ids.
Result<Vocabulary> ReadVocabulary(const Value* value);
std::optional<std::int32_t> IdOf(const Vocabulary& vocabulary, std::string_view token);

// Fails unless the field is absent or has the only value that is implemented.
Status OnlyBoolean(const JsonFields& fields, std::string_view name, bool supported);
// Fails unless the field has the only value that is implemented.
Status OnlyString(const JsonFields& fields, std::string_view name, std::string_view supported);

Status AddMerge(const Vocabulary& vocabulary, std::string_view left, std::string_view right,
                MergeTable& merges);
// The "merges" of a BPE model.
Status ReadMerges(const JsonFields& model, const Vocabulary& vocabulary, MergeTable& merges);

// Padding as the file says, else with `fallback`.
Status ReadPadding(const JsonFields& root, std::int32_t fallback, Tokenizer::Frame& frame);

}  // namespace ocellus::embed
