// What a chat server is asked: messages and tools in the words of chat completions.
//
// Thread safety: functions without state.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/responses/chat_reader.h"
#include "api/responses/picture_search.h"
#include "api/responses/session.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/engine.h"

namespace ocellus::api::responses {

// The conversation. Pictures that the model cannot see, or that are gone, are named by their
// number.
Value::List ChatMessages(Session& session, engine::Engine& engine, const std::string& instructions,
                         bool sees_pictures);

// The tools that the session allows, as functions.
Value::List ChatTools(const Session& session);

// A round of the model as the next request repeats it.
Value AssistantMessage(std::string_view text, const std::vector<ChatCall>& calls);
Value ToolMessage(const std::string& call_id, std::string_view content);

// The first of what was found, as small pictures; null when none can be shown.
Value ResultPictures(const std::vector<Found>& found, engine::Libraries& libraries);

// A part of a picture, in thousandths of its width and height.
struct Thousandths {
  std::uint32_t left = 0;
  std::uint32_t top = 0;
  std::uint32_t right = 1000;  // beyond `left`
  std::uint32_t bottom = 1000;
};

// The same in pixels: one or more a side.
image::Box BoxOf(const Thousandths& part, const engine::PictureInfo& picture);

// What a call asks for. InvalidArgument, in words for the model.
struct PictureArguments {
  std::size_t picture = 0;
  Thousandths part;
  std::string json;  // as it stands in the answer
};
Result<PictureArguments> ReadPictureArguments(std::string_view arguments,
                                              std::size_t picture_count);
struct WordsArguments {
  std::vector<std::string> queries;
  std::string json;
};
Result<WordsArguments> ReadWordsArguments(std::string_view arguments);

}  // namespace ocellus::api::responses
