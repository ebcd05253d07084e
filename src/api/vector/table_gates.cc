#include "api/vector/table_gates.h"

#include <functional>
#include <utility>

namespace ocellus::api::vector {

TableGates::Gate& TableGates::GateOf(const std::string& table) {
  return gates_[std::hash<std::string>()(table) % gates_.size()];
}

Result<TableGates::Hold> TableGates::Share(const std::string& table,
                                           std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  Gate& gate = GateOf(table);
  MutexLock lock(gate.mutex);
  while (gate.alone || gate.waiting > 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return Status(Code::kUnavailable,
                    "the table " + table + " is being changed; try again in a moment");
    }
    gate.changed.WaitUntil(gate.mutex, deadline);
  }
  ++gate.sharing;
  return Hold(&gate, false);
}

Result<TableGates::Hold> TableGates::Alone(const std::string& table,
                                           std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  Gate& gate = GateOf(table);
  MutexLock lock(gate.mutex);
  ++gate.waiting;
  while (gate.alone || gate.sharing > 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      --gate.waiting;
      gate.changed.NotifyAll();
      return Status(Code::kUnavailable, "calls that use the table " + table +
                                            " have not ended yet; try again in a moment");
    }
    gate.changed.WaitUntil(gate.mutex, deadline);
  }
  --gate.waiting;
  gate.alone = true;
  return Hold(&gate, true);
}

TableGates::Hold& TableGates::Hold::operator=(Hold&& other) noexcept {
  std::swap(gate_, other.gate_);
  std::swap(alone_, other.alone_);
  return *this;
}

void TableGates::Hold::Release() {
  if (gate_ == nullptr) return;
  MutexLock lock(gate_->mutex);
  if (alone_) {
    gate_->alone = false;
  } else {
    --gate_->sharing;
  }
  gate_->changed.NotifyAll();
}

}  // namespace ocellus::api::vector
