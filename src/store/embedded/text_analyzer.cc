#include "store/embedded/text_analyzer.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "index/bitmap.h"

namespace ocellus::store::embedded {
namespace {

constexpr double kK1 = 1.2;
constexpr double kB = 0.75;

// Scripts that put no spaces between words. Every character is a token, and so is every two that
// stand side by side, at the place of the first.
struct Range {
  std::uint32_t first;
  std::uint32_t last;
};
constexpr std::array<Range, 14> kUnspaced = {{
    {0x1100, 0x11FF},    // hangul jamo
    {0x3005, 0x3007},    // iteration mark, zero
    {0x3041, 0x309F},    // hiragana
    {0x30A1, 0x30FA},    // katakana
    {0x30FC, 0x312F},    // and its long vowel mark; bopomofo
    {0x3130, 0x318F},    // hangul compatibility jamo
    {0x31F0, 0x31FF},    // katakana extensions
    {0x3400, 0x4DBF},    // han extension A
    {0x4E00, 0x9FFF},    // han
    {0xAC00, 0xD7AF},    // hangul syllables
    {0xF900, 0xFAFF},    // han compatibility
    {0xFF66, 0xFF9F},    // half-width katakana
    {0x1B000, 0x1B16F},  // historic kana
    {0x20000, 0x3FFFF},  // han extensions B and later
}};

bool IsUnspaced(std::uint32_t character) {
  return std::any_of(kUnspaced.begin(), kUnspaced.end(), [character](const Range& range) {
    return character >= range.first && character <= range.last;
  });
}

// The character at the start of `text` and its length in bytes; a byte that is not UTF-8 stands
// for itself. REQUIRES: !text.empty()
std::pair<std::uint32_t, std::size_t> FirstCharacter(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const std::uint32_t lead = byte(0);
  const std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (length == 1 || length > text.size()) return {lead, 1};
  std::uint32_t character = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) character = (character << 6) | (byte(i) & 0x3FU);
  return {character, length};
}

// The end of the run of characters that starts at `begin` and are of one kind.
std::size_t EndOfRun(std::string_view text, std::size_t begin, bool unspaced) {
  std::size_t at = begin;
  while (at < text.size()) {
    const auto [character, length] = FirstCharacter(text.substr(at));
    if (IsUnspaced(character) != unspaced) break;
    at += length;
  }
  return at;
}

// SQLite's own tokenizer does the spaced scripts: its tables (Unicode 6.1) never change.
struct Words {
  fts5_tokenizer methods = {};
  void* user = nullptr;
};

using TokenFunction = int (*)(void*, int, const char*, int, int, int);

// One tokenizer of one full-text table.
class Analyzer {
 public:
  static int Create(void* registered, const char** arguments, int count, Fts5Tokenizer** out) {
    if (count != 0 || arguments == nullptr) return SQLITE_ERROR;
    const auto* words = static_cast<const Words*>(registered);
    const char* options[] = {"remove_diacritics", "2"};
    Fts5Tokenizer* inner = nullptr;
    const int code = words->methods.xCreate(words->user, options, 2, &inner);
    if (code != SQLITE_OK) return code;
    auto* analyzer = new (std::nothrow) Analyzer(*words, inner);
    if (analyzer == nullptr) {
      words->methods.xDelete(inner);
      return SQLITE_NOMEM;
    }
    *out = reinterpret_cast<Fts5Tokenizer*>(analyzer);
    return SQLITE_OK;
  }

  static void Delete(Fts5Tokenizer* self) { delete reinterpret_cast<Analyzer*>(self); }

  static int Tokenize(Fts5Tokenizer* self, void* context, int flags, const char* text, int bytes,
                      TokenFunction token) {
    if (text == nullptr || bytes <= 0) return SQLITE_OK;
    return reinterpret_cast<Analyzer*>(self)->Run({context, token},
                                                  (flags & FTS5_TOKENIZE_QUERY) != 0,
                                                  {text, static_cast<std::size_t>(bytes)});
  }

