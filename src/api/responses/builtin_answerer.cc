#include "api/responses/builtin_answerer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/value.h"

namespace ocellus::api::responses {
namespace {

constexpr std::size_t kNamed = 5;  // results that the message names; the call's output has them all
constexpr std::size_t kMaxQuery = 8192;  // bytes; far beyond what any text tower reads

// One search that was made.
struct Searched {
  std::string what;  // "the picture", "picture 2", "“red shoe”"
  std::vector<Found> found;
};

std::string Similarity(double score) {
  std::array<char, 16> text = {};
  std::snprintf(text.data(), text.size(), "%.2f", score);
  return text.data();
}

std::string Headline(const Searched& searched) {
  if (searched.found.empty()) return "Nothing in the libraries is like " + searched.what + ".\n";
  std::set<std::string> libraries;
  for (const Found& found : searched.found) libraries.insert(found.library);
  const std::size_t count = searched.found.size();
  std::string line = count == 1 ? "The nearest picture to "
                                : "The " + std::to_string(count) + " nearest pictures to ";
  line += searched.what + ", from the ";
  line += libraries.size() == 1 ? "library " + *libraries.begin()
                                : std::to_string(libraries.size()) + " libraries";
  return line + (count > kNamed ? "; the first " + std::to_string(kNamed) : std::string()) + ":\n";
}

std::string Line(const Found& found, std::size_t number, bool with_library) {
  return std::to_string(number) + ". " + found.title + " (similarity " + Similarity(found.score) +
         (with_library ? ", library " + found.library : std::string()) + ")\n";
}

std::vector<std::string> LinesOf(const std::vector<Searched>& searches) {
  std::vector<std::string> lines;
  for (const Searched& searched : searches) {
    if (!lines.empty()) lines.emplace_back("\n");
    lines.push_back(Headline(searched));
    const bool mixed = std::any_of(
        searched.found.begin(), searched.found.end(),
        [&](const Found& found) { return found.library != searched.found.front().library; });
    for (std::size_t i = 0; i < std::min(kNamed, searched.found.size()); ++i) {
      lines.push_back(Line(searched.found[i], i + 1, mixed));
    }
  }
  return lines;
}

const char* WhyNothing(const Session& session) {
  if (session.body().choice == ToolChoice::kNone) {
    return "No search was made, as tool_choice is \"none\". This server has no language model "
           "configured, so searching pictures is all it does.";
  }
  if (session.Allowed(kImageSearch) != nullptr) {
    return "There is no picture in the input to search with. This server has no language model "
           "configured: it finds pictures that are like a picture you send.";
  }
  if (session.Allowed(kWebSearchImage) != nullptr) {
    return "There are no words in the input to search with. This server has no language model "
           "configured: it finds pictures that fit the words you send.";
  }
  return "This server has no language model configured: it searches pictures only. Declare the "
         "tool image_search and send a picture, or the tool web_search_image and send words.";
}

// The failure of a search, in the request's terms.
OpenAiFailure FailureOfSearch(const Status& status, bool picture) {
  if (status.code() == Code::kInvalidArgument) {
    return {picture ? ErrorId::kInvalidImage : ErrorId::kInvalidParameter,
            "input: " + status.message(), picture ? "invalid_image" : "invalid_prompt", "input"};
  }
  if (status.code() == Code::kNotFound) return {ErrorId::kLibraryNotFound, status.message()};
  return FailureOf(status);
}

}  // namespace

Answered BuiltinAnswerer::Answer(Session& session, Draft& draft, const Caller& caller) {
  Answered answered;
  const auto tokens = [this](std::string_view text) {
    return static_cast<std::int64_t>(search_.libraries().engine().CountTokens(text));
  };
  answered.usage.input_tokens = tokens(session.body().instructions);
  for (const Message& message : session.messages()) {
    for (const Part& part : message.parts) answered.usage.input_tokens += tokens(part.text);
  }

  std::vector<Searched> searches;
  const auto add = [&](std::string_view tool, const Value& arguments, std::string what,
                       const auto& search) {
    draft.BeginCall(tool, WriteJson(arguments));
    Result<std::vector<Found>> found = search();
    if (!found.ok()) {
      answered.failure = FailureOfSearch(found.status(), tool == kImageSearch);
      return false;
    }
    const std::string output = OutputOf(*found);
    draft.EndCall(output);
    answered.usage.input_tokens += tokens(output);
    searches.push_back({std::move(what), *std::move(found)});
    return !caller.gone();
  };

  const Tool* by_picture = session.Allowed(kImageSearch);
  const Tool* by_words = session.Allowed(kWebSearchImage);
  const std::string words = session.LastWords();
  // The request's own pictures; without any, those before it that no words replace.
  std::size_t first = session.first_new_picture();
  const bool none_new = first == session.picture_count();
  if (none_new && (by_words == nullptr || words.empty()) && first > 0) --first;
  if (by_picture != nullptr && first < session.picture_count()) {
    const bool several = session.picture_count() - first > 1;
    for (std::size_t i = first; i < session.picture_count(); ++i) {
      if ((answered.failure = session.Load(i))) return answered;
      const Value arguments(Value::Map{{"img_idx", static_cast<std::int64_t>(i)},
                                       {"bbox", Value::List{0, 0, 1000, 1000}}});
      const bool go_on = add(
          kImageSearch, arguments,
          several ? "picture " + std::to_string(i - first + 1) : std::string("your picture"), [&] {
            return search_.ByPicture(session.searcher(), *by_picture,
                                     {AsBytes(session.Bytes(i)), {}});
          });
      if (!go_on) return answered;
    }
  } else if (by_words != nullptr && !words.empty()) {
    std::string query = words.substr(0, kMaxQuery);
    while (query.size() < words.size() && !query.empty() &&
           (static_cast<unsigned char>(words[query.size()]) & 0xC0) == 0x80) {
      query.pop_back();
    }
    const Value arguments(Value::Map{{"queries", Value::List{query}}});
    const bool go_on = add(kWebSearchImage, arguments, "your words",
                           [&] { return search_.ByWords(session.searcher(), *by_words, query); });
    if (!go_on) return answered;
  }

  std::vector<std::string> lines = LinesOf(searches);
  if (lines.empty()) lines.emplace_back(WhyNothing(session));
  if (lines.back().ends_with('\n')) lines.back().pop_back();
  for (const std::string& line : lines) {
    const std::int64_t more = tokens(line);
    const auto most = session.body().max_output_tokens;
    if (most.has_value() && answered.usage.output_tokens + more > *most) {
      answered.incomplete = "max_output_tokens";
      break;
    }
    draft.Say(line);
    answered.usage.output_tokens += more;
  }
  return answered;
}

}  // namespace ocellus::api::responses
