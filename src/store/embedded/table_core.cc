#include "store/embedded/table_core.h"

namespace ocellus::store::embedded {
namespace {

Histogram& Stage(MetricsRegistry& registry, const char* stage) {
  return registry.GetHistogram("ocellus_search_seconds", "Time of a stage of one search",
                               {{"stage", stage}});
}

}  // namespace

StoreMetrics::StoreMetrics(MetricsRegistry& registry)
    : write(registry.GetHistogram("ocellus_store_write_seconds",
                                  "Time of one write until it is on disk and visible")),
      filter(Stage(registry, "filter")),
      scan(Stage(registry, "scan")),
      rows(Stage(registry, "rows")),
      commits(registry.GetCounter("ocellus_store_commits_total",
                                  "Transactions committed; one may carry many writes")),
      index_rebuilds(registry.GetCounter("ocellus_store_index_rebuilds_total",
                                         "Vector indexes filled again from the rows at opening")) {}

}  // namespace ocellus::store::embedded
