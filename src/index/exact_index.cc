#include "index/exact_index.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "index/exact_search.h"
#include "index/row_codes.h"
#include "index/vector_file.h"

namespace ocellus::index {

ExactIndex::ExactIndex(std::unique_ptr<VectorFile> file) : file_(std::move(file)) {}

ExactIndex::~ExactIndex() = default;

Result<ExactIndex::Opened> ExactIndex::Open(os::FileSystem& files, const std::string& path,
                                            const Spec& spec, std::uint64_t expected_sequence) {
  if (spec.dimension == 0 || spec.dimension > kMaxDimension) {
    return Status(Code::kInvalidArgument, "a dimension of " + std::to_string(spec.dimension) +
                                              " is not within 1 and " +
                                              std::to_string(kMaxDimension));
  }
  OCELLUS_ASSIGN_OR_RETURN(
      auto opened, VectorFile::Open(files, path, {spec.dimension, spec.metric}, expected_sequence));
  const bool needs_rebuild = !opened.rebuild_reason.empty();
  return Opened{std::unique_ptr<ExactIndex>(new ExactIndex(std::move(opened.file))), needs_rebuild,
                std::move(opened.rebuild_reason)};
}

std::uint32_t ExactIndex::dimension() const {
  return file_->header().dimension;
}

Metric ExactIndex::metric() const {
  return file_->header().metric;
}

std::uint32_t ExactIndex::capacity() const {
  return static_cast<std::uint32_t>(file_->chunks().size()) * kChunkSlots;
}

Status ExactIndex::Reserve(std::uint32_t slots) {
  return file_->Reserve(slots);
}

void ExactIndex::Put(std::uint32_t slot, std::span<const float> vector) {
  assert(slot < capacity() && vector.size() == dimension());
  const ChunkLayout& layout = file_->layout();
  std::uint8_t* chunk = file_->chunks()[slot / kChunkSlots];
  const std::size_t row = slot % kChunkSlots;
  EncodeRow(metric(), vector, {chunk + row * layout.code_bytes, layout.code_bytes},
            reinterpret_cast<float*>(chunk + layout.rows_offset) + row * kRowNumbers);
  std::copy(vector.begin(), vector.end(),
            reinterpret_cast<float*>(chunk + layout.vectors_offset) + row * vector.size());
}

Result<std::vector<Neighbor>> ExactIndex::Search(std::span<const float> query, std::uint32_t top_k,
                                                 const Bitmap& allowed) const {
  OCELLUS_RETURN_IF_ERROR(CheckVector(query, dimension()));
  const auto words = allowed.words();
  const std::size_t known = std::min<std::size_t>(words.size(), capacity() / 64);
  if (std::any_of(words.begin() + static_cast<std::ptrdiff_t>(known), words.end(),
                  [](std::uint64_t word) { return word != 0; })) {
    return Status(Code::kInternal, "a search allows slots that the index never reserved");
  }
  return SearchExact(*file_, query, top_k, allowed);
}

std::span<const float> ExactIndex::Vector(std::uint32_t slot) const {
  assert(slot < capacity());
  const std::uint8_t* vectors =
      file_->chunks()[slot / kChunkSlots] + file_->layout().vectors_offset;
  return {reinterpret_cast<const float*>(vectors) + std::size_t{slot % kChunkSlots} * dimension(),
          dimension()};
}

Status ExactIndex::Close(std::uint64_t sequence) {
  return file_->Close(sequence);
}

}  // namespace ocellus::index
