// `ocellus search` and `ocellus library`.

#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "cli/server_client.h"

namespace ocellus::cli {

struct SearchOptions {
  ServerOptions server;
  std::string library;
  std::string text;   // one of these two
  std::string image;  // path of a file
  int top_k = 10;
  std::string filter;  // JSON; empty: none
  bool json = false;
};

// These give the exit code. Answers go to standard output, failures to standard error.
int RunSearch(const SearchOptions& options, const std::atomic<bool>& stop);
int RunLibraryList(const ServerOptions& server, bool json, const std::atomic<bool>& stop);
int RunLibraryCreate(const ServerOptions& server, const std::string& name, const std::string& mode,
                     const std::string& description, const std::atomic<bool>& stop);
int RunLibraryDelete(const ServerOptions& server, const std::string& name,
                     const std::atomic<bool>& stop);

// The tag_filter of a --filter argument: the API's own grammar, or for short an object of tags and
// wanted values, {"color":"red","size":["S","M"]}, where a list means any of them. InvalidArgument.
Result<Value> ParseFilter(std::string_view text);

// Rows under a header, columns as wide as their content; "right" columns hold numbers.
std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows,
                        const std::vector<bool>& right);

}  // namespace ocellus::cli
