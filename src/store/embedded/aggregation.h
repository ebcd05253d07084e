// Groups and functions over a snapshot's columns.

#pragma once

#include <vector>

#include "base/result.h"
#include "store/aggregate.h"
#include "store/embedded/filter_columns.h"
#include "store/embedded/growing_array.h"
#include "store/embedded/snapshot.h"
#include "store/schema.h"

namespace ocellus::store::embedded {

// InvalidArgument naming what is wrong: the filter, a field, more than 16 group keys or 64
// functions, a function without its argument, an order by a column that the answer has not.
Status CheckAggregate(const TableSchema& schema, const AggregateRequest& request);

// The fields that the request reads.
std::vector<query::Field> FieldsOf(const AggregateRequest& request);

// As Table::Aggregate(), over the rows of `allowed`. Reads no row. Memory: 4 bytes a row and the
// groups. REQUIRES: CheckAggregate(...).ok(), the columns of FieldsOf() are loaded
Result<std::vector<AggregateRow>> Aggregate(const TableSchema& schema, const Snapshot& snapshot,
                                            const GrowingArray<std::uint64_t>& born,
                                            const index::Bitmap& allowed,
                                            const AggregateRequest& request);

}  // namespace ocellus::store::embedded
