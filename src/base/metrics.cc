#include "base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <vector>

#include "base/mutex.h"

namespace ocellus {
namespace {

const prometheus::Histogram::BucketBoundaries kBuckets = {
    1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10};

class CounterImpl : public Counter {
 public:
  explicit CounterImpl(prometheus::Counter& counter) : counter_(counter) {}
  void Add(double count) override { counter_.Increment(count); }

 private:
  prometheus::Counter& counter_;
};

class GaugeImpl : public Gauge {
 public:
  explicit GaugeImpl(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }

 private:
  prometheus::Gauge& gauge_;
};

class HistogramImpl : public Histogram {
 public:
  explicit HistogramImpl(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void Observe(double seconds) override { histogram_.Observe(seconds); }

 private:
  prometheus::Histogram& histogram_;
};

}  // namespace

struct MetricsRegistry::Impl {
  template <typename Wrapper, typename Interface, typename Make>
  Interface& Get(std::map<std::pair<std::string, Labels>, std::unique_ptr<Interface>>& known,
                 const std::string& name, const Labels& labels, const Make& make) {
    MutexLock lock(mutex);
    std::unique_ptr<Interface>& slot = known[{name, labels}];
    if (slot == nullptr) slot = std::make_unique<Wrapper>(make());
    return *slot;
  }

  prometheus::Registry registry;
  Mutex mutex;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Counter>> counters;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Gauge>> gauges;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Histogram>> histograms;
};

MetricsRegistry::MetricsRegistry() : impl_(std::make_unique<Impl>()) {}
MetricsRegistry::~MetricsRegistry() = default;

Counter& MetricsRegistry::GetCounter(const std::string& name, const std::string& help,
                                     const Labels& labels) {
  return impl_->Get<CounterImpl>(impl_->counters, name, labels, [&]() -> prometheus::Counter& {
    return prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry).Add(labels);
  });
}

Gauge& MetricsRegistry::GetGauge(const std::string& name, const std::string& help,
                                 const Labels& labels) {
  return impl_->Get<GaugeImpl>(impl_->gauges, name, labels, [&]() -> prometheus::Gauge& {
    return prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry).Add(labels);
  });
}

Histogram& MetricsRegistry::GetHistogram(const std::string& name, const std::string& help,
                                         const Labels& labels) {
  return impl_->Get<HistogramImpl>(impl_->histograms, name, labels,
                                   [&]() -> prometheus::Histogram& {
                                     return prometheus::BuildHistogram()
                                         .Name(name)
                                         .Help(help)
                                         .Register(impl_->registry)
                                         .Add(labels, kBuckets);
                                   });
}

std::string MetricsRegistry::Expose() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace ocellus
