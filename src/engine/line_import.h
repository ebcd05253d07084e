// A job's work over a file of lines: read as a stream, several lines in work at once, each on its
// own.

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "engine/jobs.h"
#include "engine/sources.h"

namespace ocellus::engine {

struct LineResult {
  Status status;        // of this line; the others go on
  Value::Map subject;   // what the line is about, for its error
  Status stop_because;  // not ok: what no line can go on with, say a full disk
};

// What is done with one line. Called by several threads at once, and again for a line that was in
// work when the server stopped.
using LineHandler = std::function<LineResult(std::string_view line)>;

struct LineImportOptions {
  unsigned threads = 0;  // 0: from the cores, enough to keep decoding, embedding and disk busy
  // The line of a 20 MB picture in base64, with room.
  std::size_t max_line_bytes = std::size_t{32} << 20;
  std::size_t max_bytes_in_work = std::size_t{128} << 20;
};

// Runs `handler` over every line that is not blank and keeps the job's progress. Counts and
// checkpoints follow the order of the file. Failures: the source's, the store's, Cancelled.
Status ImportLines(JobRun& job, Sources& sources, const std::string& location,
                   const LineImportOptions& options, const LineHandler& handler);

}  // namespace ocellus::engine
