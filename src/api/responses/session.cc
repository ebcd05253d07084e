#include "api/responses/session.h"

#include <iterator>
#include <utility>

#include "base/base64.h"

namespace ocellus::api::responses {
namespace {

constexpr std::uint32_t kMinSide = 10;  // as upstream has it

OpenAiFailure Wrong(const PictureRef& ref, std::string code, const std::string& what) {
  return {ErrorId::kInvalidImage, ref.field + ": " + what, std::move(code), ref.field};
}

OpenAiFailure TooManyAtOnce() {
  return {ErrorId::kUnavailable, "too many large pictures at once; try again in a moment"};
}

bool IsUrl(std::string_view url) {
  return url.starts_with("https://") || url.starts_with("http://");
}

// The bytes of "data:image/...;base64,...".
std::optional<OpenAiFailure> ReadData(const PictureRef& ref, std::size_t max_bytes,
                                      std::string& bytes) {
  const std::string_view url = ref.url;
  const std::size_t comma = url.substr(0, 256).find(',');
  if (comma == std::string_view::npos) {
    return Wrong(ref, "invalid_image_url", "a data: URL without a comma");
  }
  const std::string_view type = url.substr(5, comma - 5);
  if (!type.starts_with("image/") && !type.starts_with("application/octet-stream")) {
    return Wrong(ref, "unsupported_image_media_type",
                 "expected data:image/...;base64,... as the image_url");
  }
  if (!type.ends_with(";base64")) {
    return Wrong(ref, "invalid_image_url", "a data: URL must be base64 (data:image/...;base64,)");
  }
  const std::string_view text = url.substr(comma + 1);
  if (text.size() / 4 * 3 > max_bytes + 3) {
    return Wrong(ref, "image_file_too_large",
                 "more than " + std::to_string(max_bytes) + " bytes, which is the limit");
  }
  Result<std::string> decoded = DecodeBase64(text);
  if (!decoded.ok()) {
    return Wrong(ref, "invalid_base64_image", "not base64: " + decoded.status().message());
  }
  bytes = *std::move(decoded);
  return std::nullopt;
}

}  // namespace

Session::Session(CreateBody body, std::vector<Message> earlier, Searcher searcher,
                 PictureSources sources, SessionLimits limits)
    : body_(std::move(body)),
      messages_(std::move(earlier)),
      searcher_(std::move(searcher)),
      sources_(sources),
      limits_(limits) {
  std::size_t bytes = 0;
  // A picture may be megabytes of text: there is one copy of it.
  const auto take = [&](std::vector<Message>& messages) {
    for (Message& message : messages) {
      for (Part& part : message.parts) {
        if (!part.picture.has_value()) continue;
        bytes += part.picture->url.size();
        pictures_.push_back({std::exchange(*part.picture, {}), {}, false});
      }
    }
  };
  take(messages_);
  first_new_ = pictures_.size();
  take(body_.messages);
  std::move(body_.messages.begin(), body_.messages.end(), std::back_inserter(messages_));
  body_.messages.clear();
  if (body_.store) bytes *= 2;  // they stand in the items too
  too_much_ = !Hold(bytes);
}

Session::~Session() {
  sources_.budget.Give(held_);
}

bool Session::Hold(std::size_t bytes) {
  if (!sources_.budget.Take(bytes)) return false;
  held_ += bytes;
  return true;
}

std::string Session::LastWords() const {
  for (auto message = messages_.rbegin(); message != messages_.rend(); ++message) {
    if (message->role != "user") continue;
    std::string words;
    for (const Part& part : message->parts) {
      if (part.picture.has_value() || part.text.empty()) continue;
      words += (words.empty() ? "" : "\n") + part.text;
    }
    if (words.find_first_not_of(" \t\r\n") != std::string::npos) return words;
    return {};
  }
  return {};
}

const Tool* Session::Allowed(std::string_view type) const {
  if (body_.choice == ToolChoice::kNone) return nullptr;
  if (!body_.forced_tool.empty() && body_.forced_tool != type) return nullptr;
  return body_.Find(type);
}

std::optional<OpenAiFailure> Session::Check() const {
  if (pictures_.size() > limits_.max_pictures) {
    return OpenAiFailure{ErrorId::kInvalidParameter,
                         "input: " + std::to_string(pictures_.size()) +
                             " pictures in the conversation, the limit is " +
                             std::to_string(limits_.max_pictures),
                         {},
                         "input"};
  }
  if (too_much_) return TooManyAtOnce();
  if (body_.choice != ToolChoice::kRequired) return std::nullopt;
  const bool picture = Allowed(kImageSearch) != nullptr && !pictures_.empty();
  const bool words = Allowed(kWebSearchImage) != nullptr && !LastWords().empty();
  if (picture || words) return std::nullopt;
  return OpenAiFailure{ErrorId::kInvalidParameter,
                       "tool_choice: a search is required, and the input has nothing to search "
                       "with: image_search wants a picture, web_search_image words",
                       {},
                       "tool_choice"};
}

bool Session::HasUrls() const {
  for (std::size_t i = first_new_; i < pictures_.size(); ++i) {
    if (IsUrl(pictures_[i].ref.url)) return true;
  }
  return false;
}

std::optional<OpenAiFailure> Session::LoadNew() {
  for (std::size_t i = first_new_; i < pictures_.size(); ++i) {
    if (std::optional<OpenAiFailure> failure = Load(i)) return failure;
  }
  return std::nullopt;
}

std::optional<OpenAiFailure> Session::Load(std::size_t index) {
  Picture& picture = pictures_[index];
  if (picture.loaded) return std::nullopt;
  std::string bytes;
  if (std::optional<OpenAiFailure> failure = Fetch(picture.ref, bytes)) return failure;
  bytes_ += bytes.size();
  if (bytes_ > limits_.max_picture_bytes) {
    return Wrong(picture.ref, "image_file_too_large",
                 "the pictures of the conversation are over the limit of " +
                     std::to_string(limits_.max_picture_bytes) + " bytes together");
  }
  if (!Hold(bytes.size())) return TooManyAtOnce();
  if (bytes.empty()) return Wrong(picture.ref, "empty_image_file", "the picture has 0 bytes");
  const Result<engine::PictureInfo> info = sources_.engine.Measure(AsBytes(bytes));
  if (!info.ok()) return Wrong(picture.ref, "invalid_image", info.status().message());
  if (info->width < kMinSide || info->height < kMinSide) {
    return Wrong(picture.ref, "image_too_small",
                 std::to_string(info->width) + "x" + std::to_string(info->height) +
                     " pixels, a side must have 10 at least");
  }
  picture.bytes = std::move(bytes);
  picture.ref.url = std::string();  // it may have been the picture itself
  picture.loaded = true;
  return std::nullopt;
}

std::optional<OpenAiFailure> Session::Fetch(const PictureRef& ref, std::string& bytes) const {
  const std::size_t max_bytes = sources_.engine.options().picture_limits.max_bytes;
  if (!ref.file_id.empty()) {
    Result<std::string> file = sources_.files.Read(ref.file_id, searcher_.principal.name);
    if (!file.ok()) return Wrong(ref, "image_file_not_found", "no such file: " + ref.file_id);
    bytes = *std::move(file);
    return std::nullopt;
  }
  if (ref.url.empty()) {
    return Wrong(ref, "invalid_image_url", "the picture's URL is missing: image_url or file_id");
  }
  if (ref.url.starts_with("data:")) return ReadData(ref, max_bytes, bytes);
  if (!IsUrl(ref.url)) {
    return Wrong(ref, "invalid_image_url",
                 "the picture's URL is invalid: expected https://..., or the picture itself as "
                 "data:image/...;base64,...");
  }
  if (!searcher_.link_base.empty()) {
    if (const auto own = PictureLinks::Read(searcher_.link_base, ref.url)) {
      // A picture that was found before: it is here.
      Result<engine::KeptPicture> kept = Status(Code::kNotFound, "not for this key");
      if (CheckAccess(searcher_.principal, Role::kRead, own->library).ok()) {
        kept = sources_.libraries.Fetch(own->library, own->image_id, own->image_uri);
      }
      if (!kept.ok()) return Wrong(ref, "invalid_image_url", "there is no such picture here");
      bytes = std::move(kept->bytes);
      return std::nullopt;
    }
  }
  const Status may = CheckFetch(searcher_.principal);
  if (!may.ok()) return Wrong(ref, "invalid_image_url", may.message());
  if (sources_.urls == nullptr) {
    return Wrong(ref, "invalid_image_url",
                 "the URL is invalid for this server: fetching URLs is off (fetch.enabled in its "
                 "configuration); send the picture itself as data:image/...;base64,...");
  }
  Result<std::string> got = sources_.urls->Get(ref.url, max_bytes);
  if (!got.ok()) {
    const bool url = got.status().code() == Code::kInvalidArgument;
    return Wrong(ref, url ? "invalid_image_url" : "failed_to_download_image",
                 "the picture's URL is invalid or cannot be reached: " + got.status().message());
  }
  bytes = *std::move(got);
  return std::nullopt;
}

}  // namespace ocellus::api::responses
