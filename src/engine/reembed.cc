#include "engine/reembed.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <unordered_set>
#include <utility>

namespace ocellus::engine {
namespace {

// Rows compared at a time, and pictures held in memory at a time.
constexpr std::uint64_t kPageRows = 500;
constexpr std::size_t kPicturesAtOnce = 16;
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

std::string TextCell(const store::Row& row, std::size_t at) {
  const auto* value = std::get_if<Value>(&row.cells[at]);
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
}

std::string NameOf(const store::Key& key) {
  return WriteJson(Value(Value::List(key.begin(), key.end())));
}

}  // namespace

// One run of a job.
class Reembedding::Copy {
 public:
  Copy(Reembedding& owner, JobRun& run, embed::Embedder& embedder,
       std::shared_ptr<store::Table> from, std::shared_ptr<store::Table> to)
      : owner_(owner),
        run_(run),
        embedder_(embedder),
        from_(std::move(from)),
        to_(std::move(to)),
        schema_(from_->schema()),
        image_at_(schema_.IndexOf(kLibraryImageColumn)),
        vector_at_(schema_.IndexOf(kLibraryVectorColumn)),
        digest_at_(schema_.IndexOf(kLibraryDigestColumn)),
        watch_(owner.engine_.gates_, schema_.name) {
    for (const store::Column& column : schema_.columns) {
      if (column.type == store::ColumnType::kVector) continue;
      all_.push_back(column.name);
      if (column.type != store::ColumnType::kBlob) cheap_.push_back(column.name);
    }
    const Value* done = run.checkpoint().Find(kRowsField);
    if (done != nullptr && done->as_int() != nullptr) {
      counted_ = static_cast<std::uint64_t>(std::max<std::int64_t>(0, *done->as_int()));
    }
  }

  // Everything, then what changed meanwhile, then the change of tables.
  Status Run(bool leave_behind) {
    OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t rows, from_->Count({}));
    run_.SetTotal(rows);
    OCELLUS_RETURN_IF_ERROR(CopyRows());
    OCELLUS_RETURN_IF_ERROR(RemoveOthers());
    for (int round = 0; round < kCatchUpRounds; ++round) {
      const std::vector<store::Key> changed = watch_.TakeChanges();
      OCELLUS_RETURN_IF_ERROR(FollowChanges(changed));
      if (changed.size() <= kFewChanges) break;
    }
    if (!left_.empty() && !leave_behind) return Left();
    const TableGates::Closed closed(owner_.engine_.gates_, schema_.name);
    OCELLUS_RETURN_IF_ERROR(FollowChanges(watch_.TakeChanges()));
    if (!left_.empty() && !leave_behind) return Left();
    return owner_.store_.ReplaceTable(schema_.name, to_->schema().name);
  }

  bool has_left() const { return !left_.empty(); }

 private:
  struct Page {
    std::vector<store::Row> rows;
    std::uint64_t offset = 0;  // of the first one
  };

  Status Left() const {
    return {Code::kFailedPrecondition,
            std::to_string(left_.size()) + " pictures of library " + schema_.name +
                " cannot follow, so it keeps its bundle; see the errors. All others are ready: "
                "the same call with leave_behind changes over at once"};
  }

  Status CheckStop() {
    if (run_.stopping()) return {Code::kCancelled, "stopping"};
    if (owner_.IsCancelled(schema_.name)) {
      return {Code::kFailedPrecondition, "ended by the user: the library keeps its bundle"};
    }
    return {};
  }

  // The next rows. A row that was deleted or replaced since the last page has moved those behind
  // it one forward, so as many are read again; those that are there already are passed over.
  Result<bool> NextPage(Page& page, std::uint64_t& changes) {
    const TableGates::Closed closed(owner_.engine_.gates_, schema_.name);
    const std::uint64_t moved = closed.changes() - changes;
    changes = closed.changes();
    const std::uint64_t next = page.offset + page.rows.size();
    page.offset = next > moved ? next - moved : 0;
    store::ScanRequest scan;
    scan.columns = cheap_;
    scan.offset = page.offset;
    scan.limit = kPageRows;
    OCELLUS_ASSIGN_OR_RETURN(page.rows, from_->Scan(scan));
    return !page.rows.empty();
  }

