// TableGates: many calls use a table, or one changes what it is. A call reads the definition of a
// table, and then rows by it: between the two the table must stay as it is.
//
// Thread-safe.

#pragma once

#include <array>
#include <chrono>
#include <string>

#include "base/mutex.h"
#include "base/result.h"

namespace ocellus::api::vector {

class TableGates {
 private:
  // Who waits to be alone goes before who comes later: a busy table can be changed too.
  struct Gate {
    Mutex mutex;
    CondVar changed;
    int sharing GUARDED_BY(mutex) = 0;
    int waiting GUARDED_BY(mutex) = 0;  // to be alone
    bool alone GUARDED_BY(mutex) = false;
  };

 public:
  // Keeps the gate while it lives. A thread that holds one asks for no other.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept : gate_(other.gate_), alone_(other.alone_) {
      other.gate_ = nullptr;
    }
    Hold& operator=(Hold&& other) noexcept;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { Release(); }

   private:
    friend class TableGates;
    Hold(Gate* gate, bool alone) : gate_(gate), alone_(alone) {}
    void Release();

    Gate* gate_ = nullptr;
    bool alone_ = false;
  };

  // Waits while somebody is alone, or waits to be; Unavailable when that takes longer than
  // `patience`, so that a large table that is changed does not take every worker of the server.
  Result<Hold> Share(const std::string& table,
                     std::chrono::milliseconds patience = std::chrono::seconds(5));
  // Waits for everybody else, and keeps those who come later waiting. Unavailable when that takes
  // longer than `patience`, which is shorter than theirs: nobody is refused for one who only waits.
  Result<Hold> Alone(const std::string& table,
                     std::chrono::milliseconds patience = std::chrono::seconds(4));

 private:
  Gate& GateOf(const std::string& table);

  std::array<Gate, 64> gates_;  // tables of one hash have one
};

}  // namespace ocellus::api::vector
