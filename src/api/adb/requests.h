// The bodies of the AnalyticDB front's calls, read and checked. Failures are InvalidArgument and
// start with the field's name.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/fields.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/library.h"

namespace ocellus::api::adb {

struct CreateLibraryBody {
  std::string library;
  std::string mode;  // as written
  std::string description;
};
Result<CreateLibraryBody> ReadCreateLibrary(Fields& fields);

Result<std::string> ReadLibraryName(Fields& fields);

// One picture: the body of image/add without its library, or a line of a batch.
struct PictureBody {
  engine::PictureKey key;
  std::optional<std::string> base64;
  Value::Map tags;
  bool save_image = true;
  engine::ItemsSpec items;
  std::string items_field;  // that says which items; empty: none does
};
Result<PictureBody> ReadPicture(Fields& fields, bool save_image_otherwise);

// What a library of that mode cannot do of what the body asks for.
Status CheckItems(const PictureBody& body, engine::LibraryMode mode);

struct DeleteImageBody {
  std::string library;
  std::string id;
  std::optional<std::string> uri;
};
Result<DeleteImageBody> ReadDeleteImage(Fields& fields);

struct SearchBody {
  std::string library;
  std::uint32_t top_k = 10;
  Value tag_filter;  // not yet parsed
  bool return_frame = true;
  bool return_region = false;
};
Result<SearchBody> ReadSearch(Fields& fields, std::uint32_t max_top_k);

// What of the query picture is meant, in a library of that mode.
struct QueryPart {
  std::optional<image::Box> region;
  std::optional<bool> crop;
  engine::QueryFaces faces = engine::QueryFaces::kLargest;
  std::size_t max_items = engine::kQueryItems;
};
Result<QueryPart> ReadQueryPart(Fields& fields, engine::LibraryMode mode);

// The text of a search by text, and the name it was sent under.
struct SearchText {
  std::string text;
  std::string name;
};
Result<SearchText> ReadSearchText(Fields& fields);

struct CreateTaskBody {
  std::string library;
  std::string location;
  std::string location_name;  // that it was sent under
  bool save_image = true;
};
Result<CreateTaskBody> ReadCreateTask(Fields& fields);

// Of a failure about a picture: the field that it is about, and whether that is the picture itself.
struct PictureFault {
  std::string_view field;
  bool picture = true;
};
PictureFault FaultOf(const Status& status);

// The bytes of image_base64, with or without a "data:image/...;base64," before them.
Result<std::string> DecodePicture(std::string_view base64, std::size_t max_bytes);

}  // namespace ocellus::api::adb
