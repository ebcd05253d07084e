// Pages of a list, as OpenAI's calls have them: ?limit=&after=&order=.

#pragma once

#include <cstddef>
#include <string>

#include "api/request.h"
#include "base/result.h"
#include "base/value.h"

namespace ocellus::api::responses {

// {"object": "list", "data": [...], "first_id", "last_id", "has_more"} of items that are in the
// order of creation and have an "id". InvalidArgument: a limit or order that is none, or `after`
// names nothing here.
Result<Value> PageOf(const Request& request, Value::List items, std::size_t default_limit,
                     std::size_t max_limit);

}  // namespace ocellus::api::responses
