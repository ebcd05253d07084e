#include "engine/reembed.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <thread>
#include <unordered_set>
#include <utility>

#include "engine/library_schema.h"
#include "engine/reembed_units.h"

namespace ocellus::engine {
namespace {

// Rows listed at a time, and units held in memory at a time.
constexpr std::uint64_t kPageRows = 500;
constexpr std::size_t kUnitsAtOnce = 16;
// With fewer changes than that the gate may be closed for the rest.
constexpr std::size_t kFewChanges = 32;
constexpr int kCatchUpRounds = 50;

constexpr char kBundleField[] = "bundle";
constexpr char kLeaveBehindField[] = "leave_behind";
constexpr char kRowsField[] = "rows";

std::string TextOf(const Value& value, std::string_view name) {
  const Value* field = value.Find(name);
  return field != nullptr && field->as_string() != nullptr ? *field->as_string() : std::string();
}

bool FlagOf(const Value& value, std::string_view name) {
  const Value* field = value.Find(name);
  return field != nullptr && field->as_bool() != nullptr && *field->as_bool();
}

std::string NameOf(const store::Key& key) {
  return WriteJson(Value(Value::List(key.begin(), key.end())));
}

const embed::FaceModelInfo* FaceModel(const EngineOptions& options) {
  return options.faces == nullptr ? nullptr : &options.faces->info();
}

// "library holidays", "table goods".
std::string Titled(const store::TableSchema& schema) {
  return (IsLibrary(schema) ? "library " : "table ") + schema.name;
}

template <typename Model>
void MakeBy(const Model& model, store::VectorSpec& spec) {
  spec.bundle = model.name;
  spec.bundle_digest = model.digest;
  spec.dimension = model.dimension;
}

}  // namespace

store::TableSchema Reembedding::Remade(const store::TableSchema& before,
                                       const embed::BundleInfo& bundle) const {
  store::TableSchema after = before;
  const embed::FaceModelInfo* faces = FaceModel(engine_.options());
  for (store::Column& column : after.columns) {
    store::VectorSpec& spec = column.vector;
    if (spec.bundle.empty()) continue;
    if (spec.part == store::SourcePart::kFace) {
      if (faces != nullptr) MakeBy(*faces, spec);
    } else if (IsLibrary(before)) {
      MakeBy(bundle, spec);
    } else if (const auto embedder = bundles_.Find(spec.bundle); embedder.ok()) {
      MakeBy((*embedder)->info(), spec);
    }
  }
  // Rows that cannot follow have none.
  for (const std::size_t at : RemadeColumns(before, after)) after.columns[at].required = false;
  return after;
}

// One run of a job.
class Reembedding::Copy {
 public:
  Copy(Reembedding& owner, JobRun& run, embed::Embedder& embedder,
       std::shared_ptr<store::Table> from, std::shared_ptr<store::Table> to)
      : owner_(owner),
        run_(run),
        from_(std::move(from)),
        to_(std::move(to)),
        schema_(from_->schema()),
        units_(UnitsOf(owner.engine_, embedder, schema_, to_->schema())),
        watch_(owner.engine_.gates_, schema_.name) {
    const Value* done = run.checkpoint().Find(kRowsField);
    if (done != nullptr && done->as_int() != nullptr) {
      counted_ = static_cast<std::uint64_t>(std::max<std::int64_t>(0, *done->as_int()));
    }
  }

  // Everything, then what changed meanwhile, then the change of tables.
  Status Run(bool leave_behind) {
    OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t units, from_->Count(units_->Firsts()));
    run_.SetTotal(units);
    OCELLUS_RETURN_IF_ERROR(CopyAll());
    OCELLUS_RETURN_IF_ERROR(RemoveOthers());
    for (int round = 0; round < kCatchUpRounds; ++round) {
      const std::vector<store::Key> changed = TakeChanges();
      OCELLUS_RETURN_IF_ERROR(FollowChanges(changed));
      if (changed.size() <= kFewChanges) break;
    }
    if (!left_.empty() && !leave_behind) return Left();
    const TableGates::Closed closed(owner_.engine_.gates_, schema_.name);
    OCELLUS_RETURN_IF_ERROR(FollowChanges(TakeChanges()));
    if (!left_.empty() && !leave_behind) return Left();
    if (WasAltered()) return {Code::kFailedPrecondition, Titled(schema_) + " was altered"};
    return owner_.store_.ReplaceTable(schema_.name, to_->schema().name);
  }