  Analyzer(const Words& words, Fts5Tokenizer* inner) : words_(words), inner_(inner) {}
  Analyzer(const Analyzer&) = delete;
  Analyzer& operator=(const Analyzer&) = delete;
  ~Analyzer() { words_.methods.xDelete(inner_); }

  // Where tokens go.
  struct Sink {
    void* context;
    TokenFunction token;
  };

  // In a query, two side by side stand for both; the last character of a run is a token of its own
  // only when something follows it, so that a phrase goes on at the right place.
  int Run(const Sink& sink, bool query, std::string_view text) const {
    Pass pass = {sink, text, {}, 0};
    for (std::size_t at = 0; at < text.size();) {
      const bool unspaced = IsUnspaced(FirstCharacter(text.substr(at)).first);
      const std::size_t end = EndOfRun(text, at, unspaced);
      const int code = unspaced ? query ? QueryRun(pass, at, end) : RowRun(pass, at, end)
                                : SpacedRun(pass, at, end);
      if (code != SQLITE_OK) return code;
      at = end;
    }
    return SQLITE_OK;
  }

 private:
  // One text on its way.
  struct Pass {
    Sink sink;
    std::string_view text;
    std::string_view held_back;  // the last character of a query's run
    std::size_t run;             // where the run for `inner_` begins

    int Emit(int flags, std::size_t begin, std::size_t end) const {
      return sink.token(sink.context, flags, text.data() + begin, static_cast<int>(end - begin),
                        static_cast<int>(begin), static_cast<int>(end));
    }
    int EmitHeldBack() {
      if (held_back.empty()) return SQLITE_OK;
      const auto begin = static_cast<std::size_t>(held_back.data() - text.data());
      const std::size_t end = begin + held_back.size();
      held_back = {};
      return Emit(0, begin, end);
    }
  };

  int SpacedRun(Pass& pass, std::size_t begin, std::size_t end) const {
    pass.run = begin;
    return words_.methods.xTokenize(
        inner_, &pass, FTS5_TOKENIZE_DOCUMENT, pass.text.data() + begin,
        static_cast<int>(end - begin),
        [](void* context, int flags, const char* token, int bytes, int token_begin, int token_end) {
          auto* to = static_cast<Pass*>(context);
          const int code = to->EmitHeldBack();
          if (code != SQLITE_OK) return code;
          const int shift = static_cast<int>(to->run);
          return to->sink.token(to->sink.context, flags, token, bytes, token_begin + shift,
                                token_end + shift);
        });
  }

  static int RowRun(Pass& pass, std::size_t begin, std::size_t end) {
    for (std::size_t at = begin; at < end;) {
      const std::size_t next = at + FirstCharacter(pass.text.substr(at)).second;
      int code = pass.Emit(0, at, next);
      if (code == SQLITE_OK && next < end) {
        const std::size_t second = next + FirstCharacter(pass.text.substr(next)).second;
        code = pass.Emit(FTS5_TOKEN_COLOCATED, at, second);
      }
      if (code != SQLITE_OK) return code;
      at = next;
    }
    return SQLITE_OK;
  }

  static int QueryRun(Pass& pass, std::size_t begin, std::size_t end) {
    int code = pass.EmitHeldBack();
    if (code != SQLITE_OK) return code;
    std::size_t at = begin;
    std::size_t next = at + FirstCharacter(pass.text.substr(at)).second;
    if (next == end) return pass.Emit(0, at, end);
    while (next < end) {
      const std::size_t second = next + FirstCharacter(pass.text.substr(next)).second;
      code = pass.Emit(0, at, second);
      if (code != SQLITE_OK) return code;
      at = next;
      next = second;
    }
    pass.held_back = pass.text.substr(at, end - at);
    return SQLITE_OK;
  }

