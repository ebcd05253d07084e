#include "store/embedded/column_file.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/utf8.h"

namespace ocellus::store::embedded {
namespace {

constexpr char kMagic[] = "OCELCOLS";
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFieldHeaderBytes = 20;
constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::size_t kWriteBytes = std::size_t{1} << 20;

// Bytes on their way into a file, with the checksum of those since StartSum().
class Writer {
 public:
  explicit Writer(os::File& file) : file_(file) {}

  void StartSum() { crc_ = 0; }
  std::uint32_t crc() const { return crc_; }

  Status Append(Bytes bytes) {
    crc_ = Crc32c(bytes, crc_);
    buffer_ += AsText(bytes);
    return buffer_.size() < kWriteBytes ? Status() : Flush();
  }
  Status Append(std::string_view text) { return Append(AsBytes(text)); }
  Status Append32(std::uint32_t number) {
    std::uint8_t bytes[4];
    StoreLe32(number, bytes);
    return Append(Bytes(bytes));
  }
  Status Append64(std::uint64_t number) {
    std::uint8_t bytes[8];
    StoreLe64(number, bytes);
    return Append(Bytes(bytes));
  }
  Status Flush() {
    OCELLUS_RETURN_IF_ERROR(file_.WriteAt(offset_, AsBytes(buffer_)));
    offset_ += buffer_.size();
    buffer_.clear();
    return {};
  }

 private:
  os::File& file_;
  std::uint64_t offset_ = 0;
  std::string buffer_;
  std::uint32_t crc_ = 0;
};

Status SaveField(Writer& writer, std::uint32_t column_id, const std::string& key,
                 const FilterColumn* column, std::uint32_t slots) {
  const std::uint32_t values = column == nullptr ? 0 : column->dictionary().size();
  std::uint64_t bytes = 0;
  for (std::uint32_t id = 1; id <= values; ++id) {
    bytes += 4 + column->dictionary().EncodedAt(id).size();
  }
  writer.StartSum();
  OCELLUS_RETURN_IF_ERROR(writer.Append32(column_id));
  OCELLUS_RETURN_IF_ERROR(writer.Append32(static_cast<std::uint32_t>(key.size())));
  OCELLUS_RETURN_IF_ERROR(writer.Append32(values));
  OCELLUS_RETURN_IF_ERROR(writer.Append64(bytes));
  OCELLUS_RETURN_IF_ERROR(writer.Append(key));
  for (std::uint32_t id = 1; id <= values; ++id) {
    const std::string_view encoded = column->dictionary().EncodedAt(id);
    OCELLUS_RETURN_IF_ERROR(writer.Append32(static_cast<std::uint32_t>(encoded.size())));
    OCELLUS_RETURN_IF_ERROR(writer.Append(encoded));
  }
  std::vector<std::uint8_t> ids(std::size_t{4} * slots);
  for (std::uint32_t slot = 0; column != nullptr && slot < slots; ++slot) {
    StoreLe32(column->ids().Get(slot), ids.data() + std::size_t{4} * slot);
  }
  OCELLUS_RETURN_IF_ERROR(writer.Append(ids));
  return writer.Append32(writer.crc());
}

Status SaveAll(os::File& file, const ColumnSet& columns, const ColumnIds& ids,
               const ColumnFileState& state) {
  std::uint32_t fields = 0;
  for (const auto& loaded : columns) {
    if (loaded != nullptr)
      fields += std::max<std::uint32_t>(1, static_cast<std::uint32_t>(loaded->size()));
  }
  Writer writer(file);
  OCELLUS_RETURN_IF_ERROR(writer.Append(kMagic));
  OCELLUS_RETURN_IF_ERROR(writer.Append32(kColumnFileVersion));
  OCELLUS_RETURN_IF_ERROR(writer.Append32(fields));
  OCELLUS_RETURN_IF_ERROR(writer.Append64(state.sequence));
  OCELLUS_RETURN_IF_ERROR(writer.Append32(state.slots));
  OCELLUS_RETURN_IF_ERROR(writer.Append32(writer.crc()));
  for (std::size_t position = 0; position < columns.size(); ++position) {
    if (columns[position] == nullptr) continue;
    if (columns[position]->empty()) {
      OCELLUS_RETURN_IF_ERROR(SaveField(writer, ids[position], "", nullptr, state.slots));
    }
    for (const auto& [key, column] : *columns[position]) {
      OCELLUS_RETURN_IF_ERROR(SaveField(writer, ids[position], key, column.get(), state.slots));
    }
  }
  OCELLUS_RETURN_IF_ERROR(writer.Flush());
  return file.Sync();
}

// A file's fields, one after the other.
class Reader {
 public:
  Reader(os::File& file, const std::string& path, const ColumnIds& ids)
      : file_(file), path_(path), ids_(ids) {}

  Status ReadHeader(const ColumnFileState& state) {
    OCELLUS_ASSIGN_OR_RETURN(size_, file_.Size());
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> header, Take(kHeaderBytes));
    if (std::memcmp(header.data(), kMagic, 8) != 0 ||
        LoadLe32(header.data() + 28) != Crc32c(Bytes(header).first(28))) {
      return Damaged("the header does not verify");
    }
    if (LoadLe32(header.data() + 8) != kColumnFileVersion ||
        LoadLe64(header.data() + 16) != state.sequence ||
        LoadLe32(header.data() + 24) != state.slots) {
      return {Code::kNotFound, path_ + ": is of another state of the rows"};
    }
    fields_ = LoadLe32(header.data() + 12);
    slots_ = state.slots;
    return {};
  }

