#include "api/vector/answer.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ocellus::api::vector {
namespace {

// Rows whose pictures are in memory at one time.
constexpr std::size_t kPicturesAtOnce = 16;

}  // namespace

std::vector<std::string> AnswerWriter::Columns() const {
  std::vector<std::string> columns = view_.ColumnsFor(presentation_.output);
  AddColumn(columns, presentation_.namespace_column);
  return columns;
}

Status AnswerWriter::ReadPictures(std::vector<Ranked>& rows, std::size_t start) {
  std::vector<store::Key> keys;
  const std::size_t end = std::min(rows.size(), start + kPicturesAtOnce);
  for (std::size_t i = start; i < end; ++i) keys.push_back(view_.KeyOf(rows[i].row));
  OCELLUS_ASSIGN_OR_RETURN(std::vector<std::optional<store::Row>> pictures,
                           engine_.Get(view_.name(), keys, picture_columns_));
  for (std::size_t i = start; i < end; ++i) {
    std::optional<store::Row>& picture = pictures[i - start];
    if (!picture.has_value()) continue;  // deleted in between
    for (const std::string& column : picture_columns_) {
      const std::size_t at = view_.schema().IndexOf(column);
      rows[i].row.cells[at] = std::move(picture->cells[at]);
    }
  }
  return {};
}

Outcome<std::string> AnswerWriter::Write(std::vector<Ranked> rows,
                                         std::chrono::steady_clock::time_point start,
                                         const std::string& more) {
  std::string out = R"({"totalCount":)" + std::to_string(rows.size()) + R"(,"result":[)";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!picture_columns_.empty() && i % kPicturesAtOnce == 0) {
      const Status read = ReadPictures(rows, i);
      if (!read.ok()) return OfEngine(read);
    }
    store::Row& row = rows[i].row;
    out += i == 0 ? R"({"id":)" : R"(,{"id":)";
    out += WriteJson(view_.IdOf(row));
    if (!rows[i].score.empty()) out += R"(,"score":)" + rows[i].score;
    out += R"(,"fields":)";
    view_.AppendFields(out, row, presentation_.output);
    if (!presentation_.output.vector_column.empty()) {
      out += R"(,"vector":)";
      view_.AppendVector(out, row, presentation_.output.vector_column);
    }
    if (!presentation_.namespace_column.empty()) {
      const Value space = view_.CellOf(row, {presentation_.namespace_column, {}});
      const std::string text = WriteJson(space);
      out += R"(,"namespace":)" + (space.as_string() != nullptr ? text : '"' + text + '"');
    }
    out += '}';
    row = store::Row();
    if (out.size() > max_bytes_) {
      return Failure{ErrorId::kInvalidParameter,
                     "outputFields: the answer is over the limit of " + std::to_string(max_bytes_) +
                         " bytes; ask for fewer results or fewer fields"};
    }
  }
  out += R"(],"totalTime":)" + WriteJson(MillisecondsSince(start));
  if (!more.empty()) out += "," + more;
  out += '}';
  return out;
}

double MillisecondsSince(std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  return std::round(took.count() * 1000) / 1000;
}

}  // namespace ocellus::api::vector