  Status CopyRows() {
    Page page;
    std::uint64_t changes = 0;
    for (;;) {
      OCELLUS_ASSIGN_OR_RETURN(const bool more, NextPage(page, changes));
      if (!more) return {};
      for (std::size_t at = 0; at < page.rows.size(); at += kPicturesAtOnce) {
        OCELLUS_RETURN_IF_ERROR(CheckStop());
        const std::size_t count = std::min(kPicturesAtOnce, page.rows.size() - at);
        OCELLUS_RETURN_IF_ERROR(
            CopySome(std::span(page.rows).subspan(at, count), page.offset + at));
      }
    }
  }

  // Rows that are in the copy and no longer in the library: deleted while nobody watched.
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

  Status FollowChanges(const std::vector<store::Key>& keys) {
    for (std::size_t at = 0; at < keys.size(); at += kPicturesAtOnce) {
      const std::span<const store::Key> some =
          std::span(keys).subspan(at, std::min(kPicturesAtOnce, keys.size() - at));
      OCELLUS_ASSIGN_OR_RETURN(const auto rows, from_->Get(some, cheap_));
      store::WriteBatch gone;
      std::vector<store::Row> changed;
      for (std::size_t i = 0; i < some.size(); ++i) {
        if (rows[i].has_value()) {
          changed.push_back(*rows[i]);
        } else {
          gone.deletes.push_back(some[i]);
          left_.erase(NameOf(some[i]));
        }
      }
      if (!gone.deletes.empty()) OCELLUS_RETURN_IF_ERROR(to_->Write(std::move(gone)));
      OCELLUS_RETURN_IF_ERROR(CopySome(changed, kNoNumber));
    }
    return {};
  }