  bool has_left() const { return !left_.empty(); }

  // Whether another table is in its place by now.
  bool WasAltered() const {
    const auto now = owner_.store_.OpenTable(schema_.name);
    return now.ok() && *now != from_;
  }

 private:
  Status Left() const {
    return {Code::kFailedPrecondition,
            std::to_string(left_.size()) + " " + units_->name() + " of " + Titled(schema_) +
                " cannot follow, so it keeps its bundle; see the errors. All others are ready: "
                "the same call with leave_behind changes over at once"};
  }

  Status CheckStop() {
    if (run_.stopping()) return {Code::kCancelled, "stopping"};
    if (owner_.IsCancelled(schema_.name)) {
      return {Code::kFailedPrecondition,
              "ended by the user: " + Titled(schema_) + " keeps its bundle"};
    }
    return {};
  }

  // The first rows of the units that have changed, each once.
  std::vector<store::Key> TakeChanges() {
    std::map<std::string, store::Key> units;
    for (const store::Key& key : watch_.TakeChanges()) {
      store::Key first = units_->FirstOf(key);
      std::string name = NameOf(first);
      units.emplace(std::move(name), std::move(first));
    }
    std::vector<store::Key> firsts;
    for (auto& [name, first] : units) firsts.push_back(std::move(first));
    return firsts;
  }

  // Units by the keys of their first rows.
  struct Page {
    std::vector<store::Key> firsts;
    std::uint64_t offset = 0;  // of the first one
  };

