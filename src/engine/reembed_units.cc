#include "engine/reembed_units.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "engine/library_schema.h"

namespace ocellus::engine {
namespace {

constexpr char kNotKept[] = "its picture was not kept: import it again";
constexpr char kNoSource[] = "nothing that it could be made from was kept: write it again";

std::vector<std::string> ColumnsOf(const store::TableSchema& schema, bool blobs, bool vectors) {
  std::vector<std::string> names;
  for (const store::Column& column : schema.columns) {
    if (column.type == store::ColumnType::kBlob && !blobs) continue;
    if (column.type == store::ColumnType::kVector && !vectors) continue;
    names.push_back(column.name);
  }
  return names;
}

bool IsEmpty(const store::Cell& cell) {
  return std::holds_alternative<std::monostate>(cell);
}

class Pictures final : public ReembedUnits {
 public:
  Pictures(Engine& engine, embed::Embedder& embedder, const store::TableSchema& before,
           const store::TableSchema& after)
      : engine_(engine),
        embedder_(embedder),
        schema_(before),
        after_(after),
        image_at_(schema_.IndexOf(kLibraryImageColumn)),
        vector_at_(schema_.IndexOf(kLibraryVectorColumn)),
        digest_at_(schema_.IndexOf(kLibraryDigestColumn)),
        face_at_(schema_.IndexOf(kLibraryFaceColumn)) {}

  const char* name() const override { return "pictures"; }
  const char* why_left() const override { return kNotKept; }
  query::Filter Firsts() const override { return FirstParts(schema_); }
  store::Key FirstOf(const store::Key& row) const override {
    return engine::KeyOf(schema_, PictureKeyOf(row));
  }
  std::vector<store::Key> KeysOf(const store::Key& first) const override {
    return engine::KeysOf(schema_, PictureKeyOf(first), 0);
  }
  Value::Map Named(const store::Key& first) const override {
    return {{kLibraryIdColumn, first[0]}, {kLibraryUriColumn, first[1]}};
  }
  std::vector<std::string> Columns() const override { return ColumnsOf(schema_, true, false); }
  // The digest stands for the picture.
  std::vector<std::string> ComparedColumns() const override {
    return ColumnsOf(schema_, false, false);
  }

  // A picture that was left behind has lost its digest.
  Copied Compare(const store::Row& first, const store::Row& copy) const override {
    const bool left = TextIn(schema_, copy, kLibraryDigestColumn).empty();
    for (std::size_t i = 0; i < first.cells.size(); ++i) {
      if (left && i == digest_at_) continue;
      if (first.cells[i] != copy.cells[i]) return Copied::kNo;
    }
    return left ? Copied::kLeftBehind : Copied::kYes;
  }

  Status Remake(ReembedUnit& unit) const override {
    Status made = MakeVectors(unit);
    if (made.code() != Code::kInvalidArgument) return made;
    LeaveBehind(unit);
    unit.reason = made.message();
    return {};
  }

 private:
  static PictureKey PictureKeyOf(const store::Key& key) {
    return {*key[0].as_string(), *key[1].as_string()};
  }

  // Items stay where they are; faces are found again, since their model may have changed too.
  Status MakeVectors(ReembedUnit& picture) const {
    VectorMaker& vectors = engine_.vectors();
    store::Row& first = picture.rows.front();
    const auto* blob = std::get_if<store::Blob>(&first.cells[image_at_]);
    if (blob == nullptr) return {Code::kInvalidArgument, kNotKept};
    const Bytes bytes = AsBytes(blob->bytes);
    switch (ModeOf(schema_)) {
      case LibraryMode::kWholePicture: {
        OCELLUS_ASSIGN_OR_RETURN(first.cells[vector_at_], vectors.OfPicture(embedder_, bytes));
        return {};
      }
      case LibraryMode::kMainSubject: {
        ItemsSpec spec;
        spec.max_items = picture.rows.size();
        for (const store::Row& row : picture.rows) {
          spec.boxes.push_back(RegionOf(schema_, row).value_or(PictureRegion()).box);
        }
        OCELLUS_ASSIGN_OR_RETURN(std::vector<PicturePart> parts,
                                 vectors.Items(embedder_, bytes, spec));
        for (std::size_t i = 0; i < parts.size(); ++i) {
          picture.rows[i].cells[vector_at_] = std::move(parts[i].vector);
        }
        return {};
      }
      case LibraryMode::kFaceOrWholePicture:
        break;
    }
    OCELLUS_ASSIGN_OR_RETURN(const embed::FaceRecognizer* faces,
                             vectors.FacesOf(after_.columns[face_at_]));
    OCELLUS_ASSIGN_OR_RETURN(std::vector<PicturePart> parts,
                             vectors.WholeAndFaces(&embedder_, *faces, {bytes}));
    store::WriteBatch made = RowsOf(schema_, std::move(first), std::move(parts));
    picture.rows = std::move(made.upserts);
    picture.deletes = std::move(made.deletes);
    return {};
  }

