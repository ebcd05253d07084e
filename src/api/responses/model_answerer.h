// The answerer with a language model behind it: the model decides on the searches, sees what they
// found and writes the message, round by round, within limits.
//
// Thread-safe. What it is given is borrowed and outlives it.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "api/responses/answerer.h"
#include "api/responses/chat_server.h"
#include "api/responses/picture_search.h"

namespace ocellus::api::responses {

struct ModelOptions {
  std::string model = {};         // that the chat server knows; empty: what the request says
  bool sees_pictures = false;     // it is shown the user's pictures and those found
  std::string instructions = {};  // more of the operator's own, before the request's
  std::uint32_t max_rounds = 6;
  std::uint32_t max_calls = 24;  // searches of one answer
  std::chrono::milliseconds timeout{180'000};
  std::int64_t max_output_tokens = 4096;  // of one round
  std::int64_t max_tokens = 200'000;      // of all rounds together, in and out
};

class ModelAnswerer final : public Answerer {
 public:
  ModelAnswerer(PictureSearch& search, ChatServer& server, ModelOptions options)
      : search_(search), server_(server), options_(std::move(options)) {}

  Answered Answer(Session& session, Draft& draft, const Caller& caller) override;
  bool IsSlow() const override { return true; }

 private:
  class Run;

  PictureSearch& search_;
  ChatServer& server_;
  const ModelOptions options_;
};

}  // namespace ocellus::api::responses
