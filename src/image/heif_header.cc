// HEIC and AVIF: the boxes of ISO/IEC 14496-12 and 23008-12 that say how large the picture is, and
// the sizes inside the codecs' own headers, which is what their decoders allocate.

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "image/codec_size.h"
#include "image/header.h"
#include "image/reader.h"

namespace ocellus::image {
namespace {

// Far above what pictures have: a few dozen properties, and tiles by the hundred at most.
constexpr std::size_t kMaxProperties = 4096;
constexpr std::uint32_t kMaxItems = 65536;

struct ItemBox {
  std::uint64_t at = 0;  // of its contents
  std::uint64_t end = 0;
};

struct Item {
  std::uint32_t type = 0;
  std::vector<ItemBox> extents;  // those that lie in the file itself
};

class HeifParser {
 public:
  HeifParser(Bytes bytes, Format format, const Limits& limits)
      : reader_(bytes, ByteOrder::kBig), bytes_(bytes), format_(format), limits_(limits) {}

  Result<Header> Parse();

 private:
  // The box at `at` that ends inside `end`; false at the end or at nonsense.
  bool NextBox(std::uint64_t& at, std::uint64_t end, ItemBox& box, std::uint32_t& type);
  void ParseMeta(const ItemBox& meta);
  void ParseLocations(const ItemBox& box);
  void ParseItemTypes(const ItemBox& box);
  void ParseAssociations(const ItemBox& box);
  Status CheckProperties();
  Status CheckCodedSizes();
  void ApplyTransformations(Header& header);
  std::uint64_t Sized(std::uint64_t& at, std::uint32_t size);