  // The next ones. A row that was deleted or replaced since the last page has moved those behind
  // it one forward, so as many are read again; those that are there already are passed over.
  Result<bool> NextPage(Page& page, std::uint64_t& changes) {
    const TableGates::Closed closed(owner_.engine_.gates_, schema_.name);
    const std::uint64_t moved = closed.changes() - changes;
    changes = closed.changes();
    const std::uint64_t next = page.offset + page.firsts.size();
    page.offset = next > moved ? next - moved : 0;
    store::ScanRequest scan;
    scan.filter = units_->Firsts();
    scan.columns = schema_.primary_key;
    scan.offset = page.offset;
    scan.limit = kPageRows;
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::Row> rows, from_->Scan(scan));
    page.firsts.clear();
    for (const store::Row& row : rows) page.firsts.push_back(store::KeyOf(schema_, row));
    return !rows.empty();
  }

  Status CopyAll() {
    Page page;
    std::uint64_t changes = 0;
    for (;;) {
      OCELLUS_ASSIGN_OR_RETURN(const bool more, NextPage(page, changes));
      if (!more) return {};
      for (std::size_t at = 0; at < page.firsts.size(); at += kUnitsAtOnce) {
        OCELLUS_RETURN_IF_ERROR(CheckStop());
        const std::size_t count = std::min(kUnitsAtOnce, page.firsts.size() - at);
        OCELLUS_RETURN_IF_ERROR(
            CopySome(std::span(page.firsts).subspan(at, count), page.offset + at));
      }
    }
  }

  // Rows that are in the copy and no longer in the table: deleted while nobody watched.
  Status RemoveOthers() {
    store::ScanRequest scan;
    scan.columns = schema_.primary_key;
    scan.limit = kPageRows;
    for (;;) {
      OCELLUS_RETURN_IF_ERROR(CheckStop());
      OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::Row> rows, to_->Scan(scan));
      if (rows.empty()) return {};
      std::vector<store::Key> keys;
      for (const store::Row& row : rows) keys.push_back(store::KeyOf(schema_, row));
      OCELLUS_ASSIGN_OR_RETURN(const auto there, from_->Get(keys, schema_.primary_key));
      store::WriteBatch batch;
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if (!there[i].has_value()) batch.deletes.push_back(keys[i]);
      }
      scan.offset += rows.size() - batch.deletes.size();
      if (!batch.deletes.empty()) OCELLUS_RETURN_IF_ERROR(to_->Write(std::move(batch)));
    }
  }

  Status FollowChanges(const std::vector<store::Key>& firsts) {
    for (std::size_t at = 0; at < firsts.size(); at += kUnitsAtOnce) {
      const std::size_t count = std::min(kUnitsAtOnce, firsts.size() - at);
      OCELLUS_RETURN_IF_ERROR(CopySome(std::span(firsts).subspan(at, count), kNoNumber));
    }
    return {};
  }

  // Brings these units into the copy, as they are now. `number` is that of the first one in the
  // table, and kNoNumber for those that were counted already.
  Status CopySome(std::span<const store::Key> firsts, std::uint64_t number) {
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<ReembedUnits::Copied> copied, Compare(firsts));
    std::vector<store::Key> wanted;
    std::map<std::string, std::string> left;  // name of the key to the reason
    for (std::size_t i = 0; i < firsts.size(); ++i) {
      const std::string name = NameOf(firsts[i]);
      if (copied[i] == ReembedUnits::Copied::kNo) wanted.push_back(firsts[i]);
      if (copied[i] == ReembedUnits::Copied::kLeftBehind) left[name] = units_->why_left();
      left_.erase(name);
    }
    store::WriteBatch batch;
    OCELLUS_ASSIGN_OR_RETURN(std::vector<ReembedUnit> units, Read(wanted, batch.deletes));
    OCELLUS_RETURN_IF_ERROR(Remake(units));
    for (ReembedUnit& unit : units) {
      if (!unit.reason.empty()) {
        left[NameOf(store::KeyOf(schema_, unit.rows.front()))] = unit.reason;
      }
      std::move(unit.rows.begin(), unit.rows.end(), std::back_inserter(batch.upserts));
      std::move(unit.deletes.begin(), unit.deletes.end(), std::back_inserter(batch.deletes));
    }
    for (const auto& [name, reason] : left) left_.insert(name);
    if (!batch.upserts.empty() || !batch.deletes.empty()) {
      OCELLUS_RETURN_IF_ERROR(to_->Write(std::move(batch)));
    }
    return number == kNoNumber ? Status() : Report(firsts, left, number);
  }

  // Whether the copy has these as they are now.
  Result<std::vector<ReembedUnits::Copied>> Compare(std::span<const store::Key> firsts) {
    const std::vector<std::string> columns = units_->ComparedColumns();
    OCELLUS_ASSIGN_OR_RETURN(const auto copies, to_->Get(firsts, columns));
    std::vector<ReembedUnits::Copied> copied(firsts.size(), ReembedUnits::Copied::kNo);
    const auto has_copy = [](const auto& copy) { return copy.has_value(); };
    if (std::none_of(copies.begin(), copies.end(), has_copy)) return copied;
    OCELLUS_ASSIGN_OR_RETURN(const auto rows, from_->Get(firsts, columns));
    for (std::size_t i = 0; i < firsts.size(); ++i) {
      if (rows[i].has_value() && copies[i].has_value()) {
        copied[i] = units_->Compare(*rows[i], *copies[i]);
      }
    }
    return copied;
  }

  // Those that are still there; of the others `deletes` gets the keys.
  Result<std::vector<ReembedUnit>> Read(const std::vector<store::Key>& firsts,
                                        std::vector<store::Key>& deletes) {
    std::vector<store::Key> keys;
    std::vector<std::size_t> ends;  // of each unit's keys
    for (const store::Key& first : firsts) {
      for (store::Key& key : units_->KeysOf(first)) keys.push_back(std::move(key));
      ends.push_back(keys.size());
    }
    OCELLUS_ASSIGN_OR_RETURN(auto rows, from_->Get(keys, units_->Columns()));
    std::vector<ReembedUnit> units;
    std::size_t at = 0;
    for (const std::size_t end : ends) {
      ReembedUnit unit;
      const bool there = rows[at].has_value();
      for (; at < end; ++at) {
        if (rows[at].has_value()) {
          unit.rows.push_back(*std::move(rows[at]));
        } else {
          unit.deletes.push_back(std::move(keys[at]));
        }
      }
      if (there) {
        units.push_back(std::move(unit));
      } else {
        std::move(unit.deletes.begin(), unit.deletes.end(), std::back_inserter(deletes));
      }
    }
    return units;
  }

  // Several at a time so that the embedder can batch them.
  Status Remake(std::vector<ReembedUnit>& units) {
    std::vector<Status> failures(units.size());
    // Half of the cores: the others answer searches.
    const std::size_t threads = std::min<std::size_t>(
        units.size(), std::max<std::size_t>(1, std::thread::hardware_concurrency() / 2));
    std::atomic<std::size_t> next = 0;
    {
      std::vector<std::jthread> workers;
      for (std::size_t worker = 0; worker < threads; ++worker) {
        workers.emplace_back([&] {
          for (std::size_t i = next++; i < units.size(); i = next++) {
            failures[i] = units_->Remake(units[i]);
          }
        });
      }
    }
    for (Status& failure : failures) {
      if (!failure.ok()) return std::move(failure);
    }
    return {};
  }

  Status Report(std::span<const store::Key> firsts, const std::map<std::string, std::string>& left,
                std::uint64_t number) {
    std::uint64_t succeeded = 0;
    std::vector<JobError> errors;
    for (std::size_t i = 0; i < firsts.size(); ++i) {
      if (number + i < counted_) continue;
      const auto reason = left.find(NameOf(firsts[i]));
      if (reason == left.end()) {
        ++succeeded;
        continue;
      }
      JobError& error = errors.emplace_back();
      error.item = number + i + 1;
      error.subject = units_->Named(firsts[i]);
      error.message = reason->second;
    }
    counted_ = std::max(counted_, number + firsts.size());
    return run_.Advance(succeeded, std::move(errors),
                        Value::Map{{kRowsField, static_cast<std::int64_t>(counted_)}});
  }

  static constexpr std::uint64_t kNoNumber = UINT64_MAX;

  Reembedding& owner_;
  JobRun& run_;
  const std::shared_ptr<store::Table> from_;
  const std::shared_ptr<store::Table> to_;
  const store::TableSchema& schema_;
  const std::unique_ptr<ReembedUnits> units_;
  TableGates::Watch watch_;
  std::uint64_t counted_ = 0;             // units that progress tells of
  std::unordered_set<std::string> left_;  // keys of those that cannot follow
};

