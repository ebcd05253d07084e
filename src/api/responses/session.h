// Session: what one request asks, together with the conversation before it and its pictures.
//
// One owner thread. What it is given is borrowed and outlives it.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "api/openai_errors.h"
#include "api/picture_budget.h"
#include "api/responses/files.h"
#include "api/responses/picture_search.h"
#include "api/responses/request_body.h"
#include "engine/engine.h"
#include "engine/library.h"
#include "engine/sources.h"

namespace ocellus::api::responses {

// Where the pictures of a request come from.
struct PictureSources {
  engine::Engine& engine;
  engine::UrlReader* urls;  // null: URLs are not fetched
  Files& files;
  engine::Libraries& libraries;  // that links of this server's own lead to
  PictureBudget& budget;
};

struct SessionLimits {
  std::size_t max_pictures = 32;                           // of a conversation
  std::size_t max_picture_bytes = std::size_t{128} << 20;  // of all those loaded
};

class Session {
 public:
  // `earlier`: the conversation before this request, the oldest first.
  Session(CreateBody body, std::vector<Message> earlier, Searcher searcher, PictureSources sources,
          SessionLimits limits);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Without its messages: messages() has them.
  const CreateBody& body() const { return body_; }
  const Searcher& searcher() const { return searcher_; }

  // The whole conversation. Its pictures are numbered from 0 in the order in which they stand.
  const std::vector<Message>& messages() const { return messages_; }
  std::size_t picture_count() const { return pictures_.size(); }
  // From this one on they belong to this request.
  std::size_t first_new_picture() const { return first_new_; }
  // The words of the user's last message.
  std::string LastWords() const;
  // The tool, if the request declares it and allows a search.
  const Tool* Allowed(std::string_view type) const;

  // What would be refused anyway: before anything is answered.
  std::optional<OpenAiFailure> Check() const;

  // Whether loading the request's own pictures may wait for another server.
  bool HasUrls() const;

  // Loads the request's own pictures. The failure is the first picture's.
  std::optional<OpenAiFailure> LoadNew();

  // The bytes of a picture. One of an earlier request may be gone by now: then a failure.
  // REQUIRES: index < picture_count()
  std::optional<OpenAiFailure> Load(std::size_t index);
  // REQUIRES: Load(index) succeeded
  const std::string& Bytes(std::size_t index) const { return pictures_[index].bytes; }

 private:
  struct Picture {
    PictureRef ref;
    std::string bytes;
    bool loaded = false;
  };

  std::optional<OpenAiFailure> Fetch(const PictureRef& ref, std::string& bytes) const;

  bool Hold(std::size_t bytes);

  CreateBody body_;
  std::vector<Message> messages_;
  const Searcher searcher_;
  const PictureSources sources_;
  const SessionLimits limits_;
  std::vector<Picture> pictures_;
  std::size_t first_new_ = 0;
  std::size_t bytes_ = 0;  // loaded
  std::size_t held_ = 0;   // taken of the budget
  bool too_much_ = false;  // for the budget, as it came
};

}  // namespace ocellus::api::responses
