// The two tools over the server's libraries.
//
// Thread-safe. What it is given is borrowed and outlives it.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/access.h"
#include "api/links.h"
#include "api/responses/request_body.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/library.h"

namespace ocellus::api::responses {

struct Found {
  std::string title;
  std::string url;
  double score = 0;  // 0..1
  std::string library;
  engine::PictureKey key;
  Value tags;
};

// For whom a search is made.
struct Searcher {
  Principal principal;
  std::string link_base;  // PictureLinks::BaseOf
};

class PictureSearch {
 public:
  // `otherwise`: the libraries of a tool that names none; empty: all. `always`: what every picture
  // that is found must meet, whatever the tool says.
  PictureSearch(engine::Libraries& libraries, const PictureLinks& links,
                std::vector<std::string> otherwise, query::Filter always = {})
      : libraries_(libraries),
        links_(links),
        otherwise_(std::move(otherwise)),
        always_(std::move(always)) {}

  // Nearest first. InvalidArgument: the picture, the part or the words. NotFound: a library that
  // the tool names. FailedPrecondition: the principal may not read it, or it cannot be searched so.
  // Nothing is found where there is no library to search.
  Result<std::vector<Found>> ByPicture(const Searcher& searcher, const Tool& tool,
                                       const engine::PictureQuery& picture);
  Result<std::vector<Found>> ByWords(const Searcher& searcher, const Tool& tool,
                                     std::string_view words);

  // Whether the searcher may read what the tool names; before anything is begun.
  Status Check(const Searcher& searcher, const Tool& tool);

  engine::Libraries& libraries() { return libraries_; }

 private:
  Result<std::vector<std::string>> LibrariesOf(const Searcher& searcher, const Tool& tool,
                                               bool words);
  Result<std::vector<Found>> Search(const Searcher& searcher, const Tool& tool, bool words,
                                    engine::Query query);

  engine::Libraries& libraries_;
  const PictureLinks& links_;
  const std::vector<std::string> otherwise_;
  const query::Filter always_;
};

// What stands in a call's `output`: a JSON array of {index, title, url, score, library, tags}.
std::string OutputOf(const std::vector<Found>& found);

}  // namespace ocellus::api::responses
