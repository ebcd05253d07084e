// The tools that an assistant gets: searching the libraries that its key may read, and looking at
// what was found.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "api/access.h"
#include "api/fields.h"
#include "api/links.h"
#include "api/picture_budget.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/library.h"
#include "engine/sources.h"

namespace ocellus::api::mcp {

// For whom a tool works.
struct User {
  Principal principal;
  std::string link_base;  // PictureLinks::BaseOf
};

// Thread-safe. What it is given is borrowed and outlives it.
class Tools {
 public:
  Tools(engine::Libraries& libraries, engine::Sources& sources, FetchSlots& slots,
        const PictureLinks& links)
      : libraries_(libraries), sources_(sources), slots_(slots), links_(links) {}

  // Their descriptions, always in the same order.
  static Value::List Describe();
  static bool Has(std::string_view name);

  // Whether the call would wait for another server.
  static bool Fetches(std::string_view name, const Value& arguments);

  // The result of a call: content, structuredContent, isError. What goes wrong is told to the
  // model, so that it can ask better. REQUIRES: Has(name), arguments is a map
  Value::Map Call(const User& user, std::string_view name, Value arguments) const;

 private:
  struct Picture;  // what names one kept picture
  struct SearchArguments;

  Result<Value::Map> ListLibraries(const Principal& principal) const;
  Result<Value::Map> SearchByText(const User& user, Fields& fields) const;
  Result<Value::Map> SearchByImage(const User& user, Fields& fields) const;
  Result<Value::Map> GetImage(const Principal& principal, Fields& fields) const;

  Result<SearchArguments> ReadSearch(const Principal& principal, Fields& fields, bool text) const;
  Result<Value::Map> Search(const User& user, const SearchArguments& arguments,
                            engine::Query query) const;
  Result<engine::KeptPicture> Fetch(const Principal& principal, const Picture& picture) const;
  Result<std::string> ReadImage(const Principal& principal, Fields& fields) const;
  Result<Value> SheetOf(const std::vector<engine::FoundPicture>& found) const;
  Value ResultOf(const User& user, std::size_t index, const engine::FoundPicture& found) const;

  engine::Libraries& libraries_;
  engine::Sources& sources_;
  FetchSlots& slots_;
  const PictureLinks& links_;
};

}  // namespace ocellus::api::mcp