  const Words words_;
  Fts5Tokenizer* const inner_;
};

// What Bm25() works out once per query. Allocated by SQLite, as it frees it.
struct Bm25Query {
  double mean_tokens;
  int phrases;
  // Followed by `phrases` doubles: the idf of each, and as many for counting.
  double* idf() { return reinterpret_cast<double*>(this + 1); }
  double* counts() { return idf() + phrases; }
};

int MakeBm25Query(const Fts5ExtensionApi* api, Fts5Context* context, Bm25Query** out) {
  const int phrases = api->xPhraseCount(context);
  const std::size_t bytes =
      sizeof(Bm25Query) + 2 * sizeof(double) * static_cast<std::size_t>(phrases);
  auto* query = static_cast<Bm25Query*>(sqlite3_malloc64(bytes));
  if (query == nullptr) return SQLITE_NOMEM;
  query->phrases = phrases;
  sqlite3_int64 rows = 0;
  sqlite3_int64 tokens = 0;
  int code = api->xRowCount(context, &rows);
  if (code == SQLITE_OK) code = api->xColumnTotalSize(context, -1, &tokens);
  query->mean_tokens =
      std::max(1.0, static_cast<double>(tokens)) / std::max(1.0, static_cast<double>(rows));
  for (int i = 0; code == SQLITE_OK && i < phrases; ++i) {
    sqlite3_int64 hits = 0;
    code = api->xQueryPhrase(context, i, &hits,
                             [](const Fts5ExtensionApi*, Fts5Context*, void* count) {
                               ++*static_cast<sqlite3_int64*>(count);
                               return SQLITE_OK;
                             });
    const auto n = static_cast<double>(hits);
    query->idf()[i] = std::log1p((std::max(0.0, static_cast<double>(rows) - n) + 0.5) / (n + 0.5));
  }
  if (code == SQLITE_OK) code = api->xSetAuxdata(context, query, sqlite3_free);
  if (code != SQLITE_OK) {
    sqlite3_free(query);
    return code;
  }
  *out = query;
  return SQLITE_OK;
}

void Bm25(const Fts5ExtensionApi* api, Fts5Context* context, sqlite3_context* result, int,
          sqlite3_value**) {
  auto* query = static_cast<Bm25Query*>(api->xGetAuxdata(context, 0));
  int code = query != nullptr ? SQLITE_OK : MakeBm25Query(api, context, &query);
  int instances = 0;
  int tokens = 0;
  if (code == SQLITE_OK) code = api->xInstCount(context, &instances);
  if (code == SQLITE_OK) code = api->xColumnSize(context, -1, &tokens);
  if (code == SQLITE_OK) std::fill_n(query->counts(), query->phrases, 0.0);
  for (int i = 0; code == SQLITE_OK && i < instances; ++i) {
    int phrase = 0;
    int column = 0;
    int offset = 0;
    code = api->xInst(context, i, &phrase, &column, &offset);
    if (code == SQLITE_OK) ++query->counts()[phrase];
  }
  if (code != SQLITE_OK) {
    sqlite3_result_error_code(result, code);
    return;
  }
  const double length = kK1 * (1 - kB + kB * tokens / query->mean_tokens);
  double score = 0;
  for (int i = 0; i < query->phrases; ++i) {
    const double count = query->counts()[i];
    score += query->idf()[i] * count * (kK1 + 1) / (count + length);
  }
  sqlite3_result_double(result, score);
}

void Allowed(sqlite3_context* result, int, sqlite3_value** arguments) {
  const auto* bitmap =
      static_cast<const index::Bitmap*>(sqlite3_value_pointer(arguments[0], kBitmapPointer));
  const sqlite3_int64 slot = sqlite3_value_int64(arguments[1]);
  const bool allowed = bitmap != nullptr && slot >= 0 && slot < bitmap->size() &&
                       bitmap->Test(static_cast<std::uint32_t>(slot));
  sqlite3_result_int(result, allowed ? 1 : 0);
}

Status Failure(sqlite3* connection, const char* what) {
  return {Code::kInternal, std::string(what) + ": " + sqlite3_errmsg(connection)};
}

// Null: this SQLite has no FTS5.
fts5_api* Fts5Of(sqlite3* connection) {
  fts5_api* api = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(connection, "SELECT fts5(?1)", -1, &statement, nullptr) == SQLITE_OK) {
    sqlite3_bind_pointer(statement, 1, static_cast<void*>(&api), "fts5_api_ptr", nullptr);
    sqlite3_step(statement);
  }
  sqlite3_finalize(statement);
  return api;
}

}  // namespace

