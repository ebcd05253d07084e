// Names that the AnalyticDB front listens to: fields, modes and paths, with their aliases. What the
// product does not document publicly has several, so that whichever is real works.

#pragma once

#include <array>
#include <string_view>

#include "engine/library.h"

namespace ocellus::api::adb {

// Fields: the documented name first.
inline constexpr std::array<std::string_view, 1> kLibraryName = {"library_name"};
inline constexpr std::array<std::string_view, 6> kMode = {
    "mode", "search_mode", "work_mode", "working_mode", "library_mode", "search_type"};
inline constexpr std::array<std::string_view, 1> kDescription = {"description"};
inline constexpr std::array<std::string_view, 1> kImageId = {"image_id"};
inline constexpr std::array<std::string_view, 1> kImageUri = {"image_uri"};
inline constexpr std::array<std::string_view, 1> kImageBase64 = {"image_base64"};
inline constexpr std::array<std::string_view, 1> kTags = {"tags"};
inline constexpr std::array<std::string_view, 1> kSaveImage = {"save_image"};
inline constexpr std::array<std::string_view, 1> kTopK = {"top_k"};
inline constexpr std::array<std::string_view, 1> kTagFilter = {"tag_filter"};
inline constexpr std::array<std::string_view, 1> kReturnFrame = {"return_frame"};
// Ours, of libraries whose pictures have parts.
inline constexpr std::array<std::string_view, 1> kRegion = {"region"};
inline constexpr std::array<std::string_view, 1> kCrop = {"crop"};
inline constexpr std::array<std::string_view, 1> kMaxItems = {"max_items"};
inline constexpr std::array<std::string_view, 1> kFace = {"face"};
inline constexpr std::array<std::string_view, 1> kReturnRegion = {"return_region"};
inline constexpr std::array<std::string_view, 5> kText = {"text", "query_text", "query", "content",
                                                          "text_query"};
inline constexpr std::array<std::string_view, 9> kLocation = {
    "oss_path",   "oss_uri",   "oss_url",    "file_path", "file_uri",
    "jsonl_path", "jsonl_uri", "input_path", "path"};

struct ModeName {
  std::string_view name;
  engine::LibraryMode mode;
};
inline constexpr std::array<ModeName, 3> kModes = {{
    {"general_search", engine::LibraryMode::kWholePicture},
    {"item_search", engine::LibraryMode::kMainSubject},
    {"adaptive_search", engine::LibraryMode::kFaceOrWholePicture},
}};

inline constexpr std::string_view kPrefix = "/api/v1/operators/image-search";

enum class Call {
  kCreateLibrary,
  kListLibraries,
  kDeleteLibrary,
  kAddImage,
  kDeleteImage,
  kCreateTask,
  kTaskResults,
  kSearchByImage,
  kSearchByText,
};

struct CallName {
  Call call;
  std::string_view name;  // in the configuration, to give the call one more path
  std::string_view method;
  std::string_view path;  // after the prefix
};

// The first row of a call is its documented path.
inline constexpr CallName kCalls[] = {
    {Call::kCreateLibrary, "library_create", "POST", "/library/create"},
    {Call::kCreateLibrary, "library_create", "POST", "/libraries/create"},
    {Call::kCreateLibrary, "library_create", "POST", "/image-library/create"},
    {Call::kCreateLibrary, "library_create", "POST", "/lib/create"},
    {Call::kCreateLibrary, "library_create", "POST", "/libraries"},
    {Call::kListLibraries, "library_list", "GET", "/library/list"},
    {Call::kListLibraries, "library_list", "GET", "/libraries/list"},
    {Call::kListLibraries, "library_list", "GET", "/image-library/list"},
    {Call::kListLibraries, "library_list", "GET", "/lib/list"},
    {Call::kListLibraries, "library_list", "GET", "/libraries"},
    {Call::kDeleteLibrary, "library_delete", "POST", "/library/delete"},
    {Call::kDeleteLibrary, "library_delete", "POST", "/libraries/delete"},
    {Call::kDeleteLibrary, "library_delete", "POST", "/image-library/delete"},
    {Call::kDeleteLibrary, "library_delete", "POST", "/lib/delete"},
    {Call::kAddImage, "image_add", "POST", "/image/add"},
    {Call::kDeleteImage, "image_delete", "POST", "/image/delete"},
    {Call::kCreateTask, "task_create", "POST", "/image/tasks/create"},
    {Call::kTaskResults, "task_results", "GET", "/image/tasks/results/{task_id}"},
    {Call::kSearchByImage, "search_by_image", "POST", "/search/by-image"},
    {Call::kSearchByText, "search_by_text", "POST", "/search/by-text"},
};

}  // namespace ocellus::api::adb
