#include "engine/table_gates.h"

#include <utility>

#include "base/value.h"

namespace ocellus::engine {

TableGates::Writer::Writer(TableGates& gates, const std::string& table,
                           std::vector<store::Key> keys)
    : gates_(gates), table_(table), keys_(std::move(keys)) {
  MutexLock lock(gates_.mutex_);
  while (gates_.gates_[table_].closed) gates_.changed_.Wait(gates_.mutex_);
  ++gates_.gates_[table_].writers;
}

TableGates::Writer::~Writer() {
  MutexLock lock(gates_.mutex_);
  Gate& gate = gates_.gates_[table_];
  --gate.writers;
  if (gate.watched) {
    gate.changes += keys_.size();
    for (const store::Key& key : keys_) {
      gate.changed[WriteJson(Value(Value::List(key.begin(), key.end())))] = key;
    }
  }
  gates_.changed_.NotifyAll();
  gates_.ForgetIfIdle(table_);
}

TableGates::Watch::Watch(TableGates& gates, const std::string& table)
    : gates_(gates), table_(table) {
  {
    MutexLock lock(gates_.mutex_);
    gates_.gates_[table_].watched = true;
  }
  const Closed through(gates_, table_);
}

TableGates::Watch::~Watch() {
  MutexLock lock(gates_.mutex_);
  Gate& gate = gates_.gates_[table_];
  gate.watched = false;
  gate.changes = 0;
  gate.changed.clear();
  gates_.ForgetIfIdle(table_);
}

std::vector<store::Key> TableGates::Watch::TakeChanges() {
  std::map<std::string, store::Key> taken;
  {
    MutexLock lock(gates_.mutex_);
    taken.swap(gates_.gates_[table_].changed);
  }
  std::vector<store::Key> keys;
  keys.reserve(taken.size());
  for (auto& [json, key] : taken) keys.push_back(std::move(key));
  return keys;
}

TableGates::Closed::Closed(TableGates& gates, const std::string& table)
    : gates_(gates), table_(table) {
  MutexLock lock(gates_.mutex_);
  gates_.gates_[table_].closed = true;
  while (gates_.gates_[table_].writers > 0) gates_.changed_.Wait(gates_.mutex_);
  changes_ = gates_.gates_[table_].changes;
}

TableGates::Closed::~Closed() {
  MutexLock lock(gates_.mutex_);
  gates_.gates_[table_].closed = false;
  gates_.changed_.NotifyAll();
  gates_.ForgetIfIdle(table_);
}

bool TableGates::IsWatched(const std::string& table) {
  MutexLock lock(mutex_);
  const auto gate = gates_.find(table);
  return gate != gates_.end() && gate->second.watched;
}

void TableGates::ForgetIfIdle(const std::string& table) {
  const auto gate = gates_.find(table);
  if (gate == gates_.end() || gate->second.writers > 0 || gate->second.watched ||
      gate->second.closed) {
    return;
  }
  gates_.erase(gate);
}

}  // namespace ocellus::engine