void Reembedding::Register() {
  jobs_.Register(kKind, [this](JobRun& run) { return Run(run); });
}

bool Reembedding::IsCancelled(const std::string& table) {
  MutexLock lock(mutex_);
  return cancelled_.contains(table);
}

Status Reembedding::CheckFits(const store::TableSchema& schema, const std::string& bundle) {
  if (IsLibrary(schema)) return {};
  bool makes_vectors = false;
  for (const store::Column& column : schema.columns) {
    if (column.vector.bundle == bundle) return {};
    makes_vectors = makes_vectors || !column.vector.bundle.empty();
  }
  if (!makes_vectors) return {Code::kNotFound, "no such library: " + schema.name};
  return {Code::kFailedPrecondition,
          schema.name +
              " is a table and no library: each of its vector fields has a bundle of its "
              "own. Add a field with the new bundle to its definition, which is filled "
              "from what the table keeps; then take the old one out"};
}

Result<Job> Reembedding::Start(const ReembedRequest& request) {
  const Result<store::TableSchema> found = engine_.Schema(request.table);
  if (!found.ok() && found.status().code() == Code::kNotFound) {
    return Status(Code::kNotFound, "no such library: " + request.table);
  }
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, found);
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder, bundles_.Load(request.bundle));
  OCELLUS_RETURN_IF_ERROR(CheckFits(schema, request.bundle));
  const bool has_it = RemadeColumns(schema, Remade(schema, embedder->info())).empty();
  // Held until the job is there, so that two callers find one.
  MutexLock lock(mutex_);
  for (const Job& job : jobs_.Unfinished(kKind)) {
    if (job.table != request.table) continue;
    if (has_it) {
      cancelled_.insert(request.table);
      return job;
    }
    // A table's job makes all of its columns anew that need it.
    const bool same = !IsLibrary(schema) || TextOf(job.input, kBundleField) == request.bundle;
    if (same && FlagOf(job.input, kLeaveBehindField) == request.leave_behind) return job;
    return Status(Code::kFailedPrecondition, Titled(schema) + " changes to the bundle " +
                                                 TextOf(job.input, kBundleField) + " just now");
  }
  if (has_it) {
    // What a change that could not be made left behind.
    (void)store_.DropTable(ReplacementOf(request.table)).ok();
    return Status(Code::kFailedPrecondition,
                  Titled(schema) + " uses the bundle " + request.bundle + " already");
  }
  cancelled_.erase(request.table);
  return jobs_.Submit(
      kKind, request.table,
      Value::Map{{kBundleField, request.bundle}, {kLeaveBehindField, request.leave_behind}});
}