Status RegisterTextSearch(sqlite3* connection) {
  fts5_api* api = Fts5Of(connection);
  if (api == nullptr || api->iVersion < 2) return Failure(connection, "SQLite has no FTS5");
  auto words = std::make_unique<Words>();
  if (api->xFindTokenizer(api, "unicode61", &words->user, &words->methods) != SQLITE_OK) {
    return Failure(connection, "FTS5 has no tokenizer for words");
  }
  fts5_tokenizer methods = {Analyzer::Create, Analyzer::Delete, Analyzer::Tokenize};
  const auto drop = [](void* registered) { delete static_cast<Words*>(registered); };
  if (api->xCreateTokenizer(api, kTokenizer, words.get(), &methods, drop) != SQLITE_OK) {
    return Failure(connection, "register the tokenizer");
  }
  [[maybe_unused]] const Words* const owned_by_sqlite = words.release();
  if (api->xCreateFunction(api, kBm25Function, nullptr, Bm25, nullptr) != SQLITE_OK) {
    return Failure(connection, "register the scoring function");
  }
  const int code = sqlite3_create_function_v2(
      connection, kAllowedFunction, 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
      nullptr, Allowed, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : Failure(connection, "register the filter function");
}

Result<std::vector<std::string_view>> WordsOf(sqlite3* connection, std::string_view text) {
  fts5_api* api = Fts5Of(connection);
  void* registered = nullptr;
  fts5_tokenizer methods = {};
  Fts5Tokenizer* tokenizer = nullptr;
  const char* none[] = {nullptr};
  if (api == nullptr || api->xFindTokenizer(api, kTokenizer, &registered, &methods) != SQLITE_OK ||
      methods.xCreate(registered, none, 0, &tokenizer) != SQLITE_OK) {
    return Failure(connection, "the tokenizer is not there");
  }
  struct Found {
    std::string_view text;
    std::vector<std::string_view> words;
    std::size_t end = 0;  // of the last word
  } found = {text, {}, 0};
  const int code = methods.xTokenize(
      tokenizer, &found, FTS5_TOKENIZE_DOCUMENT, text.data(), static_cast<int>(text.size()),
      [](void* context, int flags, const char*, int, int begin_offset, int end_offset) {
        auto* to = static_cast<Found*>(context);
        if ((flags & FTS5_TOKEN_COLOCATED) != 0) return SQLITE_OK;
        const auto begin = static_cast<std::size_t>(begin_offset);
        const auto end = static_cast<std::size_t>(end_offset);
        const bool unspaced = IsUnspaced(FirstCharacter(to->text.substr(begin)).first);
        if (unspaced && begin == to->end && !to->words.empty() &&
            IsUnspaced(FirstCharacter(to->words.back()).first)) {
          std::string_view& word = to->words.back();
          word = {word.data(), word.size() + (end - begin)};  // the run goes on
        } else {
          to->words.push_back(to->text.substr(begin, end - begin));
        }
        to->end = end;
        return SQLITE_OK;
      });
  methods.xDelete(tokenizer);
  if (code != SQLITE_OK) return Status(Code::kInternal, "a text cannot be split into words");
  return std::move(found.words);
}

}  // namespace ocellus::store::embedded
