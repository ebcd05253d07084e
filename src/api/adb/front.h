// The AnalyticDB image search interface: docs/api/adb.md.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/adb/requests.h"
#include "api/request.h"
#include "api/router.h"
#include "base/result.h"
#include "engine/jobs.h"
#include "engine/library.h"
#include "engine/line_import.h"
#include "engine/sources.h"

namespace ocellus::api::adb {

struct FrontOptions {
  // More paths of calls: name of the call (names.h) to full path, for a deployment that knows the
  // paths that are not documented publicly.
  std::map<std::string, std::string> paths;
  // Pictures in one answer, before base64. More is refused, with the advice to ask for fewer.
  std::size_t max_answer_picture_bytes = std::size_t{256} << 20;
  engine::LineImportOptions import;
};

// Thread-safe. What it is given is borrowed and outlives it; it outlives the router's use and the
// jobs' run.
class Front {
 public:
  Front(engine::Libraries& libraries, engine::Jobs& jobs, engine::Sources& sources,
        FrontOptions options)
      : libraries_(libraries), jobs_(jobs), sources_(sources), options_(std::move(options)) {}

  // The routes, and the front's errors for everything under its prefix. InvalidArgument: an option
  // for a call that does not exist, or a path that cannot be one of it.
  Status AddRoutes(Router& router);

  // The kind of its import jobs. Before Jobs::Start().
  void RegisterJobs();

 private:
  // Of a batch: what its lines do where they do not say, and whether its maker may have URLs
  // opened.
  struct LineOptions {
    bool save_image = true;
    bool may_fetch = true;
  };

  Response CreateLibrary(const Request& request);
  Response ListLibraries(const Request& request);
  Response DeleteLibrary(const Request& request);
  Response AddImage(const Request& request);
  Response DeleteImage(const Request& request);
  Response CreateTask(const Request& request);
  Response TaskResults(const Request& request, const PathParameters& parameters);
  Response SearchByImage(const Request& request);
  Response SearchByText(const Request& request);

  Response Search(const engine::LibrarySearch& search, const SearchBody& body,
                  const std::string& query_name);
  engine::LineResult ImportLine(const std::string& library, const LineOptions& options,
                                std::string_view line);
  std::size_t MaxPictureBytes() const;

  engine::Libraries& libraries_;
  engine::Jobs& jobs_;
  engine::Sources& sources_;
  const FrontOptions options_;
};

}  // namespace ocellus::api::adb
