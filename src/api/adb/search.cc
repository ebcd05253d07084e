// The two searches.

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "api/access.h"
#include "api/adb/envelope.h"
#include "api/adb/front.h"
#include "api/adb/names.h"
#include "api/adb/requests.h"
#include "api/adb/tag_filter.h"
#include "base/base64.h"
#include "base/bytes.h"

namespace ocellus::api::adb {
namespace {

// Pictures read from the store at one time for an answer.
constexpr std::size_t kPicturesAtOnce = 16;

// Six digits: the cosine behind it is a float and has no more.
double Rounded(double score) {
  return std::round(score * 1e6) / 1e6;
}

Value RegionValue(const engine::PictureRegion& region) {
  constexpr std::array<const char*, 3> kKinds = {"whole", "item", "face"};
  return Value::Map{{"x", region.box.x},
                    {"y", region.box.y},
                    {"width", region.box.width},
                    {"height", region.box.height},
                    {"kind", kKinds[static_cast<std::size_t>(region.kind)]},
                    {"score", Rounded(region.score)}};
}

}  // namespace

Response Front::Search(const engine::LibrarySearch& search, const SearchBody& body,
                       const std::string& query_name) {
  const Result<engine::LibraryAnswer> answer = libraries_.Search(search);
  if (!answer.ok()) {
    const Status& status = answer.status();
    if (status.code() != Code::kInvalidArgument) return FailOfEngine(status);
    if (!std::holds_alternative<engine::PictureQuery>(search.query)) {
      return Fail(ErrorId::kInvalidParameter, InvalidField(query_name, status.message()));
    }
    const PictureFault fault = FaultOf(status);
    return Fail(fault.picture ? ErrorId::kInvalidImage : ErrorId::kInvalidParameter,
                InvalidField(fault.field, status.message()));
  }
  const std::vector<engine::LibraryHit>& hits = answer->hits;
  const bool return_frame = body.return_frame;
  std::string data = R"({"results":[)";
  std::size_t picture_bytes = 0;
  std::vector<std::optional<std::string>> pictures;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    const std::size_t in_block = i % kPicturesAtOnce;
    if (return_frame && in_block == 0) {
      std::vector<engine::PictureKey> keys;
      for (std::size_t j = i; j < std::min(hits.size(), i + kPicturesAtOnce); ++j) {
        keys.push_back(hits[j].key);
      }
      Result<std::vector<std::optional<std::string>>> read =
          libraries_.ReadBytes(search.library, keys);
      if (!read.ok()) return FailOfEngine(read.status());
      pictures = *std::move(read);
    }
    const engine::LibraryHit& hit = hits[i];
    data += i == 0 ? "{" : ",{";
    data += R"("image_id":)" + WriteJson(hit.key.id);
    data += R"(,"image_uri":)" + WriteJson(hit.key.uri);
    data += R"(,"image_base64":)";
    if (return_frame && pictures[in_block].has_value()) {
      const std::string& bytes = *pictures[in_block];
      picture_bytes += bytes.size();
      if (picture_bytes > options_.max_answer_picture_bytes) {
        return Fail(ErrorId::kInvalidParameter,
                    "return_frame: the pictures of " + std::to_string(hits.size()) +
                        " results are over the limit of " +
                        std::to_string(options_.max_answer_picture_bytes) +
                        " bytes for one answer; set it to false, or lower top_k");
      }
      data += '"' + EncodeBase64(AsBytes(bytes)) + '"';
    } else {
      data += "null";
    }
    data += R"(,"score":)" + WriteJson(Rounded(hit.score));
    data += R"(,"tags":)" + WriteJson(hit.tags);
    if (body.return_region) {
      data +=
          R"(,"region":)" + WriteJson(hit.region.has_value() ? RegionValue(*hit.region) : Value());
    }
    data += "}";
  }
  data += "]";
  if (body.return_region) {
    Value::List regions;
    for (const engine::PictureRegion& region : answer->query_regions) {
      regions.push_back(RegionValue(region));
    }
    data += R"(,"query_regions":)" + WriteJson(Value(std::move(regions)));
  }
  data += "}";
  return SucceedWithJson(data);
}

Response Front::SearchByImage(const Request& request) {
  Result<Fields> fields = Fields::OfBody(request.body);
  if (!fields.ok()) return Fail(ErrorId::kInvalidParameter, fields.status());
  const Result<SearchBody> body = ReadSearch(*fields, libraries_.engine().options().max_top_k);
  if (!body.ok()) return Fail(ErrorId::kInvalidParameter, body.status());
  const Status access = CheckAccess(request.principal, Role::kRead, body->library);
  if (!access.ok()) return Fail(ErrorId::kForbidden, access);
  const Result<std::string> base64 = fields->String(kImageBase64);
  if (!base64.ok()) return Fail(ErrorId::kInvalidParameter, base64.status());
  Result<query::Filter> filter = ParseTagFilter(body->tag_filter, engine::kLibraryTagsColumn);
  if (!filter.ok()) return Fail(ErrorId::kInvalidTagFilter, filter.status());
  const auto mode = libraries_.FindReadable(body->library);
  if (!mode.ok()) return FailOfEngine(mode.status());
  const Result<QueryPart> part = ReadQueryPart(*fields, *mode);
  if (!part.ok()) return Fail(ErrorId::kInvalidParameter, part.status());
  const Result<std::string> bytes = DecodePicture(*base64, MaxPictureBytes());
  if (!bytes.ok()) return Fail(ErrorId::kInvalidImage, bytes.status());

  const engine::PictureQuery picture = {AsBytes(*bytes), part->region, part->crop};
  return Search(
      {body->library, picture, body->top_k, *std::move(filter), part->faces, part->max_items},
      *body, std::string(kImageBase64.front()));
}

Response Front::SearchByText(const Request& request) {
  Result<Fields> fields = Fields::OfBody(request.body);
  if (!fields.ok()) return Fail(ErrorId::kInvalidParameter, fields.status());
  const Result<SearchBody> body = ReadSearch(*fields, libraries_.engine().options().max_top_k);
  if (!body.ok()) return Fail(ErrorId::kInvalidParameter, body.status());
  const Status access = CheckAccess(request.principal, Role::kRead, body->library);
  if (!access.ok()) return Fail(ErrorId::kForbidden, access);
  const Result<SearchText> text = ReadSearchText(*fields);
  if (!text.ok()) return Fail(ErrorId::kInvalidParameter, text.status());
  Result<query::Filter> filter = ParseTagFilter(body->tag_filter, engine::kLibraryTagsColumn);
  if (!filter.ok()) return Fail(ErrorId::kInvalidTagFilter, filter.status());
  const auto mode = libraries_.FindReadable(body->library);
  if (!mode.ok()) return FailOfEngine(mode.status());
  if (*mode != engine::LibraryMode::kWholePicture) {
    return Fail(ErrorId::kUnsupportedMode,
                "library_name: only libraries of the mode general_search are searched by text");
  }
  return Search({body->library, engine::TextQuery{text->text}, body->top_k, *std::move(filter)},
                *body, text->name);
}

}  // namespace ocellus::api::adb
