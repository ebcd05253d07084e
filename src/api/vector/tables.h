// The table calls of the OpenSearch front: definitions of tables, and what the original does to
// their indexes.
//
// Thread-safe. What it is given is borrowed and outlives it.

#pragma once

#include <string>

#include "api/request.h"
#include "api/vector/definition.h"
#include "api/vector/outcome.h"
#include "api/vector/table_gates.h"
#include "base/value.h"
#include "engine/engine.h"
#include "engine/jobs.h"

namespace ocellus::api::vector {

class Tables {
 public:
  Tables(engine::Engine& engine, TableGates& gates, engine::Jobs& jobs)
      : engine_(engine), gates_(gates), jobs_(jobs) {}

  // The kind of the jobs that make vectors for rows that lack them. Before Jobs::Start().
  void RegisterJobs();

  Outcome<Value> List(const Request& request);
  Outcome<Value> Create(const Request& request);
  Outcome<Value> Get(const Request& request, const std::string& table);
  Outcome<Value> Modify(const Request& request, const std::string& table);
  Outcome<Value> Delete(const Request& request, const std::string& table);
  Outcome<Value> Stop(const Request& request, const std::string& table);
  Outcome<Value> Start(const Request& request, const std::string& table);
  Outcome<Value> Reindex(const Request& request, const std::string& table);
  Outcome<Value> Generations(const Request& request, const std::string& table);
  Outcome<Value> Generation(const Request& request, const std::string& table,
                            const std::string& generation);
  Outcome<Value> Tasks(const Request& request);

 private:
  // The schema of a table that the principal may use so.
  Outcome<store::TableSchema> SchemaFor(const Request& request, Role role,
                                        const std::string& table);
  Outcome<Value> SetStopped(const Request& request, const std::string& table, bool stopped);
  // Makes the vectors that rows lack in a column: the work of a job.
  Status Fill(engine::JobRun& run, const std::string& column);
  // Has the vectors of these columns made in the background.
  Status StartFilling(const store::TableSchema& schema, const std::vector<std::string>& columns);

  engine::Engine& engine_;
  TableGates& gates_;
  engine::Jobs& jobs_;
};

}  // namespace ocellus::api::vector
