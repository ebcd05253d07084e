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

std::string NameOf(const store::Key& key) {
  return WriteJson(Value(Value::List(key.begin(), key.end())));
}

// The picture that a row of a library is of.
PictureKey PictureKeyOf(const store::Key& key) {
  return {*key[0].as_string(), *key[1].as_string()};
}

// The first row of each picture, once.
std::vector<store::Key> FirstsOf(const store::TableSchema& schema,
                                 const std::vector<store::Key>& keys) {
  std::map<std::string, store::Key> pictures;
  for (const store::Key& key : keys) {
    store::Key first = KeyOf(schema, PictureKeyOf(key));
    std::string name = NameOf(first);
    pictures.emplace(std::move(name), std::move(first));
  }
  std::vector<store::Key> firsts;
  for (auto& [name, first] : pictures) firsts.push_back(std::move(first));
  return firsts;
}

const embed::FaceModelInfo* FaceModel(const EngineOptions& options) {
  return options.faces == nullptr ? nullptr : &options.faces->info();
}

// Whether the library's vectors are of these models as they are loaded.
bool IsMadeBy(const store::TableSchema& schema, const embed::BundleInfo& bundle,
              const embed::FaceModelInfo* faces) {
  const store::Column* column = schema.Find(kLibraryVectorColumn);
  if (column == nullptr || column->vector.bundle != bundle.name ||
      column->vector.bundle_digest != bundle.digest) {
    return false;
  }
  const store::Column* face = schema.Find(kLibraryFaceColumn);
  return face == nullptr || faces == nullptr || face->vector.bundle_digest == faces->digest;
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
        face_at_(schema_.IndexOf(kLibraryFaceColumn)),
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
    OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t pictures, from_->Count(FirstParts(schema_)));
    run_.SetTotal(pictures);
    OCELLUS_RETURN_IF_ERROR(CopyRows());
    OCELLUS_RETURN_IF_ERROR(RemoveOthers());
    for (int round = 0; round < kCatchUpRounds; ++round) {
      const std::vector<store::Key> changed = FirstsOf(schema_, watch_.TakeChanges());
      OCELLUS_RETURN_IF_ERROR(FollowChanges(changed));
      if (changed.size() <= kFewChanges) break;
    }
    if (!left_.empty() && !leave_behind) return Left();
    const TableGates::Closed closed(owner_.engine_.gates_, schema_.name);
    OCELLUS_RETURN_IF_ERROR(FollowChanges(FirstsOf(schema_, watch_.TakeChanges())));
    if (!left_.empty() && !leave_behind) return Left();
    return owner_.store_.ReplaceTable(schema_.name, to_->schema().name);
  }

  bool has_left() const { return !left_.empty(); }

 private:
  // Rows here are the first ones of their pictures.
  struct Page {
    std::vector<store::Row> rows;
    std::uint64_t offset = 0;  // of the first one
  };

  // A picture on its way into the copy.
  struct Picture {
    std::vector<store::Row> rows;     // all of its parts
    std::vector<store::Key> deletes;  // parts that it has no more
    std::string reason;               // why it cannot follow; empty: it can
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
    scan.filter = FirstParts(schema_);
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
          for (store::Key& key : KeysOf(schema_, PictureKeyOf(some[i]), 0)) {
            gone.deletes.push_back(std::move(key));
          }
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
    left = TextIn(schema_, *copy, kLibraryDigestColumn).empty();
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
    OCELLUS_ASSIGN_OR_RETURN(std::vector<Picture> pictures, ReadPictures(wanted));
    OCELLUS_RETURN_IF_ERROR(MakeVectors(pictures));

    std::map<std::string, std::string> left;  // name of the key to the reason
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (was_left[i]) left[NameOf(keys[i])] = kNotKept;
      left_.erase(NameOf(keys[i]));
    }
    store::WriteBatch batch;
    for (Picture& picture : pictures) {
      if (!picture.reason.empty()) {
        left[NameOf(store::KeyOf(schema_, picture.rows.front()))] = picture.reason;
      }
      std::move(picture.rows.begin(), picture.rows.end(), std::back_inserter(batch.upserts));
      std::move(picture.deletes.begin(), picture.deletes.end(), std::back_inserter(batch.deletes));
    }
    for (const auto& [name, reason] : left) left_.insert(name);
    if (!batch.upserts.empty()) OCELLUS_RETURN_IF_ERROR(to_->Write(std::move(batch)));
    return number == kNoNumber ? Status() : Report(rows, keys, left, number);
  }

  // Those that are still there; deletions are remembered.
  Result<std::vector<Picture>> ReadPictures(const std::vector<store::Key>& firsts) {
    std::vector<store::Key> keys;
    std::vector<std::size_t> ends;  // of each picture's keys
    for (const store::Key& first : firsts) {
      for (store::Key& key : KeysOf(schema_, PictureKeyOf(first), 0)) {
        keys.push_back(std::move(key));
      }
      ends.push_back(keys.size());
    }
    OCELLUS_ASSIGN_OR_RETURN(auto rows, from_->Get(keys, all_));
    std::vector<Picture> pictures;
    std::size_t at = 0;
    for (const std::size_t end : ends) {
      Picture picture;
      const bool there = rows[at].has_value();
      for (; at < end; ++at) {
        if (rows[at].has_value()) {
          picture.rows.push_back(*std::move(rows[at]));
        } else {
          picture.deletes.push_back(std::move(keys[at]));
        }
      }
      if (there) pictures.push_back(std::move(picture));
    }
    return pictures;
  }

  // The new vectors of one picture: items stay where they are; faces are found again, since their
  // model may have changed too.
  Status MakeVectorsOf(Picture& picture) {
    VectorMaker& vectors = owner_.engine_.vectors();
    store::Row& first = picture.rows.front();
    const auto* blob = std::get_if<store::Blob>(&first.cells[image_at_]);
    if (blob == nullptr) return {Code::kInvalidArgument, kNotKept};
    const Bytes bytes = AsBytes(blob->bytes);
    switch (ModeOf(schema_)) {
      case LibraryMode::kWholePicture: {
        OCELLUS_ASSIGN_OR_RETURN(first.cells[vector_at_], vectors.OfPicture(embedder_, bytes));
        return {};
      }
      case LibraryMode::kMainSubject: {
        ItemsSpec spec;
        spec.max_items = picture.rows.size();
        for (const store::Row& row : picture.rows) {
          spec.boxes.push_back(RegionOf(schema_, row).value_or(PictureRegion()).box);
        }
        OCELLUS_ASSIGN_OR_RETURN(std::vector<PicturePart> parts,
                                 vectors.Items(embedder_, bytes, spec));
        for (std::size_t i = 0; i < parts.size(); ++i) {
          picture.rows[i].cells[vector_at_] = std::move(parts[i].vector);
        }
        return {};
      }
      case LibraryMode::kFaceOrWholePicture:
        break;
    }
    OCELLUS_ASSIGN_OR_RETURN(const embed::FaceRecognizer* faces,
                             vectors.FacesOf(to_->schema().columns[face_at_]));
    OCELLUS_ASSIGN_OR_RETURN(std::vector<PicturePart> parts,
                             vectors.WholeAndFaces(&embedder_, *faces, {bytes}));
    store::WriteBatch made = RowsOf(schema_, std::move(first), std::move(parts));
    picture.rows = std::move(made.upserts);
    picture.deletes = std::move(made.deletes);
    return {};
  }

  // Its rows without what cannot be made. Of its faces nothing stays: their model may be another.
  void LeaveBehind(Picture& picture, std::string reason) const {
    const PictureKey key = PictureOf(schema_, picture.rows.front());
    if (face_at_ < schema_.columns.size()) {
      picture.rows.resize(1);
      picture.deletes = KeysOf(schema_, key, 1);
    }
    for (store::Row& row : picture.rows) {
      row.cells[vector_at_] = std::monostate();
      row.cells[digest_at_] = Value("");
    }
    picture.reason = std::move(reason);
  }

  // Fills in the new vectors, several pictures at a time so that the embedder can batch them.
  Status MakeVectors(std::vector<Picture>& pictures) {
    std::vector<Status> failures(pictures.size());
    const auto make = [&](std::size_t i) {
      Status made = MakeVectorsOf(pictures[i]);
      if (made.code() == Code::kInvalidArgument) {
        LeaveBehind(pictures[i], made.message());
      } else {
        failures[i] = std::move(made);
      }
    };
    // Half of the cores: the others answer searches.
    const std::size_t threads = std::min<std::size_t>(
        pictures.size(), std::max<std::size_t>(1, std::thread::hardware_concurrency() / 2));
    std::atomic<std::size_t> next = 0;
    {
      std::vector<std::jthread> workers;
      for (std::size_t worker = 0; worker < threads; ++worker) {
        workers.emplace_back([&] {
          for (std::size_t i = next++; i < pictures.size(); i = next++) make(i);
        });
      }
    }
    for (Status& failure : failures) {
      if (!failure.ok()) return std::move(failure);
    }
    return {};
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
        error.subject.emplace_back(column, TextIn(schema_, rows[i], column));
      }
    }
    counted_ = std::max(counted_, number + rows.size());
    return run_.Advance(succeeded, std::move(errors),
                        Value::Map{{kRowsField, static_cast<std::int64_t>(counted_)}});
  }

  static constexpr std::uint64_t kNoNumber = UINT64_MAX;
  static constexpr const char* kNotKept = "its picture was not kept: import it again";

  Reembedding& owner_;
  JobRun& run_;
  embed::Embedder& embedder_;
  const std::shared_ptr<store::Table> from_;
  const std::shared_ptr<store::Table> to_;
  const store::TableSchema& schema_;
  const std::size_t image_at_;
  const std::size_t vector_at_;
  const std::size_t digest_at_;
  const std::size_t face_at_;       // the number of columns where there is none
  std::vector<std::string> all_;    // columns but the vectors
  std::vector<std::string> cheap_;  // without pictures too
  TableGates::Watch watch_;
  std::uint64_t counted_ = 0;             // pictures that progress tells of
  std::unordered_set<std::string> left_;  // keys of pictures that cannot follow
};