  // Whether the copy has this row as it is now. A row that was left behind has lost its digest.
  bool IsCopied(const store::Row& row, const std::optional<store::Row>& copy, bool& left) const {
    if (!copy.has_value()) return false;
    left = TextCell(*copy, digest_at_).empty();
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      if (left && i == digest_at_) continue;
      if (row.cells[i] != copy->cells[i]) return false;
    }
    return true;
  }

  // Brings these rows into the copy. `number` is that of the first one in the library, and
  // kNoNumber for those that were counted already.
  Status CopySome(std::span<const store::Row> rows, std::uint64_t number) {
    std::vector<store::Key> keys;
    for (const store::Row& row : rows) keys.push_back(store::KeyOf(schema_, row));
    OCELLUS_ASSIGN_OR_RETURN(const auto copies, to_->Get(keys, cheap_));
    std::vector<store::Key> wanted;
    std::vector<bool> was_left(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      bool left = false;
      if (IsCopied(rows[i], copies[i], left)) {
        was_left[i] = left;
      } else {
        wanted.push_back(keys[i]);
      }
    }
    OCELLUS_ASSIGN_OR_RETURN(const auto whole, from_->Get(wanted, all_));
    std::vector<store::Row> made;
    for (const auto& row : whole) {
      if (row.has_value()) made.push_back(*row);  // else deleted meanwhile, which is remembered
    }
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> reasons, MakeVectors(made));

    std::map<std::string, std::string> left;  // name of the key to the reason
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (was_left[i]) left[NameOf(keys[i])] = "its picture was not kept: import it again";
      left_.erase(NameOf(keys[i]));
    }
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (!reasons[i].empty()) left[NameOf(store::KeyOf(schema_, made[i]))] = reasons[i];
    }
    for (const auto& [name, reason] : left) left_.insert(name);
    if (!made.empty()) OCELLUS_RETURN_IF_ERROR(to_->Write({std::move(made), {}}));
    return number == kNoNumber ? Status() : Report(rows, keys, left, number);
  }

  // Fills in the new vectors, several pictures at a time so that the embedder can batch them. Why a
  // row has none, or "".
  Result<std::vector<std::string>> MakeVectors(std::vector<store::Row>& rows) {
    std::vector<std::string> reasons(rows.size());
    std::vector<Status> failures(rows.size());
    const auto make = [&](std::size_t i) {
      const auto* blob = std::get_if<store::Blob>(&rows[i].cells[image_at_]);
      Result<store::Vector> vector =
          blob == nullptr
              ? Result<store::Vector>(
                    Status(Code::kInvalidArgument, "its picture was not kept: import it again"))
              : owner_.engine_.EmbedPicture(embedder_, AsBytes(blob->bytes));
      if (vector.ok()) {
        rows[i].cells[vector_at_] = *std::move(vector);
      } else if (vector.status().code() == Code::kInvalidArgument) {
        reasons[i] = vector.status().message();
        rows[i].cells[vector_at_] = std::monostate();
        rows[i].cells[digest_at_] = Value("");
      } else {
        failures[i] = vector.status();
      }
    };
    // Half of the cores: the others answer searches.
    const std::size_t threads = std::min<std::size_t>(
        rows.size(), std::max<std::size_t>(1, std::thread::hardware_concurrency() / 2));
    std::atomic<std::size_t> next = 0;
    {
      std::vector<std::jthread> workers;
      for (std::size_t worker = 0; worker < threads; ++worker) {
        workers.emplace_back([&] {
          for (std::size_t i = next++; i < rows.size(); i = next++) make(i);
        });
      }
    }
    for (Status& failure : failures) {
      if (!failure.ok()) return std::move(failure);
    }
    return reasons;
  }

  Status Report(std::span<const store::Row> rows, const std::vector<store::Key>& keys,
                const std::map<std::string, std::string>& left, std::uint64_t number) {
    std::uint64_t succeeded = 0;
    std::vector<JobError> errors;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (number + i < counted_) continue;
      const auto reason = left.find(NameOf(keys[i]));
      if (reason == left.end()) {
        ++succeeded;
        continue;
      }
      JobError& error = errors.emplace_back();
      error.item = number + i + 1;
      error.message = reason->second;
      for (const char* column : {kLibraryIdColumn, kLibraryUriColumn}) {
        error.subject.emplace_back(column, TextCell(rows[i], schema_.IndexOf(column)));
      }
    }
    counted_ = std::max(counted_, number + rows.size());
    return run_.Advance(succeeded, std::move(errors),
                        Value::Map{{kRowsField, static_cast<std::int64_t>(counted_)}});
  }

  static constexpr std::uint64_t kNoNumber = UINT64_MAX;

  Reembedding& owner_;
  JobRun& run_;
  embed::Embedder& embedder_;
  const std::shared_ptr<store::Table> from_;
  const std::shared_ptr<store::Table> to_;
  const store::TableSchema& schema_;
  const std::size_t image_at_;
  const std::size_t vector_at_;
  const std::size_t digest_at_;
  std::vector<std::string> all_;    // columns but the vectors
  std::vector<std::string> cheap_;  // without pictures too
  TableGates::Watch watch_;
  std::uint64_t counted_ = 0;             // rows that progress tells of
  std::unordered_set<std::string> left_;  // keys of rows that cannot follow
};

void Reembedding::Register() {
  jobs_.Register(kKind, [this](JobRun& run) { return Run(run); });
}

bool Reembedding::IsCancelled(const std::string& library) {
  MutexLock lock(mutex_);
  return cancelled_.contains(library);
}

