// The JSON of an answer with rows. It is written as text, with vectors and pictures as they come:
// as Values they would take five times their size in memory.

#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "api/vector/outcome.h"
#include "api/vector/ranking.h"
#include "api/vector/table_view.h"
#include "engine/engine.h"

namespace ocellus::api::vector {

struct Presentation {
  Output output;
  std::string namespace_column;  // empty: none
};

// Borrows what it is given. One owner thread.
class AnswerWriter {
 public:
  AnswerWriter(engine::Engine& engine, const TableView& view, Presentation presentation,
               std::size_t max_bytes)
      : engine_(engine),
        view_(view),
        presentation_(std::move(presentation)),
        picture_columns_(view.PictureColumnsFor(presentation_.output)),
        max_bytes_(max_bytes) {}

  // What to ask of the store for the rows; pictures are left out and read when they are written.
  std::vector<std::string> Columns() const;

  // {"totalCount", "result", "totalTime"} and the members of `more`, JSON without braces.
  // kInvalidParameter: over the limit, with the advice to ask for less.
  Outcome<std::string> Write(std::vector<Ranked> rows, std::chrono::steady_clock::time_point start,
                             const std::string& more = {});

 private:
  // Reads the pictures of the rows from `start` on, as many as are held at one time.
  Status ReadPictures(std::vector<Ranked>& rows, std::size_t start);

  engine::Engine& engine_;
  const TableView& view_;
  const Presentation presentation_;
  const std::vector<std::string> picture_columns_;
  const std::size_t max_bytes_;
};

// To the microsecond.
double MillisecondsSince(std::chrono::steady_clock::time_point start);

}  // namespace ocellus::api::vector