  Status ReadAll(std::vector<std::shared_ptr<LoadedColumn>>& columns) {
    for (std::uint32_t i = 0; i < fields_; ++i) OCELLUS_RETURN_IF_ERROR(ReadField(columns));
    return offset_ == size_ ? Status() : Damaged("has bytes past its end");
  }

 private:
  Status Damaged(const char* what) const { return {Code::kCorruption, path_ + ": " + what}; }

  Result<std::vector<std::uint8_t>> Take(std::uint64_t bytes) {
    // Also the bound on what a damaged length can allocate.
    if (bytes > size_ - offset_) return Damaged("is cut short");
    std::vector<std::uint8_t> content(bytes);
    OCELLUS_ASSIGN_OR_RETURN(const std::size_t got, file_.ReadAt(offset_, content));
    if (got != bytes) return Damaged("is cut short");
    offset_ += bytes;
    crc_ = Crc32c(content, crc_);
    return content;
  }

  Status ReadField(std::vector<std::shared_ptr<LoadedColumn>>& columns) {
    crc_ = 0;
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> header, Take(kFieldHeaderBytes));
    const auto place = std::find(ids_.begin(), ids_.end(), LoadLe32(header.data()));
    const std::size_t key_bytes = LoadLe32(header.data() + 4);
    const std::uint32_t values = LoadLe32(header.data() + 8);
    if (key_bytes > kMaxKeyBytes) return Damaged("a field is wrong");
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> key, Take(key_bytes));
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> encoded,
                             Take(LoadLe64(header.data() + 12)));
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> ids, Take(std::uint64_t{4} * slots_));
    const std::uint32_t crc = crc_;
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> sum, Take(4));
    if (LoadLe32(sum.data()) != crc) return Damaged("a field does not match its checksum");

    if (place == ids_.end()) return {};  // of a column that was removed
    const auto position = static_cast<std::size_t>(place - ids_.begin());
    if (columns[position] == nullptr) columns[position] = std::make_shared<LoadedColumn>();
    if (values == 0 && key.empty()) return {};  // stands for a column without any value
    auto column = std::make_shared<FilterColumn>();
    OCELLUS_RETURN_IF_ERROR(ReadValues(encoded, values, column->dictionary()));
    for (std::uint32_t slot = 0; slot < slots_; ++slot) {
      const std::uint32_t id = LoadLe32(ids.data() + std::size_t{4} * slot);
      if (id > values) return Damaged("a slot has a value that is not there");
      column->ids().Set(slot, id);
    }
    (*columns[position])[std::string(AsText(key))] = std::move(column);
    return {};
  }

  Status ReadValues(Bytes encoded, std::uint32_t values, Dictionary& dictionary) const {
    Value value;
    for (std::uint32_t id = 1; id <= values; ++id) {
      if (encoded.size() < 4) return Damaged("a value is cut short");
      const std::size_t length = LoadLe32(encoded.data());
      encoded = encoded.subspan(4);
      if (length == 0 || length > encoded.size()) return Damaged("a value is cut short");
      const std::string_view text = AsText(encoded.first(length));
      if (!DecodeValue(text, value) || dictionary.InternEncoded(text) != id) {
        return Damaged("a value is not one");
      }
      encoded = encoded.subspan(length);
    }
    return encoded.empty() ? Status() : Damaged("has bytes past its values");
  }

  os::File& file_;
  const std::string& path_;
  const ColumnIds& ids_;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;
  std::uint32_t fields_ = 0;
  std::uint32_t slots_ = 0;
  std::uint32_t crc_ = 0;
};

}  // namespace

Status SaveColumns(os::FileSystem& files, const std::string& path, const ColumnSet& columns,
                   const ColumnIds& ids, const ColumnFileState& state) {
  const std::string temporary = path + ".tmp";
  {
    OCELLUS_ASSIGN_OR_RETURN(const auto file, files.Open(temporary, os::OpenMode::kTruncate));
    OCELLUS_RETURN_IF_ERROR(SaveAll(*file, columns, ids, state));
  }
  OCELLUS_RETURN_IF_ERROR(files.Rename(temporary, path));
  return files.SyncDirectory(os::DirectoryOf(path));
}

Result<ColumnSet> LoadColumns(os::FileSystem& files, const std::string& path, const ColumnIds& ids,
                              const ColumnFileState& state) {
  OCELLUS_ASSIGN_OR_RETURN(const auto file, files.Open(path, os::OpenMode::kRead));
  Reader reader(*file, path, ids);
  OCELLUS_RETURN_IF_ERROR(reader.ReadHeader(state));
  std::vector<std::shared_ptr<LoadedColumn>> columns(ids.size());
  OCELLUS_RETURN_IF_ERROR(reader.ReadAll(columns));
  return ColumnSet(columns.begin(), columns.end());
}

}  // namespace ocellus::store::embedded