Result<Job> Reembedding::Start(const ReembedRequest& request) {
  Libraries libraries(engine_, {});
  OCELLUS_ASSIGN_OR_RETURN(const Library library, libraries.Find(request.library));
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder, bundles_.Find(request.bundle));
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, engine_.Schema(library.name));
  const store::VectorSpec& spec = schema.Find(kLibraryVectorColumn)->vector;
  const bool has_it =
      spec.bundle == request.bundle && spec.bundle_digest == embedder->info().digest;
  // Held until the job is there, so that two callers find one.
  MutexLock lock(mutex_);
  for (const Job& job : jobs_.Unfinished(kKind)) {
    if (job.table != request.library) continue;
    if (has_it) {
      cancelled_.insert(request.library);
      return job;
    }
    if (TextOf(job.input, kBundleField) == request.bundle &&
        FlagOf(job.input, kLeaveBehindField) == request.leave_behind) {
      return job;
    }
    return Status(Code::kFailedPrecondition, "library " + request.library +
                                                 " changes to the bundle " +
                                                 TextOf(job.input, kBundleField) + " just now");
  }
  if (has_it) {
    // What a change that could not be made left behind.
    (void)store_.DropTable(ReplacementOf(request.library)).ok();
    return Status(Code::kFailedPrecondition,
                  "library " + request.library + " uses the bundle " + request.bundle + " already");
  }
  cancelled_.erase(request.library);
  return jobs_.Submit(
      kKind, request.library,
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

Result<std::vector<OutdatedLibrary>> Reembedding::Outdated() {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<TableInfo> tables, engine_.ListTables());
  const std::vector<Job> jobs = jobs_.Unfinished(kKind);
  std::vector<OutdatedLibrary> outdated;
  for (const TableInfo& table : tables) {
    const store::Column* column = table.schema.Find(kLibraryVectorColumn);
    if (column == nullptr || column->vector.source_column != kLibraryImageColumn) continue;
    const auto embedder = bundles_.Find(column->vector.bundle);
    const std::string loaded = embedder.ok() ? (*embedder)->info().digest : "";
    if (loaded == column->vector.bundle_digest) continue;
    const bool changes = std::any_of(
        jobs.begin(), jobs.end(), [&](const Job& job) { return job.table == table.schema.name; });
    if (changes) continue;
    outdated.push_back(
        {table.schema.name, column->vector.bundle, column->vector.bundle_digest, loaded});
  }
  return outdated;
}

Status Reembedding::Run(JobRun& run) {
  const std::string& library = run.table();
  const std::string place = ReplacementOf(library);
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder,
                           bundles_.Find(TextOf(run.input(), kBundleField)));
  const embed::BundleInfo& info = embedder->info();
  OCELLUS_ASSIGN_OR_RETURN(std::shared_ptr<store::Table> from, store_.OpenTable(library));
  const auto is_of_bundle = [&](const store::TableSchema& schema) {
    const store::Column* column = schema.Find(kLibraryVectorColumn);
    return column != nullptr && column->vector.bundle == info.name &&
           column->vector.bundle_digest == info.digest;
  };
  if (is_of_bundle(from->schema())) return {};  // done, but for telling so

  Result<std::shared_ptr<store::Table>> to = store_.OpenTable(place);
  if (to.ok() && !is_of_bundle((*to)->schema())) {  // of an earlier attempt with another one
    to = std::shared_ptr<store::Table>();
    OCELLUS_RETURN_IF_ERROR(store_.DropTable(place));
    to = Status(Code::kNotFound, "dropped");
  }
  if (!to.ok()) {
    store::TableSchema schema = from->schema();
    schema.name = place;
    store::Column& column = schema.columns[schema.IndexOf(kLibraryVectorColumn)];
    column.required = false;  // rows that cannot follow have none
    column.vector.bundle = info.name;
    column.vector.bundle_digest = info.digest;
    column.vector.dimension = info.dimension;
    OCELLUS_RETURN_IF_ERROR(store_.CreateTable(schema));
    to = store_.OpenTable(place);
    if (!to.ok()) return std::move(to).status();
  }
  Copy copy(*this, run, *embedder, std::move(from), *std::move(to));
  Status status = copy.Run(FlagOf(run.input(), kLeaveBehindField));
  const bool goes_on =
      status.code() == Code::kCancelled || (status.code() == Code::kUnavailable && run.stopping());
  const bool waits =
      copy.has_left() && !IsCancelled(library) && status.code() == Code::kFailedPrecondition;
  // A change that failed gives its room back.
  if (!status.ok() && !goes_on && !waits) (void)store_.DropTable(place).ok();
  return status;
}

}  // namespace ocellus::engine
