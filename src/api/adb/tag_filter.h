// tag_filter: the AnalyticDB front's filter syntax (docs/api/adb.md) into the filter tree.

#pragma once

#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "query/filter.h"

namespace ocellus::api::adb {

// The filter on the entries of the map column `tags_column`. Null means every row. InvalidArgument
// starts with the place of the fault: "tag_filter[1].op: unknown operator ...". Nothing that is not
// understood is passed over.
Result<query::Filter> ParseTagFilter(const Value& filter, std::string_view tags_column);

}  // namespace ocellus::api::adb
