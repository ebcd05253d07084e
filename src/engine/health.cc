#include "engine/health.h"

#include <string>
#include <utility>
#include <vector>

namespace ocellus::engine {
namespace {

constexpr char kTable[] = "ocellus.health";
constexpr char kId[] = "id";
constexpr char kVector[] = "vector";
constexpr std::chrono::milliseconds kKeep{1000};
constexpr std::uint32_t kSide = 32;

store::TableSchema Schema(std::uint32_t dimension) {
  store::TableSchema schema;
  schema.name = kTable;
  schema.columns.push_back({kId, store::ColumnType::kInt64, false, true, {}});
  store::VectorSpec vector;
  vector.dimension = dimension;
  schema.columns.push_back({kVector, store::ColumnType::kVector, false, true, vector});
  schema.primary_key = {kId};
  return schema;
}

}  // namespace

Status Health::Check() {
  MutexLock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (checked_ != std::chrono::steady_clock::time_point() && now - checked_ < kKeep) return last_;
  last_ = CheckNow();
  checked_ = std::chrono::steady_clock::now();
  return last_;
}

Status Health::Prepare(const std::vector<float>& vector) {
  const store::TableSchema wanted = Schema(static_cast<std::uint32_t>(vector.size()));
  Result<std::shared_ptr<store::Table>> table = store_.OpenTable(kTable);
  if (table.ok() && ToValue((*table)->schema()) != ToValue(wanted)) {
    OCELLUS_RETURN_IF_ERROR(store_.DropTable(kTable));  // of a bundle of another dimension
    table = Status(Code::kNotFound, "dropped");
  }
  if (!table.ok() && table.status().code() == Code::kNotFound) {
    OCELLUS_RETURN_IF_ERROR(store_.CreateTable(wanted));
    table = store_.OpenTable(kTable);
  }
  if (!table.ok()) return std::move(table).status();
  store::WriteBatch batch;
  batch.upserts.push_back({{Value(1), vector}});
  OCELLUS_RETURN_IF_ERROR((*table)->Write(std::move(batch)));
  table_ = *std::move(table);
  return {};
}

Status Health::CheckNow() {
  image::Picture picture;
  picture.width = kSide;
  picture.height = kSide;
  picture.rgb.assign(std::size_t{kSide} * kSide * 3, 128);
  Result<std::vector<float>> vector = bundles_.Default().EmbedPicture(picture);
  if (!vector.ok()) return std::move(vector).status().WithContext("embed");
  if (table_ == nullptr) OCELLUS_RETURN_IF_ERROR(Prepare(*vector).WithContext("store"));
  Result<std::vector<store::Hit>> hits =
      table_->Search({kVector, *std::move(vector), 1, {}, {kId}});
  if (!hits.ok()) return std::move(hits).status().WithContext("search");
  if (hits->size() != 1) return Status(Code::kInternal, "search: the row that was written is gone");
  return {};
}

}  // namespace ocellus::engine