void Reembedding::Register() {
  jobs_.Register(kKind, [this](JobRun& run) { return Run(run); });
}

bool Reembedding::IsCancelled(const std::string& library) {
  MutexLock lock(mutex_);
  return cancelled_.contains(library);
}

Result<Library> Reembedding::FindLibrary(const std::string& name) {
  Result<Library> library = Libraries(engine_, {}).Find(name);
  if (library.ok() || library.status().code() != Code::kNotFound) return library;
  const Result<store::TableSchema> schema = engine_.Schema(name);
  const bool makes_vectors =
      schema.ok() && std::any_of(schema->columns.begin(), schema->columns.end(),
                                 [](const auto& column) { return !column.vector.bundle.empty(); });
  if (!makes_vectors) return library;
  return Status(Code::kFailedPrecondition,
                name +
                    " is a table and no library: each of its vector fields has a bundle of its "
                    "own. Add a field with the new bundle to its definition, which is filled "
                    "from what the table keeps; then take the old one out");
}

Result<Job> Reembedding::Start(const ReembedRequest& request) {
  OCELLUS_ASSIGN_OR_RETURN(const Library library, FindLibrary(request.library));
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder, bundles_.Load(request.bundle));
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, engine_.Schema(library.name));
  const bool has_it = IsMadeBy(schema, embedder->info(), FaceModel(engine_.options()));
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
    const store::TableSchema& schema = table.schema;
    if (!IsLibrary(schema)) continue;
    const store::VectorSpec& content = schema.Find(kLibraryVectorColumn)->vector;
    OutdatedLibrary found = {schema.name, content.bundle, content.bundle, content.bundle_digest,
                             ""};
    const auto embedder = bundles_.Find(content.bundle);
    if (embedder.ok()) {
      const embed::FaceModelInfo* faces = FaceModel(engine_.options());
      if (IsMadeBy(schema, (*embedder)->info(), faces)) continue;
      found.loaded_digest = (*embedder)->info().digest;
      if (found.loaded_digest == found.digest) {
        const store::VectorSpec& face = schema.Find(kLibraryFaceColumn)->vector;
        found.model = face.bundle;
        found.digest = face.bundle_digest;
        found.loaded_digest = faces->digest;
      }
    }
    const bool changes = std::any_of(jobs.begin(), jobs.end(),
                                     [&](const Job& job) { return job.table == schema.name; });
    if (changes) continue;
    outdated.push_back(std::move(found));
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
  const embed::FaceModelInfo* faces = FaceModel(engine_.options());
  const auto is_of_bundle = [&](const store::TableSchema& schema) {
    return IsMadeBy(schema, info, faces);
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
    const std::size_t face_at = schema.IndexOf(kLibraryFaceColumn);
    if (face_at < schema.columns.size() && faces != nullptr) {
      schema.columns[face_at].vector.bundle = faces->name;
      schema.columns[face_at].vector.bundle_digest = faces->digest;
      schema.columns[face_at].vector.dimension = faces->dimension;
    }
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
