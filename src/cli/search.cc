#include "cli/search.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/base64.h"
#include "base/utf8.h"
#include "os/file_system.h"

namespace ocellus::cli {
namespace {

constexpr int kFailed = 2;
constexpr std::size_t kMaxPictureBytes = 64 << 20;
constexpr std::size_t kMaxColumnBytes = 60;

int Complain(const Status& status) {
  std::fprintf(stderr, "ocellus: %s\n", status.message().c_str());
  return kFailed;
}

void Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

// Characters of a UTF-8 text, which is near enough to the cells it takes on a terminal.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// For a terminal: without control characters, which could move its cursor, and not too long.
std::string Shown(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  if (text.size() <= kMaxColumnBytes) return text;
  return std::string(Utf8Prefix(text, kMaxColumnBytes - 3)) + "...";
}

std::string TextOf(const Value& map, std::string_view name) {
  const Value* value = map.Find(name);
  if (value == nullptr || value->is_null()) return "";
  return value->as_string() != nullptr ? *value->as_string() : WriteJson(*value);
}

std::string TagsOf(const Value& hit) {
  const Value* tags = hit.Find("tags");
  if (tags == nullptr || tags->as_map() == nullptr) return "";
  std::string out;
  for (const auto& [key, value] : *tags->as_map()) {
    out += (out.empty() ? "" : " ") + key + "=";
    if (const Value::List* list = value.as_list(); list != nullptr) {
      for (std::size_t i = 0; i < list->size(); ++i) {
        const Value& item = (*list)[i];
        out += (i == 0 ? "" : ",") +
               (item.as_string() != nullptr ? *item.as_string() : WriteJson(item));
      }
    } else {
      out += value.as_string() != nullptr ? *value.as_string() : WriteJson(value);
    }
  }
  return out;
}

std::string ScoreOf(const Value& hit) {
  const Value* score = hit.Find("score");
  if (score == nullptr || !score->is_number()) return "";
  char text[32];
  std::snprintf(text, sizeof(text), "%.4f", score->number());
  return text;
}

// Words that make an object one of the grammar and not a map of tags.
bool IsGrammar(const Value::Map& map) {
  return std::any_of(map.begin(), map.end(), [](const auto& entry) {
    return entry.first == "op" || entry.first == "field" || entry.first == "and" ||
           entry.first == "or" || entry.first == "not" || entry.first == "logic";
  });
}

Status PictureInto(const std::string& path, Value::Map& fields) {
  os::PosixFileSystem files;
  const auto bytes = os::ReadWholeFile(files, path, kMaxPictureBytes);
  if (!bytes.ok()) return bytes.status();
  fields.emplace_back("image_base64", EncodeBase64(*bytes));
  return {};
}

}  // namespace

int RunSearch(const SearchOptions& options, const std::atomic<bool>& stop) {
  Value::Map fields{
      {"library_name", options.library}, {"top_k", options.top_k}, {"return_frame", false}};
  if (!options.filter.empty()) {
    Result<Value> filter = ParseFilter(options.filter);
    if (!filter.ok()) return Complain(filter.status());
    fields.emplace_back("tag_filter", *std::move(filter));
  }
  if (options.image.empty()) {
    fields.emplace_back("text", options.text);
  } else if (const Status read = PictureInto(options.image, fields); !read.ok()) {
    return Complain(read);
  }
  ServerClient client(options.server, stop);
  const Result<Value> data =
      client.Search(options.image.empty() ? "by-text" : "by-image", std::move(fields));
  if (!data.ok()) return Complain(data.status());
  const Value* results = data->Find("results");
  if (results == nullptr || results->as_list() == nullptr) {
    return Complain({Code::kInternal, "the server's answer lacks 'results'"});
  }
  if (options.json) {
    Print(WriteJson(*results) + "\n");
    return 0;
  }
  if (results->as_list()->empty()) {
    std::fprintf(stderr, "Nothing found.\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const Value& hit : *results->as_list()) {
    rows.push_back({std::to_string(rows.size() + 1), ScoreOf(hit), Shown(TextOf(hit, "image_id")),
                    Shown(TextOf(hit, "image_uri")), Shown(TagsOf(hit))});
  }
  Print(FormatTable({"rank", "score", "image_id", "image_uri", "tags"}, rows,
                    {true, true, false, false, false}));
  return 0;
}

int RunLibraryList(const ServerOptions& server, bool json, const std::atomic<bool>& stop) {
  ServerClient client(server, stop);
  const Result<Value> data = client.ListLibraries();
  if (!data.ok()) return Complain(data.status());
  const auto libraries = LibrariesOf(*data);
  if (!libraries.ok()) return Complain(libraries.status());
  if (json) {
    Print(WriteJson(*data->Find("libraries")) + "\n");
    return 0;
  }
  if (libraries->empty()) {
    std::fprintf(stderr,
                 "No libraries yet: make one with `ocellus library create NAME`, or import "
                 "into a new one with `ocellus import NAME FOLDER`.\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const LibraryInfo& info : *libraries) {
    rows.push_back({Shown(info.name), info.mode, std::to_string(info.pictures), info.created});
  }
  Print(FormatTable({"library", "mode", "pictures", "created"}, rows, {false, false, true, false}));
  return 0;
}

int RunLibraryCreate(const ServerOptions& server, const std::string& name, const std::string& mode,
                     const std::string& description, const std::atomic<bool>& stop) {
  ServerClient client(server, stop);
  const auto created = client.CreateLibrary(name, mode, description);
  if (!created.ok()) return Complain(created.status());
  Print("Made the library '" + name + "' (" + mode + ").\n");
  return 0;
}

int RunLibraryDelete(const ServerOptions& server, const std::string& name,
                     const std::atomic<bool>& stop) {
  ServerClient client(server, stop);
  const Status deleted = client.DeleteLibrary(name);
  if (!deleted.ok()) return Complain(deleted);
  Print("Deleted the library '" + name + "' with all its pictures.\n");
  return 0;
}

Result<Value> ParseFilter(std::string_view text) {
  Result<Value> parsed = ParseJson(text);
  if (!parsed.ok()) return std::move(parsed).status().WithContext("--filter");
  const Value::Map* map = parsed->as_map();
  if (map == nullptr || IsGrammar(*map)) return parsed;
  Value::List conditions;
  for (const auto& [tag, wanted] : *map) {
    const char* op = wanted.as_list() != nullptr ? "in" : "=";
    conditions.emplace_back(Value::Map{{"field", tag}, {"op", op}, {"value", wanted}});
  }
  return Value(std::move(conditions));
}

std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows,
                        const std::vector<bool>& right) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < header.size(); ++i) {
    std::size_t width = Width(header[i]);
    for (const auto& row : rows) width = std::max(width, Width(row[i]));
    widths.push_back(width);
  }
  std::string out;
  const auto write = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - Width(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (right[i] ? space + row[i] : row[i] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  write(header);
  for (const auto& row : rows) write(row);
  return out;
}

}  // namespace ocellus::cli
