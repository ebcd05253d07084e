// The answerer of a server without a language model: searches each picture, or the words, once, and
// says what was found and how close it is. It does not pretend to understand the question.
//
// Thread-safe. What it is given is borrowed and outlives it.

#pragma once

#include "api/responses/answerer.h"
#include "api/responses/picture_search.h"

namespace ocellus::api::responses {

class BuiltinAnswerer final : public Answerer {
 public:
  explicit BuiltinAnswerer(PictureSearch& search) : search_(search) {}

  Answered Answer(Session& session, Draft& draft, const Caller& caller) override;
  bool IsSlow() const override { return false; }

 private:
  PictureSearch& search_;
};

}  // namespace ocellus::api::responses