  // Of its faces nothing stays: their model may be another.
  void LeaveBehind(ReembedUnit& picture) const {
    const PictureKey key = PictureOf(schema_, picture.rows.front());
    if (face_at_ < schema_.columns.size()) {
      picture.rows.resize(1);
      picture.deletes = engine::KeysOf(schema_, key, 1);
    }
    for (store::Row& row : picture.rows) {
      row.cells[vector_at_] = std::monostate();
      row.cells[digest_at_] = Value("");
    }
  }

  Engine& engine_;
  embed::Embedder& embedder_;
  const store::TableSchema& schema_;
  const store::TableSchema& after_;
  const std::size_t image_at_;
  const std::size_t vector_at_;
  const std::size_t digest_at_;
  const std::size_t face_at_;  // the number of columns where there is none
};

class Rows final : public ReembedUnits {
 public:
  Rows(Engine& engine, const store::TableSchema& before, const store::TableSchema& after)
      : engine_(engine), schema_(before), after_(after), remade_(RemadeColumns(before, after)) {}

  const char* name() const override { return "rows"; }
  const char* why_left() const override { return kNoSource; }
  query::Filter Firsts() const override { return {}; }
  store::Key FirstOf(const store::Key& row) const override { return row; }
  std::vector<store::Key> KeysOf(const store::Key& first) const override { return {first}; }
  Value::Map Named(const store::Key& first) const override {
    Value::Map key;
    for (std::size_t i = 0; i < first.size(); ++i) {
      key.emplace_back(schema_.primary_key[i], first[i]);
    }
    return {{"key", WriteJson(Value(std::move(key)))}};
  }
  std::vector<std::string> Columns() const override { return ColumnsOf(schema_, true, true); }
  // Nothing stands for the sources.
  std::vector<std::string> ComparedColumns() const override { return Columns(); }

  // A row that was left behind has lost a vector.
  Copied Compare(const store::Row& first, const store::Row& copy) const override {
    bool left = false;
    for (std::size_t i = 0; i < first.cells.size(); ++i) {
      if (std::find(remade_.begin(), remade_.end(), i) != remade_.end()) {
        left = left || (!IsEmpty(first.cells[i]) && IsEmpty(copy.cells[i]));
      } else if (first.cells[i] != copy.cells[i]) {
        return Copied::kNo;
      }
    }
    return left ? Copied::kLeftBehind : Copied::kYes;
  }

  Status Remake(ReembedUnit& unit) const override {
    store::Row& row = unit.rows.front();
    for (const std::size_t at : remade_) {
      const bool had = !IsEmpty(std::exchange(row.cells[at], std::monostate()));
      Result<std::optional<store::Vector>> made = engine_.MakeVector(after_, at, row);
      if (made.ok() && made->has_value()) {
        row.cells[at] = **std::move(made);
      } else if (!made.ok() && made.status().code() != Code::kInvalidArgument) {
        return std::move(made).status();
      } else if (had && unit.reason.empty()) {
        unit.reason = schema_.columns[at].name + ": " +
                      (made.ok() ? std::string(kNoSource) : made.status().message());
      }
    }
    return {};
  }

 private:
  Engine& engine_;
  const store::TableSchema& schema_;
  const store::TableSchema& after_;
  const std::vector<std::size_t> remade_;
};

}  // namespace

std::unique_ptr<ReembedUnits> UnitsOf(Engine& engine, embed::Embedder& embedder,
                                      const store::TableSchema& before,
                                      const store::TableSchema& after) {
  if (IsLibrary(before)) return std::make_unique<Pictures>(engine, embedder, before, after);
  return std::make_unique<Rows>(engine, before, after);
}

std::vector<std::size_t> RemadeColumns(const store::TableSchema& before,
                                       const store::TableSchema& after) {
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < before.columns.size(); ++i) {
    const store::VectorSpec& old = before.columns[i].vector;
    const store::VectorSpec& next = after.columns[i].vector;
    if (old.bundle != next.bundle || old.bundle_digest != next.bundle_digest) columns.push_back(i);
  }
  return columns;
}

}  // namespace ocellus::engine