  Reader reader_;
  Bytes bytes_;
  Format format_;
  Limits limits_;
  std::uint32_t primary_ = 0;
  bool truncated_ = false;
  bool have_meta_ = false;
  std::vector<ItemBox> properties_;
  std::vector<std::uint32_t> property_types_;
  std::vector<std::uint32_t> primary_properties_;  // 1 is the first of ipco
  std::unordered_map<std::uint32_t, Item> items_;
};

constexpr std::uint32_t FourCc(const char (&name)[5]) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = (value << 8) | static_cast<std::uint8_t>(name[i]);
  return value;
}

bool HeifParser::NextBox(std::uint64_t& at, std::uint64_t end, ItemBox& box, std::uint32_t& type) {
  if (at + 8 > end) return false;
  std::uint64_t size = reader_.U32(at);
  type = reader_.U32(at + 4);
  box.at = at + 8;
  if (size == 1) {
    if (at + 16 > end) return false;
    size = (std::uint64_t{reader_.U32(at + 8)} << 32) | reader_.U32(at + 12);
    box.at = at + 16;
  } else if (size == 0) {
    size = end - at;
  }
  if (size < box.at - at) return false;
  if (size > end - at) {
    truncated_ = true;
    size = end - at;
  }
  box.end = at + size;
  at = box.end;
  return true;
}

// A number of 0, 4 or 8 bytes, as iloc has them.
std::uint64_t HeifParser::Sized(std::uint64_t& at, std::uint32_t size) {
  std::uint64_t value = 0;
  if (size == 4) value = reader_.U32(at);
  if (size == 8) value = (std::uint64_t{reader_.U32(at)} << 32) | reader_.U32(at + 4);
  at += size;
  return value;
}

void HeifParser::ParseLocations(const ItemBox& box) {
  const std::uint32_t version = reader_.U8(box.at);
  const std::uint32_t sizes = reader_.U16(box.at + 4);
  const std::uint32_t offset_size = sizes >> 12;
  const std::uint32_t length_size = (sizes >> 8) & 15U;
  const std::uint32_t base_size = (sizes >> 4) & 15U;
  const std::uint32_t index_size = version == 0 ? 0 : sizes & 15U;
  std::uint64_t at = box.at + 6;
  const std::uint32_t items = version < 2 ? reader_.U16(at) : reader_.U32(at);
  at += version < 2 ? 2 : 4;
  for (std::uint32_t i = 0; i < items && i < kMaxItems && at < box.end; ++i) {
    const std::uint32_t id = version < 2 ? reader_.U16(at) : reader_.U32(at);
    at += version < 2 ? 2 : 4;
    std::uint32_t method = 0;
    if (version != 0) {
      method = reader_.U16(at) & 15U;
      at += 2;
    }
    at += 2;  // which file: only this one is read by anybody
    const std::uint64_t base = Sized(at, base_size);
    const std::uint32_t extents = reader_.U16(at);
    at += 2;
    for (std::uint32_t e = 0; e < extents && at < box.end; ++e) {
      at += index_size;
      const std::uint64_t offset = base + Sized(at, offset_size);
      const std::uint64_t length = Sized(at, length_size);
      if (method != 0) continue;  // inside the meta box, which is whole or was found truncated
      if (offset > reader_.size() || length > reader_.size() - offset) {
        truncated_ = true;
      } else {
        items_[id].extents.push_back({.at = offset, .end = offset + length});
      }
    }
  }
}

void HeifParser::ParseItemTypes(const ItemBox& box) {
  ItemBox entry;
  std::uint32_t type = 0;
  const std::uint64_t head = reader_.U8(box.at) == 0 ? 6 : 8;
  for (std::uint64_t at = box.at + head; NextBox(at, box.end, entry, type);) {
    if (type != FourCc("infe") || items_.size() > kMaxItems) continue;
    const bool wide = reader_.U8(entry.at) > 2;
    const std::uint32_t id = wide ? reader_.U32(entry.at + 4) : reader_.U16(entry.at + 4);
    items_[id].type = reader_.U32(entry.at + (wide ? 10 : 8));
  }
}

void HeifParser::ParseAssociations(const ItemBox& box) {
  const std::uint32_t version = reader_.U8(box.at);
  const bool wide = (reader_.U8(box.at + 3) & 1U) != 0;
  const std::uint32_t entries = reader_.U32(box.at + 4);
  std::uint64_t at = box.at + 8;
  for (std::uint32_t i = 0; i < entries && i < kMaxItems && at < box.end; ++i) {
    const std::uint32_t item = version < 1 ? reader_.U16(at) : reader_.U32(at);
    at += version < 1 ? 2 : 4;
    const std::uint32_t count = reader_.U8(at++);
    for (std::uint32_t p = 0; p < count && at < box.end; ++p) {
      const std::uint32_t index = wide ? reader_.U16(at) & 0x7FFFU : reader_.U8(at) & 0x7FU;
      if (item == primary_) primary_properties_.push_back(index);
      at += wide ? 2 : 1;
    }
  }
}

void HeifParser::ParseMeta(const ItemBox& meta) {
  std::vector<ItemBox> associations;
  ItemBox box;
  std::uint32_t type = 0;
  for (std::uint64_t at = meta.at + 4; NextBox(at, meta.end, box, type);) {
    if (type == FourCc("pitm")) {
      primary_ = reader_.U8(box.at) == 0 ? reader_.U16(box.at + 4) : reader_.U32(box.at + 4);
    } else if (type == FourCc("iloc")) {
      ParseLocations(box);
    } else if (type == FourCc("iinf")) {
      ParseItemTypes(box);
    } else if (type == FourCc("iprp")) {
      ItemBox inner;
      for (std::uint64_t in = box.at; NextBox(in, box.end, inner, type);) {
        if (type == FourCc("ipma")) associations.push_back(inner);
        if (type != FourCc("ipco")) continue;
        ItemBox property;
        std::uint32_t kind = 0;
        for (std::uint64_t p = inner.at;
             properties_.size() < kMaxProperties && NextBox(p, inner.end, property, kind);) {
          properties_.push_back(property);
          property_types_.push_back(kind);
        }
      }
    }
  }
  for (const ItemBox& association : associations) ParseAssociations(association);
}

// Every size that any item declares: tiles, thumbnails and masks are decoded too.
Status HeifParser::CheckProperties() {
  const std::string name = NameOf(format_);
  for (std::size_t i = 0; i < properties_.size(); ++i) {
    const ItemBox& box = properties_[i];
    if (property_types_[i] == FourCc("ispe")) {
      OCELLUS_RETURN_IF_ERROR(
          CheckSize(name, reader_.U32(box.at + 4), reader_.U32(box.at + 8), limits_));
    } else if (property_types_[i] == FourCc("hvcC")) {
      const Bytes record = reader_.Slice(box.at, box.end - box.at);
      for (const PixelSize& size : SizesInHevcRecord(record)) {
        OCELLUS_RETURN_IF_ERROR(
            CheckSize(name + "'s HEVC stream", size.width, size.height, limits_));
      }
    }
  }
  return Status();
}

// The same inside the coded data, where a stream may declare a size of its own.
Status HeifParser::CheckCodedSizes() {
  const std::string name = NameOf(format_);
  for (const auto& [id, item] : items_) {
    const bool hevc = item.type == FourCc("hvc1");
    if (!hevc && item.type != FourCc("av01")) continue;
    std::vector<std::uint8_t> data;
    for (const ItemBox& extent : item.extents) {
      const Bytes part = reader_.Slice(extent.at, extent.end - extent.at);
      // Extents may overlap, so together they can be longer than the file: no picture needs that.
      if (part.size() > bytes_.size() - std::min(bytes_.size(), data.size())) {
        return Status(Code::kInvalidArgument, "damaged " + name + ": its extents overlap");
      }
      data.insert(data.end(), part.begin(), part.end());
    }
    for (const PixelSize& size : hevc ? SizesInHevcData(data) : SizesInAv1Data(data)) {
      OCELLUS_RETURN_IF_ERROR(CheckSize(name + "'s coded data", size.width, size.height, limits_));
    }
  }
  return Status();
}

// In the order of the primary item's properties: its size, cropped and turned.
void HeifParser::ApplyTransformations(Header& header) {
  for (const std::uint32_t index : primary_properties_) {
    if (index == 0 || index > properties_.size()) continue;
    const ItemBox& box = properties_[index - 1];
    const std::uint32_t type = property_types_[index - 1];
    if (type == FourCc("ispe")) {
      header.width = reader_.U32(box.at + 4);
      header.height = reader_.U32(box.at + 8);
    } else if (type == FourCc("irot") && (reader_.U8(box.at) & 1U) != 0) {
      std::swap(header.width, header.height);
    } else if (type == FourCc("clap")) {
      const std::uint32_t down_x = reader_.U32(box.at + 4);
      const std::uint32_t down_y = reader_.U32(box.at + 12);
      if (down_x == 0 || down_y == 0) continue;
      header.width = std::min(header.width, reader_.U32(box.at) / down_x);
      header.height = std::min(header.height, reader_.U32(box.at + 8) / down_y);
    }
  }
}

Result<Header> HeifParser::Parse() {
  ItemBox box;
  std::uint32_t type = 0;
  for (std::uint64_t at = 0; NextBox(at, reader_.size(), box, type);) {
    if (type != FourCc("meta") || have_meta_) continue;
    have_meta_ = true;
    ParseMeta(box);
  }
  if (!have_meta_ || reader_.overrun()) {
    const std::string state = truncated_ || reader_.overrun() ? "truncated " : "damaged ";
    return Status(Code::kInvalidArgument, state + NameOf(format_) + ": no picture described in it");
  }
  Header header{.format = format_};
  OCELLUS_RETURN_IF_ERROR(CheckProperties());
  ApplyTransformations(header);
  OCELLUS_RETURN_IF_ERROR(CheckCodedSizes());
  if (reader_.overrun()) {
    return Status(Code::kInvalidArgument,
                  std::string("truncated or damaged ") + NameOf(format_) + ": a box ends early");
  }
  header.truncated = truncated_;
  return header;
}

}  // namespace

Result<Header> ReadHeifHeader(Bytes bytes, Format format, const Limits& limits) {
  return HeifParser(bytes, format, limits).Parse();
}

}  // namespace ocellus::image
