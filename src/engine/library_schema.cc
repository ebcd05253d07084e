#include "engine/library_schema.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ocellus::engine {
namespace {

using store::ColumnType;
using store::SourcePart;

// Attributes and words below are kept on disk: never change.
constexpr char kKindAttribute[] = "kind";
constexpr char kLibraryKind[] = "library";
constexpr char kModeAttribute[] = "mode";
constexpr char kDescriptionAttribute[] = "description";
constexpr char kCreateTimeAttribute[] = "create_time";
constexpr std::array<const char*, 3> kModeWords = {"whole_picture", "main_subject",
                                                   "face_or_whole_picture"};
constexpr std::array<const char*, 3> kPartWords = {"whole", "item", "face"};

template <typename Enum>
const char* WordOf(const std::array<const char*, 3>& words, Enum value) {
  return words[static_cast<std::size_t>(value)];
}

// The first one where the word is none of them.
template <typename Enum>
Enum ValueOf(const std::array<const char*, 3>& words, std::string_view word) {
  const auto* found = std::find(words.begin(), words.end(), word);
  return static_cast<Enum>(found == words.end() ? 0 : found - words.begin());
}

const Value* Attribute(const store::TableSchema& schema, std::string_view name) {
  for (const auto& [key, value] : schema.attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string TextAttribute(const store::TableSchema& schema, std::string_view name) {
  const Value* value = Attribute(schema, name);
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
}

store::Column VectorColumn(const char* name, SourcePart part) {
  store::Column column = {.name = name, .type = ColumnType::kVector};
  column.vector.metric = store::Metric::kCosine;
  column.vector.part = part;
  if (part != SourcePart::kFace) column.vector.source_column = kLibraryImageColumn;
  return column;
}

std::size_t MaxParts(const store::TableSchema& schema) {
  switch (ModeOf(schema)) {
    case LibraryMode::kMainSubject:
      return kMaxItems;
    case LibraryMode::kFaceOrWholePicture:
      return 1 + embed::kMaxFaces;
    case LibraryMode::kWholePicture:
      break;
  }
  return 1;
}

const Value* ValueIn(const store::TableSchema& schema, const store::Row& row,
                     std::string_view column) {
  const std::size_t at = schema.IndexOf(column);
  return at < row.cells.size() ? std::get_if<Value>(&row.cells[at]) : nullptr;
}

}  // namespace

store::TableSchema SchemaOf(const LibraryDescription& library) {
  store::TableSchema schema;
  schema.name = library.name;
  schema.columns = {{.name = kLibraryIdColumn, .type = ColumnType::kString, .required = true},
                    {.name = kLibraryUriColumn, .type = ColumnType::kString, .required = true},
                    {.name = kLibraryImageColumn, .type = ColumnType::kBlob},
                    {.name = kLibraryTagsColumn, .type = ColumnType::kMap},
                    {.name = kLibraryDigestColumn, .type = ColumnType::kString, .required = true},
                    {.name = kLibraryCreatedColumn, .type = ColumnType::kInt64, .required = true}};
  schema.primary_key = {kLibraryIdColumn, kLibraryUriColumn};
  const bool items = library.mode == LibraryMode::kMainSubject;
  const bool faces = library.mode == LibraryMode::kFaceOrWholePicture;
  schema.columns.push_back(
      VectorColumn(kLibraryVectorColumn, items ? SourcePart::kSubject : SourcePart::kAll));
  schema.columns.back().required = !faces;  // a face has the other one
  if (items || faces) {
    schema.columns.insert(
        schema.columns.end(),
        {{.name = kLibraryPartColumn, .type = ColumnType::kInt64, .required = true},
         {.name = kLibraryKindColumn, .type = ColumnType::kString, .required = true},
         {.name = kLibraryBoxColumn, .type = ColumnType::kInt64, .multi = true, .required = true},
         {.name = kLibraryConfidenceColumn, .type = ColumnType::kDouble, .required = true}});
    schema.primary_key.emplace_back(kLibraryPartColumn);
  }
  if (faces) schema.columns.push_back(VectorColumn(kLibraryFaceColumn, SourcePart::kFace));
  schema.attributes = {{kKindAttribute, kLibraryKind},
                       {kModeAttribute, WordOf(kModeWords, library.mode)},
                       {kDescriptionAttribute, library.text},
                       {kCreateTimeAttribute, library.create_time_ms}};
  return schema;
}

std::optional<LibraryDescription> DescriptionOf(const store::TableSchema& schema) {
  if (!IsLibrary(schema)) return std::nullopt;
  const Value* created = Attribute(schema, kCreateTimeAttribute);
  const bool known = created != nullptr && created->as_int() != nullptr;
  return LibraryDescription{schema.name, ModeOf(schema),
                            TextAttribute(schema, kDescriptionAttribute),
                            known ? *created->as_int() : 0};
}

bool IsLibrary(const store::TableSchema& schema) {
  return TextAttribute(schema, kKindAttribute) == kLibraryKind;
}

LibraryMode ModeOf(const store::TableSchema& schema) {
  return ValueOf<LibraryMode>(kModeWords, TextAttribute(schema, kModeAttribute));
}

bool HasParts(const store::TableSchema& schema) {
  return ModeOf(schema) != LibraryMode::kWholePicture;
}

query::Filter FirstParts(const store::TableSchema& schema) {
  if (!HasParts(schema)) return {};
  return query::Filter::Where({kLibraryPartColumn, ""}, query::Op::kEqual, 0);
}

std::vector<std::string> PictureColumns(const store::TableSchema& schema) {
  if (!IsLibrary(schema) || !HasParts(schema)) return {};
  return {kLibraryIdColumn, kLibraryUriColumn};
}

store::Key KeyOf(const store::TableSchema& schema, const PictureKey& picture) {
  if (!HasParts(schema)) return {picture.id, picture.uri};
  return {picture.id, picture.uri, 0};
}

std::vector<store::Key> KeysOf(const store::TableSchema& schema, const PictureKey& picture,
                               std::size_t first) {
  std::vector<store::Key> keys;
  for (std::size_t part = first; part < MaxParts(schema); ++part) {
    store::Key& key = keys.emplace_back(KeyOf(schema, picture));
    if (HasParts(schema)) key.back() = static_cast<std::int64_t>(part);
  }
  return keys;
}

std::string TextIn(const store::TableSchema& schema, const store::Row& row,
                   std::string_view column) {
  const Value* value = ValueIn(schema, row, column);
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
}

PictureKey PictureOf(const store::TableSchema& schema, const store::Row& row) {
  return {TextIn(schema, row, kLibraryIdColumn), TextIn(schema, row, kLibraryUriColumn)};
}

Value::Map TagsOf(const store::TableSchema& schema, store::Row& row) {
  auto* tags = std::get_if<Value>(&row.cells[schema.IndexOf(kLibraryTagsColumn)]);
  return tags != nullptr && tags->as_map() != nullptr ? std::move(*tags->as_map()) : Value::Map();
}

std::optional<PictureRegion> RegionOf(const store::TableSchema& schema, const store::Row& row) {
  const Value* box = ValueIn(schema, row, kLibraryBoxColumn);
  const Value* score = ValueIn(schema, row, kLibraryConfidenceColumn);
  if (box == nullptr || box->as_list() == nullptr || box->as_list()->size() != 4) {
    return std::nullopt;
  }
  std::array<std::uint32_t, 4> numbers = {};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::int64_t* number = (*box->as_list())[i].as_int();
    if (number != nullptr) numbers[i] = static_cast<std::uint32_t>(*number);
  }
  PictureRegion region;
  region.kind = ValueOf<SourcePart>(kPartWords, TextIn(schema, row, kLibraryKindColumn));
  region.box = {numbers[0], numbers[1], numbers[2], numbers[3]};
  if (score != nullptr && score->is_number()) region.score = score->number();
  return region;
}

store::WriteBatch RowsOf(const store::TableSchema& schema, store::Row row,
                         std::vector<PicturePart> parts) {
  store::WriteBatch batch;
  if (parts.size() > MaxParts(schema)) parts.resize(MaxParts(schema));
  batch.deletes = KeysOf(schema, PictureOf(schema, row), parts.size());
  const std::size_t image_at = schema.IndexOf(kLibraryImageColumn);
  store::Cell image = std::exchange(row.cells[image_at], std::monostate());
  for (PicturePart& part : parts) {
    store::Row& made = batch.upserts.emplace_back(row);
    const auto set = [&](const char* column, store::Cell cell) {
      made.cells[schema.IndexOf(column)] = std::move(cell);
    };
    if (batch.upserts.size() == 1) set(kLibraryImageColumn, std::move(image));
    set(kLibraryPartColumn, Value(static_cast<std::int64_t>(batch.upserts.size()) - 1));
    set(kLibraryKindColumn, Value(WordOf(kPartWords, part.kind)));
    const image::Box& box = part.box;
    set(kLibraryBoxColumn, Value(Value::List{box.x, box.y, box.width, box.height}));
    set(kLibraryConfidenceColumn, Value(double{part.score}));
    const bool face = part.kind == SourcePart::kFace;
    set(face ? kLibraryFaceColumn : kLibraryVectorColumn, std::move(part.vector));
  }
  return batch;
}

}  // namespace ocellus::engine
