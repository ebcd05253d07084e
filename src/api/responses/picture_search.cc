#include "api/responses/picture_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ocellus::api::responses {
namespace {

constexpr std::size_t kMaxTitleBytes = 300;

// Six digits: a float has no more.
double Rounded(double score) {
  return std::round(score * 1e6) / 1e6;
}

std::string TitleOf(const engine::LibraryHit& hit) {
  for (const char* name : {"title", "name", "caption"}) {
    const Value* tag = hit.tags.Find(name);
    const std::string* text = tag != nullptr ? tag->as_string() : nullptr;
    if (text != nullptr && !text->empty()) return *text;
  }
  return hit.key.id;
}

std::string Shortened(std::string text) {
  if (text.size() <= kMaxTitleBytes) return text;
  std::size_t end = kMaxTitleBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace

Result<std::vector<std::string>> PictureSearch::LibrariesOf(const Searcher& searcher,
                                                            const Tool& tool, bool words) {
  const auto searches = [&](engine::LibraryMode mode) {
    return !words || mode == engine::LibraryMode::kWholePicture;
  };
  const std::vector<std::string>& named = tool.libraries.empty() ? otherwise_ : tool.libraries;
  std::vector<std::string> names;
  for (const std::string& name : named) {
    const Status access = CheckAccess(searcher.principal, Role::kRead, name);
    if (!access.ok() && tool.libraries.empty()) continue;  // not the caller's choice
    OCELLUS_RETURN_IF_ERROR(access);
    const Result<engine::LibraryMode> mode = libraries_.FindMode(name);
    if (!mode.ok()) return mode.status();
    if (!searches(*mode)) {
      if (tool.libraries.empty()) continue;
      return Status(Code::kFailedPrecondition,
                    "the library " + name + " is searched by picture only");
    }
    names.push_back(name);
  }
  if (!named.empty()) return names;
  OCELLUS_ASSIGN_OR_RETURN(const auto modes, libraries_.Modes());
  for (const auto& [name, mode] : modes) {
    if (!searches(mode) || !CheckAccess(searcher.principal, Role::kRead, name).ok()) continue;
    names.push_back(name);
  }
  return names;
}

Status PictureSearch::Check(const Searcher& searcher, const Tool& tool) {
  const Result<std::vector<std::string>> names =
      LibrariesOf(searcher, tool, tool.type == kWebSearchImage);
  return names.ok() ? Status() : names.status();
}

Result<std::vector<Found>> PictureSearch::Search(const Searcher& searcher, const Tool& tool,
                                                 bool words, engine::Query query) {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           LibrariesOf(searcher, tool, words));
  engine::LibrarySearch search;
  search.query = std::move(query);
  search.top_k = std::min(tool.max_results, libraries_.engine().options().max_top_k);
  search.filter = always_.kind == query::Filter::Kind::kAll
                      ? tool.filter
                      : query::Filter::And({always_, tool.filter});
  OCELLUS_ASSIGN_OR_RETURN(std::vector<engine::FoundPicture> pictures,
                           libraries_.SearchAll(names, std::move(search)));
  std::vector<Found> found;
  for (engine::FoundPicture& picture : pictures) {
    const double score = Rounded(picture.hit.score);
    if (score < tool.score_threshold) break;
    Found& out = found.emplace_back();
    out.title = Shortened(TitleOf(picture.hit));
    out.url =
        links_.LinkTo(searcher.link_base, picture.library, picture.hit.key.id, picture.hit.key.uri);
    out.score = score;
    out.library = std::move(picture.library);
    out.key = std::move(picture.hit.key);
    out.tags = std::move(picture.hit.tags);
  }
  return found;
}

Result<std::vector<Found>> PictureSearch::ByPicture(const Searcher& searcher, const Tool& tool,
                                                    const engine::PictureQuery& picture) {
  return Search(searcher, tool, false, picture);
}

Result<std::vector<Found>> PictureSearch::ByWords(const Searcher& searcher, const Tool& tool,
                                                  std::string_view words) {
  return Search(searcher, tool, true, engine::TextQuery{words});
}

std::string OutputOf(const std::vector<Found>& found) {
  Value::List items;
  for (const Found& one : found) {
    items.push_back(Value::Map{{"index", static_cast<std::int64_t>(items.size()) + 1},
                               {"title", one.title},
                               {"url", one.url},
                               {"score", one.score},
                               {"library", one.library},
                               {"tags", one.tags}});
  }
  return WriteJson(items);
}

}  // namespace ocellus::api::responses