std::vector<LoadedBundle> Reembedding::Bundles() const {
  std::vector<LoadedBundle> bundles;
  for (const embed::Embedder* embedder : bundles_.All()) {
    const embed::BundleInfo& info = embedder->info();
    bundles.push_back({info.name, info.digest, info.dimension, info.embeds_text,
                       info.picture_scores.has_value()});
  }
  return bundles;
}

Result<std::vector<OutdatedTable>> Reembedding::Outdated() {
  const embed::FaceModelInfo* faces = FaceModel(engine_.options());
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::TableSchema> tables, engine_.ListSchemas());
  const std::vector<Job> jobs = jobs_.Unfinished(kKind);
  std::vector<OutdatedTable> outdated;
  for (const store::TableSchema& schema : tables) {
    const bool changes = std::any_of(jobs.begin(), jobs.end(),
                                     [&](const Job& job) { return job.table == schema.name; });
    if (changes) continue;
    std::string bundle;  // of a library that of whole pictures, also where the faces' is outdated
    bool told = false;
    for (const store::Column& column : schema.columns) {
      const store::VectorSpec& spec = column.vector;
      const bool face = spec.part == store::SourcePart::kFace;
      if (spec.bundle.empty() || (face && faces == nullptr)) continue;
      if (!face) bundle = spec.bundle;
      const auto embedder = bundles_.Find(spec.bundle);
      std::string loaded;
      if (face) loaded = faces->digest;
      if (!face && embedder.ok()) loaded = (*embedder)->info().digest;
      if (loaded == spec.bundle_digest || (told && !loaded.empty())) continue;
      told = told || !loaded.empty();
      outdated.push_back({Titled(schema), schema.name, bundle, spec.bundle, spec.bundle_digest,
                          std::move(loaded)});
    }
  }
  return outdated;
}

Status Reembedding::Run(JobRun& run) {
  const std::string& name = run.table();
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder,
                           bundles_.Find(TextOf(run.input(), kBundleField)));
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(std::shared_ptr<store::Table> from, store_.OpenTable(name));
    store::TableSchema schema = Remade(from->schema(), embedder->info());
    schema.name = ReplacementOf(name);
    if (RemadeColumns(from->schema(), schema).empty()) {
      // Done, but for telling so; or altered, so that there is nothing to do.
      (void)store_.DropTable(schema.name).ok();
      return {};
    }
    OCELLUS_ASSIGN_OR_RETURN(std::shared_ptr<store::Table> to, OpenCopy(schema));
    Copy copy(*this, run, *embedder, std::move(from), std::move(to));
    Status status = copy.Run(FlagOf(run.input(), kLeaveBehindField));
    if (status.ok() || status.code() == Code::kCancelled) return status;
    if (status.code() == Code::kUnavailable && run.stopping()) return status;
    {
      // An alteration may be under way, which closes the table before there is another.
      const TableGates::Closed closed(engine_.gates_, name);
      // What it was, it is no more: once more with what it is.
      if (copy.WasAltered()) continue;
    }
    const bool waits =
        copy.has_left() && !IsCancelled(name) && status.code() == Code::kFailedPrecondition;
    // A change that failed gives its room back.
    if (!waits) (void)store_.DropTable(schema.name).ok();
    return status;
  }
}

Result<std::shared_ptr<store::Table>> Reembedding::OpenCopy(const store::TableSchema& schema) {
  Result<std::shared_ptr<store::Table>> there = store_.OpenTable(schema.name);
  if (!there.ok() && there.status().code() != Code::kNotFound) return there;
  if (there.ok()) {
    if (store::ToValue((*there)->schema()) == store::ToValue(schema)) return there;
    // Of an earlier attempt with another bundle, or of the table as it was.
    OCELLUS_RETURN_IF_ERROR(store_.DropTable(schema.name));
  }
  OCELLUS_RETURN_IF_ERROR(store_.CreateTable(schema));
  return store_.OpenTable(schema.name);
}

}  // namespace ocellus::engine
