// A TableStore in memory, for tests of what stands above the store: brute force, no disk.
//
// Thread-safe.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "store/table_store.h"

namespace ocellus::engine::testing {

class MemoryStore final : public store::TableStore {
 public:
  Status CreateTable(const store::TableSchema& schema) override;
  Status AlterTable(const store::TableSchema& schema) override;
  Status DropTable(const std::string& name) override;
  Status ReplaceTable(const std::string& name, const std::string& replacement) override;
  Result<std::shared_ptr<store::Table>> OpenTable(const std::string& name) override;
  Result<std::vector<store::TableSchema>> ListTables() override;

  // After so many more writes, every write to a table of the store fails with it, until it is set
  // to ok.
  void FailWrites(Status status, int after = 0);

  // Calls `then` once, in the OpenTable() that comes after so many others, when what it returns is
  // chosen: a test changes the table there, between two steps of somebody who reads it.
  void AfterOpens(int others, std::function<void()> then);

 private:
  class MemoryTable;
  struct Faults {
    Mutex mutex;
    Status write GUARDED_BY(mutex);
    int after GUARDED_BY(mutex) = 0;
  };

  Mutex mutex_;
  std::vector<std::shared_ptr<MemoryTable>> tables_ GUARDED_BY(mutex_);
  int opens_left_ GUARDED_BY(mutex_) = 0;
  std::function<void()> after_opens_ GUARDED_BY(mutex_);
  std::shared_ptr<Faults> faults_ = std::make_shared<Faults>();
};

}  // namespace ocellus::engine::testing
