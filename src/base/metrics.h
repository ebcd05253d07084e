// Counters, gauges and histograms, exposed in the Prometheus text format.
//
// Thread-safe. The objects returned live as long as the registry.

#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

namespace ocellus {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double count = 1) = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double seconds) = 0;
};

class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();

  // The same name and labels give the same object. Names follow Prometheus' convention:
  // ocellus_<what>_<unit>[_total].
  Counter& GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // Buckets from 100 microseconds to 10 seconds, three a decade.
  Histogram& GetHistogram(const std::string& name, const std::string& help,
                          const Labels& labels = {});

  // The exposition text, format version 0.0.4.
  std::string Expose() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Observes the time from its construction to its end.
class StageTimer {
 public:
  explicit StageTimer(Histogram& histogram)
      : histogram_(histogram), start_(std::chrono::steady_clock::now()) {}
  ~StageTimer() {
    histogram_.Observe(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  Histogram& histogram_;
  const std::chrono::steady_clock::time_point start_;
};

}  // namespace ocellus
